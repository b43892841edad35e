"""Files that are removed, moved or replaced under a running server are noticed (folder_watch, health)."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chatctl.journal.sqlite_store import SqliteStore
from chatctl.journal.store.data_folder import LOCK
from chatctl.journal.store.folder_watch import FileWatch
from tests.journal.journals import DEADLINE, START, Desk, fact
from tests.journal.test_writer import kept


def folder_removed(folder: Path) -> None:
    shutil.rmtree(folder)


def folder_moved(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))


def folder_replaced(folder: Path) -> None:
    shutil.copytree(folder, folder.with_name("copy"))
    folder_moved(folder)
    folder.with_name("copy").rename(folder)


def parent_moved(folder: Path) -> None:
    folder.parent.rename(folder.parent.with_name("other-parent"))


def journal_removed(folder: Path) -> None:
    (folder / "journal.db").unlink()


def journal_replaced(folder: Path) -> None:
    other = SqliteStore(folder / "other.db")
    other.open()
    other.close()
    (folder / "other.db").rename(folder / "journal.db")


def wal_removed(folder: Path) -> None:
    (folder / "journal.db-wal").unlink()


def wal_replaced(folder: Path) -> None:
    wal_removed(folder)
    (folder / "journal.db-wal").write_bytes(b"")


def lock_removed(folder: Path) -> None:
    (folder / LOCK).unlink()


MISHAPS = [
    folder_removed,
    folder_moved,
    folder_replaced,
    parent_moved,
    journal_removed,
    journal_replaced,
    wal_removed,
    wal_replaced,
    lock_removed,
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("chatctl.journal.store.folder_watch.IDLE_SECONDS", 0.01)
    monkeypatch.setattr("chatctl.journal.health.IDLE_SECONDS", 0.01)
    monkeypatch.setattr("chatctl.journal.store.folder_watch.LOOK_SECONDS", 0.0)
    monkeypatch.setattr("chatctl.journal.health.PROBE_EVERY_SECONDS", 0.01)
    made = tmp_path / "parent" / "data"
    made.mkdir(parents=True, mode=0o700)
    (made / LOCK).write_text("{}")
    return made


def befall(desk: Desk, mishap: Callable[[Path], None], folder: Path) -> None:
    """Let a mishap happen between two looks: half of it (removed, not yet replaced) has a reason of its own."""
    desk.do(lambda store: mishap(folder))


@pytest.mark.parametrize("mishap", MISHAPS)
def test_facts_after_a_mishap_are_refused(folder: Path, mishap: Callable[[Path], None]) -> None:
    with Desk(folder / "journal.db") as desk:
        desk.keep([fact(1)])
        befall(desk, mishap, folder)
        desk.journal.append([fact(2)])
        desk.owner.until(desk.owner.failures)
        first, last, reason = desk.owner.failures()[0]
        assert (first, last) == (2, 2)
        assert "while the server runs: put it back, or restart the server" in str(reason)
        assert desk.journal.status()["state"] == reason
        done: list[int | Exception] = []
        desk.journal.prune(START * 2, done.append)
        desk.owner.until(lambda: done)
        assert str(reason) in str(done[0])


@pytest.mark.parametrize("mishap", MISHAPS)
def test_mishap_is_noticed_without_writes(folder: Path, mishap: Callable[[Path], None]) -> None:
    with Desk(folder / "journal.db") as desk:
        desk.keep([fact(1)])
        befall(desk, mishap, folder)
        by = time.monotonic() + DEADLINE
        while desk.journal.status()["state"] == "ok":
            assert time.monotonic() < by
        assert [event for event, _ in desk.log.events].count("journal files lost") == 1


def test_returned_folder_works_again_without_the_refused_facts(folder: Path) -> None:
    with Desk(folder / "journal.db") as desk:
        desk.keep([fact(1)])
        folder_moved(folder)
        desk.journal.append([fact(2)])
        desk.owner.until(desk.owner.failures)
        folder.with_name("elsewhere").rename(folder)
        seq = 2
        while desk.owner.reached < 2:
            seq += 1
            heard = len(desk.owner.heard)
            desk.journal.append([fact(seq)])
            desk.owner.until(lambda heard=heard: len(desk.owner.heard) > heard)  # type: ignore[misc]
        assert desk.journal.status()["state"] == "ok"
        assert kept(desk.path) == [fact(1), fact(seq)]
    assert kept(folder / "journal.db") == [fact(1), fact(seq)]


def test_facts_stored_before_the_wal_was_removed_survive_a_restart(folder: Path) -> None:
    with Desk(folder / "journal.db") as desk:
        desk.keep([fact(1), fact(2)])
        wal_removed(folder)
        desk.journal.append([fact(3)])
        desk.owner.until(desk.owner.failures)
    with Desk(folder / "journal.db") as desk:
        assert kept(desk.path) == [fact(1), fact(2)]
        desk.keep([fact(3)])


def test_stop_does_not_touch_a_file_that_replaced_the_journal(folder: Path) -> None:
    """SQLite removes the WAL by its name when the last connection closes: here another server's."""
    with Desk(folder / "journal.db") as desk:
        desk.keep([fact(1)])
        folder_moved(folder)
        folder.mkdir(mode=0o700)
        other = SqliteStore(folder / "journal.db")
        other.open()
        before = sorted(each.name for each in folder.iterdir())
    assert sorted(each.name for each in folder.iterdir()) == before
    assert "journal.db-wal" in before
    other.close()
    assert kept(folder.with_name("elsewhere") / "journal.db") == [fact(1)]


def test_unknown_outcome_never_creates_a_new_journal(folder: Path) -> None:
    """To determine what was stored the journal is opened again: but not another file in its place."""
    with Desk(folder / "journal.db") as desk:
        desk.keep([fact(1)])

        def fail(store: SqliteStore) -> None:
            def commit(batch: object) -> None:
                shutil.rmtree(folder)
                folder.mkdir(mode=0o700)
                raise OSError(5, "I/O error")

            store.commit = commit  # type: ignore[method-assign]

        desk.do(fail)
        desk.journal.append([fact(2)])
        desk.owner.until(lambda: desk.owner.heard[-1][0] == "fatal")
    assert list(folder.iterdir()) == []


def _nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FileWatch, "look", lambda self: "")


def _the_wal_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    remember = FileWatch.remember

    def but_the_wal(self: FileWatch) -> None:
        remember(self)
        self._known = {path: known for path, known in self._known.items() if not path.name.endswith("-wal")}

    monkeypatch.setattr(FileWatch, "remember", but_the_wal)


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("build_in", "test"),
    [
        (_nobody_looks, lambda folder: test_facts_after_a_mishap_are_refused(folder, folder_moved)),
        (_nobody_looks, test_unknown_outcome_never_creates_a_new_journal),
        (_the_wal_is_not_looked_at, lambda folder: test_facts_after_a_mishap_are_refused(folder, wal_removed)),
    ],
)
def test_built_in_fault_is_found(
    build_in: Callable[[pytest.MonkeyPatch], None],
    test: Callable[[Path], None],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    build_in(monkeypatch)
    monkeypatch.setattr("tests.journal.journals.DEADLINE", 0.5)
    with pytest.raises(AssertionError):
        test(folder)
