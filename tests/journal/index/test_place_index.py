"""The index by place follows the facts, and its progress does not change answers (place_index, schema, chores)."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatctl.chat.entries.queries import HistoryQuery, Mark, TargetsQuery
from chatctl.journal.exchange.export_import import import_facts
from chatctl.journal.index import place_index, text_index
from chatctl.journal.index.history_reader import read
from chatctl.journal.maintenance import retention
from chatctl.journal.maintenance.retention import PruneProgress
from chatctl.journal.sqlite_store import SqliteStore, StoreBatch
from chatctl.journal.store.schema import MIGRATIONS, migrate, open_writing
from tests.journal.journals import DEADLINE, START, Desk, fact, opened
from tests.journal.test_writer import EVERYTHING, kept

NOW = 10**15
VERSION = "PRAGMA user_version"


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    with opened() as opened_store:
        yield opened_store


def sound(connection: sqlite3.Connection) -> bool:
    """Return whether the index has exactly the facts before its mark ([mark] in place_index.py)."""
    slice = "(SELECT number FROM slices WHERE last >= id ORDER BY last LIMIT 1)"
    facts = f"SELECT {slice} AS slice, lane, id FROM facts WHERE id <= {place_index.MARK} ORDER BY slice, lane, id"
    indexed = connection.execute("SELECT slice, lane, id FROM lanes").fetchall()
    return indexed == connection.execute(facts).fetchall()


def seqs(connection: sqlite3.Connection, query: HistoryQuery) -> list[int]:
    return [fact.seq for fact in read(connection, query).facts]


@pytest.mark.parametrize("placed", [0, 1, 5, 9, 10])
def test_room_is_read_across_the_index_watermark(store: SqliteStore, placed: int) -> None:
    store.commit(StoreBatch([fact(seq, place=f"#r{seq % 2}") for seq in range(1, 11)]))
    if placed:
        assert place_index.follow(store, placed) == placed
    assert sound(store.connection)
    half = Mark("boot1-5")
    for query, meant in [
        (HistoryQuery("#r1", 9, 99), [1, 3, 5, 7, 9]),
        (HistoryQuery("#r1", 2, 99), [7, 9]),
        (HistoryQuery("#r1", 9, 4), [1, 3]),
        (HistoryQuery("#r1", 2, 99, after=Mark("boot1-1"), newest=False), [3, 5]),
        (HistoryQuery("#r1", 9, 99, after=half), [7, 9]),
        (HistoryQuery("#r1", 9, 99, before=half), [1, 3]),
        (HistoryQuery("#r1", 4, 99, around=half), [1, 3, 5, 7]),
    ]:
        assert seqs(store.connection, query) == meant, query
    targets = read(store.connection, TargetsQuery(("#r0", "#r1", "#none"), "x", 0, START * 2, 9, 9)).targets
    assert [(place, fact.seq) for place, fact in targets] == [("#r0", 8), ("#r1", 9)]


def test_redacted_message_leaves_the_place_index(store: SqliteStore) -> None:
    """On either side of the mark; with all kinds its place can still be seen."""
    store.commit(StoreBatch([fact(seq) for seq in range(1, 7)]))
    place_index.follow(store, 4)
    store.commit(StoreBatch([fact(7, "boot1-2 x", kind="REDACT"), fact(8, "boot1-5 x", kind="REDACT")]))
    for _ in range(2):
        assert sound(store.connection)
        assert seqs(store.connection, HistoryQuery("#lobby", 9, 99)) == [1, 3, 4, 6]
        assert seqs(store.connection, HistoryQuery("#lobby", 9, 99, kinds=())) == [1, 2, 3, 4, 5, 6, 7, 8]
        assert place_index.follow(store) in (4, 0)


def test_facts_imported_below_the_watermark_are_indexed(store: SqliteStore) -> None:
    everything = [fact(seq, place=f"#r{seq % 2}") for seq in range(1, 60)]
    store.commit(StoreBatch(everything[20:]))
    place_index.follow(store, 25)
    assert import_facts(store, everything, NOW, upto=59).kept == 20
    elsewhere = [fact(seq, time=everything[seq].time, boot="x", message_id=f"x{seq}") for seq in range(30, 58)]
    assert import_facts(store, elsewhere, NOW, upto=59).kept == 28
    assert sound(store.connection)
    assert seqs(store.connection, HistoryQuery("#r1", 99, 99)) == list(range(1, 60, 2))
    assert len(read(store.connection, HistoryQuery("#lobby", 99, 99)).facts) == 28


def test_pruned_facts_leave_the_index(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.journal.maintenance.retention.SLICE", 7)
    store.commit(StoreBatch([fact(seq, place=f"#r{seq % 3}") for seq in range(1, 60)]))
    place_index.follow(store, 40)
    for _ in retention.prune(store, fact(30).time, PruneProgress()):
        assert sound(store.connection)
    for _ in retention.prune(store, fact(50).time, PruneProgress()):
        assert sound(store.connection)
    assert store.connection.execute("SELECT count(*) FROM lanes").fetchone() == (0,)
    assert place_index.follow(store) == 10
    assert seqs(store.connection, HistoryQuery("#r1", 99, 99)) == [52, 55, 58]


def test_batch_of_many_rooms_writes_few_pages(store: SqliteStore) -> None:
    """The cost of appending does not grow: 200 messages go to the end of one table."""
    for first in range(1, 40_001, 2000):
        store.commit(StoreBatch([fact(seq, place=f"#r{seq * 7919 % 1000}") for seq in range(first, first + 2000)]))
        while place_index.count_unindexed(store.connection, place_index.SLICE) == place_index.SLICE:
            place_index.follow(store)
    store.checkpoint(whole=True)
    store.commit(StoreBatch([fact(seq, place=f"#r{seq * 7919 % 1000}") for seq in range(40_001, 40_201)]))
    frames = store.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1]
    assert frames < 15


def test_journal_updates_the_index_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.journal.index.place_index.SLICE", 500)
    with Desk(tmp_path / "j.db") as desk:
        for seq in range(1, 5001):  # one never waits for the other: a load without end
            desk.journal.append([fact(seq)])
        desk.owner.until(lambda: desk.owner.reached == 5000)
        assert desk.do(lambda store: place_index.count_unindexed(store.connection, 9999)) < 9999
        by = time.monotonic() + DEADLINE
        while desk.do(lambda store: place_index.count_unindexed(store.connection, 9999)) >= 500:
            assert time.monotonic() < by
        assert desk.do(lambda store: sound(store.connection))


def test_unfinished_indexing_of_an_earlier_start_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it, by place and by word."""
    store = SqliteStore(tmp_path / "j.db")
    store.open()
    store.commit(StoreBatch([fact(seq) for seq in range(1, 5001)]))
    store.close()
    monkeypatch.setattr("chatctl.journal.index.place_index.SLICE", 1000)
    monkeypatch.setattr("chatctl.journal.maintenance.chores.MAX_UNINDEXED_FACTS", 2000)
    with Desk(tmp_path / "j.db") as desk:
        by = time.monotonic() + DEADLINE
        for index in (place_index, text_index):
            while desk.do(lambda store, index=index: index.count_unindexed(store.connection, 9999)) >= index.SLICE:  # type: ignore[misc]
                assert time.monotonic() < by, index


def second_version(path: Path) -> sqlite3.Connection:
    """A journal as the second version left it, with facts."""
    connection = sqlite3.connect(path, isolation_level=None)
    migrate(connection, MIGRATIONS[:2])
    with opened() as store:
        store.commit(StoreBatch(EVERYTHING))
        for table in ("facts", "heads", "places", "pairs"):
            found = store.connection.execute(f"SELECT * FROM {table}").fetchall()
            marks = ",".join("?" * len(found[0])) if found else ""
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", found)
    return connection


def test_journal_of_the_second_version_is_migrated(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    second_version(path).close()
    with Desk(path) as desk:
        assert kept(path) == EVERYTHING
        assert desk.do(lambda store: (sound(store.connection), place_index.count_unindexed(store.connection, 99))) == (
            True,
            0,
        )
        page = desk.ask(HistoryQuery("#lobby", 10, 9, kinds=()))
        assert page.facts == [fact for fact in EVERYTHING if fact.place == "#lobby"]
        desk.keep([fact(10)])
        assert desk.ask(HistoryQuery("#lobby", 1, 10)).facts == [fact(10)]


def test_migration_of_the_place_index_is_atomic(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    connection = second_version(path)
    before = list(connection.iterdump())
    connection.set_authorizer(
        lambda action, *about: sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_DROP_INDEX else sqlite3.SQLITE_OK
    )
    with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
        migrate(connection)
    connection.set_authorizer(None)
    assert connection.execute(VERSION).fetchone() == (2,)
    assert list(connection.iterdump()) == before
    connection.close()
    connection = open_writing(path)
    assert connection.execute(VERSION).fetchone() == (len(MIGRATIONS),)
    assert sound(connection)
    connection.close()
