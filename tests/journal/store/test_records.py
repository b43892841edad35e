"""Accounts and invitations in the journal (journal/store/store, journal/writer)."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from chatctl.chat.model.accounts import Account, Changes, Invitation, Record, RecordKey, record_key
from chatctl.journal.sqlite_store import FULL, NotStored
from chatctl.journal.store.schema import MIGRATIONS, migrate, open_writing
from tests.journal.journals import Desk, TestStore, fact

ANN = Account("ann", "Ann", "SCRAM-SHA-256$...", 1, "boot-1", 1, operator=True)
BOB = Account("bob", "bob", "SCRAM-SHA-256$...", 2, "boot-2", 2)
INVITE = Invitation("0" * 64, 3, 99, "#tea", 3)


def changes(first: int, last: int, *records: Record, gone: tuple[RecordKey, ...] = ()) -> Changes:
    return Changes(first, last, {record_key(record): record for record in records} | dict.fromkeys(gone))


def test_records_survive_a_restart(tmp_path: Path) -> None:
    with Desk(tmp_path / "j.db") as desk:
        assert desk.journal.records() == []
        desk.journal.append((), records=changes(1, 2, ANN, BOB, INVITE))
        desk.owner.until(lambda: desk.owner.reached == 2)
        desk.journal.append([fact(3)], records=changes(4, 4, gone=(("account", "bob"),)))
        desk.owner.until(lambda: desk.owner.reached == 4)
    with Desk(tmp_path / "j.db") as desk:
        assert desk.journal.records() == [ANN, INVITE]


def test_full_disk_is_reported_for_records(tmp_path: Path) -> None:
    store = TestStore(tmp_path / "j.db")

    with Desk(tmp_path / "j.db", store) as desk:
        desk.journal.append((), records=changes(1, 1, ANN))
        desk.owner.until(lambda: desk.owner.reached == 1)
        store.plan.append(lambda batch: _refuse())
        desk.journal.append((), records=changes(5, 7, BOB))
        desk.owner.until(desk.owner.failures)
        assert desk.owner.failures()[0][:2] == (5, 7)
    with Desk(tmp_path / "j.db") as desk:
        assert desk.journal.records() == [ANN]


def _refuse() -> None:
    raise NotStored(FULL, lasting=False)


def test_journal_of_the_first_version_is_migrated(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    connection = sqlite3.connect(path, isolation_level=None)
    migrate(connection, MIGRATIONS[:1])
    connection.execute('INSERT INTO rooms VALUES (\'#a\', \'{"key":"#a","name":"#a","created":5}\')')
    connection.close()
    connection = open_writing(path)
    assert connection.execute("SELECT count(*) FROM records").fetchone() == (0,)
    assert connection.execute("SELECT count(*) FROM rooms").fetchone() == (1,)
    connection.close()
