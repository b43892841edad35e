"""Pruned pages return to the file system, also on a full disk (journal/maintenance/compaction, relief, spare)."""

from __future__ import annotations

import itertools
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from chatctl.chat.entries.queries import SearchQuery
from chatctl.errors import StartError
from chatctl.journal.exchange.offline import StoppedJournal
from chatctl.journal.index import place_index, text_index
from chatctl.journal.index.history_reader import read
from chatctl.journal.maintenance import compaction, retention
from chatctl.journal.maintenance.chores import Chores
from chatctl.journal.maintenance.disk_relief import DiskFullError, DiskRelief
from chatctl.journal.maintenance.retention import PruneProgress
from chatctl.journal.sqlite_store import SqliteStore, StoreBatch
from chatctl.journal.store import schema, spare_file
from chatctl.journal.store.data_folder import SPARE, journal_file
from chatctl.journal.store.spare_file import SpareFile
from tests.journal.journals import DEADLINE, START, Desk, fact
from tests.journal.test_writer import kept
from tests.small_disk import small_disk

pytestmark = pytest.mark.e2e

COUNT = 20_000
LEFT = 2_200


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(tmp_path / "journal.db")
    made.open()
    yield made
    made.close()


def fill(store: SqliteStore, count: int = COUNT) -> None:
    for seq in range(1, count + 1, 500):
        store.commit(StoreBatch([fact(each, f"word{each % 97} some words {each}") for each in range(seq, seq + 500)]))
    while text_index.follow(store) == text_index.SLICE:
        pass
    while place_index.follow(store) == place_index.SLICE:
        pass
    store.checkpoint(whole=True)


def old_layout(path: Path, count: int = COUNT) -> None:
    """Make a journal as version 0.1.0 made it: without the pointers that moving pages needs."""
    made = SqliteStore(path)
    made.open()
    made.connection.execute("PRAGMA journal_mode = DELETE").fetchall()
    made.connection.execute("PRAGMA auto_vacuum = NONE")
    made.connection.execute("VACUUM")
    made.close()
    made.open()
    assert not compaction.is_incremental(made.connection)
    fill(made, count)
    made.close()


def is_sound(path: Path) -> bool:
    connection = schema.open_reading(path)
    try:
        return bool(connection.execute("PRAGMA integrity_check").fetchone() == ("ok",))
    finally:
        connection.close()


def test_running_server_returns_pruned_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.journal.maintenance.chores.QUIET_SECONDS", 0.0)
    path = tmp_path / "journal.db"
    made = SqliteStore(path)
    made.open()
    fill(made)
    made.close()
    before = path.stat().st_size
    with Desk(path) as desk:
        assert desk.journal.status()["file_bytes"] == before
        done: list[int | Exception] = []
        desk.journal.prune(fact(COUNT - LEFT + 1).time, done.append)
        desk.owner.until(lambda: done)
        assert done == [COUNT - LEFT]
        by = time.monotonic() + DEADLINE
        seq = COUNT
        while path.stat().st_size > before / 3:
            seq += 1
            desk.keep([fact(seq)])  # messages are stored meanwhile
            assert time.monotonic() < by, str(desk.journal.status())
        assert desk.journal.status()["returns_space"] is True
        assert kept(path) == [
            fact(each) if each > COUNT else _filled(each) for each in range(COUNT - LEFT + 1, seq + 1)
        ]
    assert is_sound(path)


def _filled(seq: int) -> object:
    return fact(seq, f"word{seq % 97} some words {seq}")


def test_slice_of_returned_pages_is_bounded(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of pages follows the time that a slice takes, here always too long."""
    ticks = iter(range(1_000_000))
    monkeypatch.setattr("chatctl.journal.maintenance.compaction.time.monotonic", lambda: float(next(ticks)))
    fill(store)
    for _ in retention.prune(store, START * 2, PruneProgress()):
        pass
    counts = [compaction.free_pages(store.connection)]
    for _ in compaction.shrink(store):
        counts.append(compaction.free_pages(store.connection))
    moved = [before - after for before, after in itertools.pairwise(counts)]
    assert moved[0] <= compaction.FIRST_PAGES
    assert max(moved[4:]) <= compaction.MIN_PAGES
    assert counts[-1] <= compaction.MIN_KEPT_PAGES


def test_older_journal_is_converted_once(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    old_layout(path)
    facts = kept(path)
    old = os.open(path, os.O_RDONLY)  # the rest of the old file
    try:
        with Desk(path) as desk:
            assert "journal converted" in [event for event, _ in desk.log.events]
            assert desk.journal.status()["returns_space"] is True
            assert kept(path) == facts
            desk.keep([fact(COUNT + 1)])
        assert os.fstat(old).st_nlink == 0
        assert not any(os.pread(old, os.fstat(old).st_size, 0))
    finally:
        os.close(old)
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in tmp_path.iterdir()) == ["journal.db"]
    assert is_sound(path)
    with Desk(path) as desk:
        assert desk.log.events == []
        assert kept(path) == [*facts, fact(COUNT + 1)]
        found = desk.do(lambda store: read(store.connection, SearchQuery("word96", 9, COUNT)).facts)
        assert len(found) == 9


def test_journal_is_not_converted_without_space_or_while_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.db"
    old_layout(path, 1000)
    events: list[tuple[str, dict[str, object]]] = []
    with monkeypatch.context() as patch:
        patch.setattr(compaction, "free_bytes", lambda folder: 1000)
        compaction.convert(path, lambda event, fields: events.append((event, fields)))
    other = sqlite3.connect(path)
    other.execute("SELECT count(*) FROM facts").fetchone()
    compaction.convert(path, lambda event, fields: events.append((event, fields)))
    other.close()
    said = [(event, fields.get("reason")) for event, fields in events]
    assert said == [
        ("journal not converted", "too little free space"),
        ("converting the journal, once", None),
        ("journal not converted", "database is locked"),
    ]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["journal.db"]
    with Desk(path) as desk:
        assert desk.journal.status()["returns_space"] is True
        assert len(kept(path)) == 1000


def test_killed_conversion_leaves_the_journal_unchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.db"
    old_layout(path, 1000)

    def killed(*args: object) -> None:
        raise OSError("killed")

    with monkeypatch.context() as patch:
        patch.setattr("chatctl.journal.maintenance.compaction.os.rename", killed)
        compaction.convert(path)
    path.with_name("journal.db.part").write_bytes(b"half of it")
    with Desk(path) as desk:
        assert len(kept(path)) == 1000
        assert desk.journal.status()["returns_space"] is True


def test_prune_without_a_server_shrinks_the_file(tmp_path: Path) -> None:
    path = journal_file(tmp_path)
    old_layout(path)
    before = path.stat().st_size
    with StoppedJournal(tmp_path, deletes=True) as stopped:
        assert stopped.prune(fact(COUNT - LEFT + 1).time, lambda facts: None) == COUNT - LEFT
    assert path.stat().st_size < before / 3
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(kept(path)) == LEFT
    assert is_sound(path)


# A disk without room.


def full(at: list[int]) -> None:
    """Fail as SQLite does while the disk is full."""
    at[0] += 1
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    raise error


@pytest.mark.parametrize("has_spare", [True, False])
def test_deletion_on_a_full_disk_is_tried_at_most_twice(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, has_spare: bool
) -> None:
    if has_spare:
        for _ in SpareFile(store.path.parent).make():
            pass
    tries = [0]

    def work() -> Iterator[None]:
        full(tries)
        yield

    with pytest.raises(DiskFullError, match=r"The disk is full.*free 8 MB for .*, then run the command again"):
        list(DiskRelief(store, SpareFile(store.path.parent)).run(work))
    assert tries == [1 + has_spare]
    assert not (store.path.parent / SPARE).exists()


def test_prune_is_answered_though_other_chores_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint that cannot be done comes first in the list, and after a failure all chores rest for a minute."""
    with Desk(tmp_path / "journal.db") as desk:
        desk.keep([fact(seq) for seq in range(1, 100)])
        failed = [0]
        monkeypatch.setattr(Chores, "_copy", lambda self: full(failed))
        desk.do(lambda store: setattr(store, "wal_frames", 9000))
        by = time.monotonic() + DEADLINE
        while not failed[0]:
            desk.do(lambda store: None)
            assert time.monotonic() < by
        done: list[int | Exception] = []
        desk.journal.prune(START * 2, done.append)
        desk.owner.until(lambda: done)
        assert done == [99]


def test_prune_is_answered_under_endless_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.journal.maintenance.chores.PRUNE_EVERY_SECONDS", 0.0)
    with Desk(tmp_path / "journal.db") as desk:
        desk.keep([fact(seq) for seq in range(1, 100)])
        chores = desk.journal._chores
        done: list[int | Exception] = []

        def loaded(store: SqliteStore) -> None:
            chores.prune(START * 2, done.append)
            for _ in range(50):
                chores.slice(waiting=True)

        desk.do(loaded)
        assert done == [99]


@pytest.fixture
def make_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Make file systems of this many KiB."""
    with ExitStack() as mounted:
        numbers = itertools.count()
        yield lambda kib: mounted.enter_context(small_disk(tmp_path / f"disk{next(numbers)}", kib))


def fill_up(folder: Path) -> None:
    """Take what the disk has left."""
    descriptor = os.open(folder / "fill", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    try:
        while True:
            os.write(descriptor, bytes(4096))
    except OSError:
        pass
    finally:
        os.close(descriptor)


def test_prune_on_a_full_disk_frees_space(make_disk: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The WAL holds what the database file has no room for."""
    monkeypatch.setattr("chatctl.journal.health.PROBE_EVERY_SECONDS", 0.05)
    monkeypatch.setattr(spare_file, "ENOUGH_BYTES", 0)
    monkeypatch.setattr(spare_file, "SPARE_BYTES", 1 << 20)
    folder = make_disk(16 * 1024)
    path = journal_file(folder)
    made = SqliteStore(path)
    made.open()
    fill(made, 10_000)
    made.close()
    for _ in SpareFile(folder).make():
        pass
    assert (folder / SPARE).stat().st_size == 1 << 20
    with Desk(path) as desk:
        desk.do(lambda store: None)
        fill_up(folder)
        owner, seq = desk.owner, 10_000
        while not owner.failures():
            heard = len(owner.heard)
            desk.journal.append([fact(seq + each, "x" * 300) for each in range(1, 31)])
            seq += 30
            owner.until(lambda heard=heard: len(owner.heard) > heard)  # type: ignore[misc]
        fill_up(folder)
        done: list[int | Exception] = []
        desk.journal.prune(fact(9_000).time, done.append)
        owner.until(lambda: done)
        assert done == [8_999]
        by = time.monotonic() + DEADLINE
        while owner.heard[-1][0] != "durable":  # messages can be stored again
            heard, seq = len(owner.heard), seq + 1
            desk.journal.append([fact(seq)])
            owner.until(lambda heard=heard: len(owner.heard) > heard)  # type: ignore[misc]
            assert time.monotonic() < by
    assert is_sound(path)


def _prune_stopped(folder: Path) -> None:
    with StoppedJournal(folder, deletes=True) as stopped:
        stopped.prune(fact(9_000).time, lambda facts: None)


def test_prune_on_a_full_disk_without_a_spare_file_is_an_error(
    make_disk: Callable[[int], Path],
) -> None:
    folder = make_disk(8 * 1024)
    path = journal_file(folder)
    made = SqliteStore(path)
    made.open()
    fill(made, 10_000)
    fill_up(folder)
    made.close()
    with pytest.raises((DiskFullError, StartError), match="full"):
        _prune_stopped(folder)
    (folder / "fill").unlink()
    _prune_stopped(folder)
    assert len(kept(path)) == 1_001
    assert is_sound(path)


# Faults built in must be found.


def _checkpoints_come_before_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    slice = Chores.slice

    def in_order(self: Chores, *, waiting: bool) -> None:
        self._work.extend(self._prunes)
        self._prunes.clear()
        slice(self, waiting=waiting)

    monkeypatch.setattr(Chores, "slice", in_order)
    monkeypatch.setattr("tests.journal.journals.DEADLINE", 1.0)


def _the_spare_file_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SpareFile, "release", lambda self: False)


@pytest.mark.parametrize(
    ("build_in", "test"),
    [
        (_checkpoints_come_before_commands, test_prune_is_answered_though_other_chores_fail),
        (_checkpoints_come_before_commands, test_prune_is_answered_under_endless_load),
    ],
)
def test_built_in_fault_is_found(
    build_in: Callable[[pytest.MonkeyPatch], None],
    test: Callable[[Path, pytest.MonkeyPatch], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    build_in(monkeypatch)
    with pytest.raises(AssertionError):
        test(tmp_path, monkeypatch)


def test_missing_release_of_the_spare_file_is_found(
    make_disk: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _the_spare_file_stays(monkeypatch)
    with pytest.raises(AssertionError):
        test_prune_on_a_full_disk_frees_space(make_disk, monkeypatch)
