"""Commits that fail, are torn, or have an unknown outcome (journal/writer, journal/store/store)."""

from __future__ import annotations

import errno
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatctl.chat.entries.facts import Fact
from chatctl.chat.entries.queries import HistoryQuery
from chatctl.chat.model.records import RoomRecord
from chatctl.journal.sqlite_store import FULL, NotStored, SqliteStore, StoreBatch
from chatctl.journal.store.data_folder import journal_file
from chatctl.journal.store.schema import open_reading, transaction
from tests.journal.journals import DEADLINE, Desk, TestStore, fact
from tests.journal.test_writer import kept
from tests.small_disk import small_disk


@pytest.fixture
def store(tmp_path: Path) -> TestStore:
    return TestStore(tmp_path / "j.db")


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.journal.health.SETTLE_PAUSE", 0.0)


def io_error(batch: StoreBatch) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    raise error


def disk_full(batch: StoreBatch) -> None:
    raise NotStored(FULL, lasting=True)


def no_room() -> None:
    raise NotStored(FULL, lasting=True)


def test_commits_on_a_full_disk_fail_at_once_until_a_probe_succeeds(
    store: TestStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatctl.journal.health.PROBE_EVERY_SECONDS", 3600.0)
    store.plan = [disk_full]
    store.probes = [no_room]
    with Desk(store.path, store) as desk:
        journal, owner = desk.journal, desk.owner
        journal.append([fact(1), fact(2)])
        owner.until(lambda: owner.failures() == [(1, 2, FULL)])
        assert journal.status()["state"] == FULL
        journal.append([fact(3)])
        owner.until(lambda: owner.failures()[1:] == [(3, 3, FULL)])
        journal.probe()
        journal.append([fact(4)])
        owner.until(lambda: len(owner.failures()) == 3)
        assert store.batches == [2]  # nothing was tried
        journal.probe()
        desk.keep([fact(5)])
        assert journal.status()["state"] == "ok"
        assert kept(desk.path) == [fact(5)]
        assert [event for event, _ in desk.log.events] == ["not stored", "journal works again"]


def test_full_disk_is_probed_periodically(store: TestStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.journal.health.PROBE_EVERY_SECONDS", 0.01)
    store.plan = [disk_full]
    store.probes = [no_room] * 3
    with Desk(store.path, store) as desk:
        desk.journal.append([fact(1)])
        desk.owner.until(desk.owner.failures)
        seq = 1
        while desk.owner.reached == 0:
            seq += 1
            heard = len(desk.owner.heard)
            desk.journal.append([fact(seq)])
            desk.owner.until(lambda heard=heard: len(desk.owner.heard) > heard)  # type: ignore[misc]
        assert kept(desk.path) == [fact(seq)]
        assert store.probes == []


def test_facts_appended_after_a_failed_batch_fail_with_it(store: TestStore) -> None:
    def too_large(batch: StoreBatch) -> None:
        raise NotStored("it is too large", lasting=False)

    store.plan = [too_large]
    store.gate.clear()
    with Desk(store.path, store) as desk:
        desk.journal.append([fact(1)])
        assert store.entered.wait(DEADLINE)
        desk.journal.append([fact(2)])
        store.gate.set()
        desk.owner.until(lambda: len(desk.owner.failures()) == 2)
        assert desk.owner.failures() == [
            (1, 1, "it is too large"),
            (2, 2, "earlier messages could not be stored"),
        ]
        desk.keep([fact(3)])  # decided after the failure was heard of
        assert kept(desk.path) == [fact(3)]


def test_unknown_outcome_that_was_stored_is_durable(store: TestStore) -> None:
    def after(batch: StoreBatch) -> None:
        store.really(batch)
        io_error(batch)

    store.plan = [after]
    with Desk(store.path, store) as desk:
        desk.keep([fact(1), fact(2)])
        desk.keep([fact(3)])
        assert desk.owner.failures() == []
        assert kept(desk.path) == [fact(1), fact(2), fact(3)]


def test_unknown_outcome_that_was_not_stored_has_failed(store: TestStore) -> None:
    store.plan = [io_error]
    with Desk(store.path, store) as desk:
        desk.journal.append([fact(1)], rooms=[RoomRecord("#x", "#x", 1)])
        desk.owner.until(lambda: desk.owner.failures() == [(1, 1, "the disk reported an error")])
        desk.keep([fact(2)])
        assert kept(desk.path) == [fact(2)]
        assert desk.do(lambda store: store.rooms()) == []


def test_torn_batch_is_not_stored(store: TestStore) -> None:
    def tear(batch: StoreBatch) -> None:
        with transaction(store.connection):
            store.insert(store.encode(batch.facts[:1]))
            io_error(batch)

    store.plan = [tear]
    with Desk(store.path, store) as desk:
        desk.journal.append([fact(1), fact(2)])
        desk.owner.until(lambda: desk.owner.failures() == [(1, 2, "the disk reported an error")])
        desk.keep([fact(3)])
        assert kept(desk.path) == [fact(3)]


def test_batch_of_rooms_only_is_repeated(store: TestStore) -> None:
    store.plan = [io_error]
    with Desk(store.path, store) as desk:
        desk.journal.append([], rooms=[RoomRecord("#x", "#x", 1)])
        assert store.entered.wait(DEADLINE)
        desk.keep([fact(1)])
        assert [room.key for room in desk.do(lambda store: store.rooms())] == ["#x"]


def test_undecidable_outcome_is_fatal_and_unanswered(store: TestStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(self: SqliteStore, batch: StoreBatch) -> bool:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(SqliteStore, "settle", unreadable)
    store.plan = [io_error]
    with Desk(store.path, store) as desk:
        desk.journal.append([fact(1)])
        desk.journal.append([fact(2)])
        desk.owner.until(lambda: desk.owner.heard)
        assert [what[0] for what in desk.owner.heard] == ["fatal"]
    assert [what[0] for what in desk.owner.heard] == ["fatal"]


def test_journal_that_cannot_be_reopened_is_logged_once(store: TestStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.journal.health.SETTLE_PAUSE", 0.0)
    with Desk(store.path, store) as desk:
        desk.keep([fact(1)])

        def gone(self: SqliteStore) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        monkeypatch.setattr(SqliteStore, "open", gone)
        store.plan = [io_error]
        desk.journal.append([fact(2)])
        desk.owner.until(lambda: desk.owner.heard[-1][0] == "fatal")
    assert {event for event, _ in desk.log.events} == {"commit unknown", "journal not readable"}


def test_unexpected_error_is_fatal(store: TestStore) -> None:
    def bug(batch: StoreBatch) -> None:
        raise RuntimeError("surprise")

    store.plan = [bug]
    with Desk(store.path, store) as desk:
        desk.journal.append([fact(1)])
        desk.owner.until(lambda: desk.owner.heard)
        assert desk.owner.heard == [("fatal", "the journal failed: surprise")]


def test_commit_mark_beyond_the_end_of_the_wal_never_returns(tmp_path: Path) -> None:
    """A commit that was written and then failed to sync stays in the file. Settling must write over it."""
    store = SqliteStore(tmp_path / "j.db")
    store.open()
    store.commit(StoreBatch([fact(1)]))
    reader = sqlite3.connect(f"file:{store.path}?mode=ro", uri=True)  # keeps the WAL, as our readers do
    reader.execute("SELECT count(*) FROM facts").fetchone()
    shutil.copy(store.path, tmp_path / "before.db")
    wal = Path(f"{store.path}-wal")
    size = wal.stat().st_size
    other = tmp_path / "other"  # the same journal, in which the commit works: whose WAL goes on with that commit
    other.mkdir()
    for name in ("j.db", "j.db-wal"):
        shutil.copy(tmp_path / name, other / name)
    twin = SqliteStore(other / "j.db")
    twin.open()
    twin.commit(StoreBatch([fact(2)]))
    whole = Path(f"{twin.path}-wal").read_bytes()
    assert len(whole) > size
    with open(wal, "r+b") as file:
        file.seek(size)
        file.write(whole[size:])
    assert store.settle(StoreBatch([fact(2)])) is False
    killed = tmp_path / "killed"
    killed.mkdir()
    for name in ("j.db", "j.db-wal"):
        shutil.copy(tmp_path / name, killed / name)
    found = SqliteStore(killed / "j.db")
    found.open()
    assert kept(found.path) == [fact(1)]
    for each in (store, twin, found):
        each.close()
    reader.close()


def test_invalid_fact_fails_alone(tmp_path: Path) -> None:
    with Desk(tmp_path / "j.db") as desk:
        desk.journal.append([fact(1, "\ud800")])
        desk.owner.until(desk.owner.failures)
        desk.keep([fact(2)])
        desk.journal.append([fact(2, "again")])  # a seq that was given twice
        desk.owner.until(lambda: len(desk.owner.failures()) == 2)
        assert "other facts with these numbers" in str(desk.owner.failures()[1])
        desk.keep([fact(3)])
        assert kept(desk.path) == [fact(2), fact(3)]


def test_new_name_of_a_failed_batch_is_new_again(tmp_path: Path) -> None:
    with Desk(tmp_path / "j.db") as desk:
        desk.keep([fact(1)])
        desk.journal.append([fact(1, source="new!u@h", place="#new")])
        desk.owner.until(desk.owner.failures)
        desk.keep([fact(2, source="new!u@h", place="#new")])
        assert kept(desk.path) == [fact(1), fact(2, source="new!u@h", place="#new")]


def test_facts_found_after_an_error_are_checkpointed_before_they_are_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An fsync that failed is not asked about twice: the kernel may have thrown the pages of the WAL away."""
    monkeypatch.setattr("chatctl.journal.store.schema.BUSY_SECONDS", 0.01)
    store = SqliteStore(tmp_path / "j.db")
    store.open()
    store.commit(StoreBatch([fact(1)]))
    reader = open_reading(store.path)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM facts").fetchone()
    store.commit(StoreBatch([fact(2)]))
    with pytest.raises(sqlite3.OperationalError, match="in the way"):
        store.settle(StoreBatch([fact(2)]))
    reader.close()
    assert store.settle(StoreBatch([fact(2)]))
    (tmp_path / "alone").mkdir()
    shutil.copy(store.path, tmp_path / "alone")
    assert kept(tmp_path / "alone" / "j.db") == [fact(1), fact(2)]
    store.close()


@pytest.mark.parametrize(
    ("error", "certain"),
    [
        (OSError(errno.ENOSPC, "full"), True),
        (OSError(errno.EIO, "broken"), False),
        (sqlite3.SQLITE_FULL, True),
        (sqlite3.SQLITE_BUSY, True),
        (sqlite3.SQLITE_READONLY_DBMOVED, True),
        (sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, True),
        (sqlite3.SQLITE_IOERR_FSYNC, False),
        (sqlite3.SQLITE_IOERR_WRITE, False),
        (sqlite3.SQLITE_CORRUPT, False),
    ],
)
def test_errors_with_an_unknown_outcome_are_known(store: TestStore, error: OSError | int, certain: bool) -> None:
    def fail(encoded: object) -> None:
        if isinstance(error, OSError):
            raise error
        made = sqlite3.OperationalError("made up")
        made.sqlite_errorcode = error
        raise made

    store.open()
    store.insert = fail  # type: ignore[method-assign]
    with pytest.raises(NotStored if certain else (OSError, sqlite3.OperationalError)):
        store.commit(StoreBatch([fact(1)]))
    store.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    with small_disk(tmp_path / "small", 2048) as folder:
        yield folder


def test_full_disk_loses_nothing_durable(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that was said to be durable is there, nothing else is, and it goes on when there is room again."""
    monkeypatch.setattr("chatctl.journal.health.PROBE_EVERY_SECONDS", 0.02)
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(500_000))
    with Desk(journal_file(disk)) as desk:
        owner, seq = desk.owner, 0
        meant: list[Fact] = []
        by = time.monotonic() + DEADLINE
        while time.monotonic() < by:
            batch = [fact(seq + at, "word " * 40) for at in range(1, 31)]
            seq += 30
            heard = len(owner.heard)
            desk.journal.append(batch)
            owner.until(lambda heard=heard: len(owner.heard) > heard)  # type: ignore[misc]
            if owner.heard[-1][0] == "durable":
                meant += batch
            else:
                assert owner.heard[-1] == ("failed", seq - 29, seq, FULL)
                if len(owner.failures()) == 5:
                    assert kept(desk.path) == meant
                    ballast.unlink()
                if len(owner.failures()) > 5 and owner.reached == 0:
                    break
            if not ballast.exists() and owner.heard[-1][0] == "durable":
                break
        assert len(owner.failures()) >= 5
        assert owner.heard[-1][0] == "durable"
        assert kept(desk.path) == meant
        assert list(desk.ask(HistoryQuery("#lobby", 10, seq)).facts) == meant[-10:]
    with Desk(journal_file(disk)) as desk:
        assert kept(desk.path) == meant
