"""Appended facts are read back; notifications; reopening (journal/writer)."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest

from chatctl.chat.entries.facts import Fact
from chatctl.chat.entries.queries import HistoryQuery
from chatctl.chat.model.records import RoomRecord
from chatctl.journal.index.fact_stream import facts
from chatctl.journal.sqlite_store import SqliteStore
from chatctl.journal.store.schema import open_reading
from tests.journal.journals import DEADLINE, Desk, TestStore, fact

EVERYTHING = [
    fact(1, "hello", account="alice"),
    fact(2, "", kind="JOIN"),
    fact(3, "one", tags={"+draft/reply": "boot1-1", "+x": 'quo"te\\'}),
    fact(3, "two", part=1, place="#other"),
    fact(7, "世界 👋 \x02bold\x02 \u202e", place="alice\x1fbob", source="bob!b@cloak"),
    fact(8, "new boot", boot="boot-2"),
    fact(9, "", kind="TAGMSG", tags={"+draft/react": "🎉"}),
]


def kept(path: Path) -> list[Fact]:
    connection = open_reading(path)
    try:
        return list(facts(connection))
    finally:
        connection.close()


def test_appended_facts_are_read_back_equal_and_in_order(tmp_path: Path) -> None:
    with Desk(tmp_path / "j.db") as desk:
        desk.keep(EVERYTHING)
        assert kept(desk.path) == EVERYTHING
        page = desk.ask(HistoryQuery("#lobby", 10, 9, kinds=()))
        assert page.facts == [fact for fact in EVERYTHING if fact.place == "#lobby"]
    assert kept(tmp_path / "j.db") == EVERYTHING


def test_reopened_journal_continues_after_its_last_point(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    rooms = [
        RoomRecord("#lobby", "#Lobby", 5, "nt", "topic", "alice!a@c", 6, {"b": [("*!*@x", "alice!a@c", 6)]}),
        RoomRecord("#o", "#o", 7),
    ]
    with Desk(path) as desk:
        assert (desk.journal.last_seq(), desk.journal.last_time(), desk.journal.rooms()) == (0, 0, [])
        desk.journal.append([fact(41)], rooms=rooms)
        desk.journal.append([], gone=["#o"])
        desk.keep([fact(42)])
    with Desk(path) as desk:
        assert desk.journal.last_seq() == 42
        assert desk.journal.last_time() == fact(42).time
        assert desk.journal.rooms() == rooms[:1]
        desk.keep([fact(43, boot="boot2")])
        assert kept(path) == [fact(41), fact(42), fact(43, boot="boot2")]


def test_files_have_mode_0600(tmp_path: Path) -> None:
    with Desk(tmp_path / "j.db") as desk:
        desk.keep([fact(1)])
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"j.db": 0o600, "j.db-wal": 0o600, "j.db-shm": 0o600}
    assert [path.name for path in tmp_path.iterdir()] == ["j.db"]


def test_facts_queued_during_a_commit_are_the_next_batch(tmp_path: Path) -> None:
    store = TestStore(tmp_path / "j.db")
    store.gate.clear()
    with Desk(store.path, store) as desk:
        desk.journal.append([fact(1)])
        assert store.entered.wait(DEADLINE)
        for seq in range(2, 100):
            desk.journal.append([fact(seq), fact(seq, part=1)])
        assert desk.owner.heard == []
        assert desk.journal.status()["queued"] == 98
        assert desk.journal.status()["last_commit"] is None
        store.gate.set()
        desk.owner.until(lambda: desk.owner.reached == 99)
        assert store.batches == [1, 196]
        assert desk.owner.heard == [("durable", 1), ("durable", 99)]
        assert desk.journal.status()["facts"] == 197
        assert isinstance(desk.journal.status()["last_commit"], int)


def test_kill_leaves_everything_durable(tmp_path: Path) -> None:
    """The files as they are at one moment, WAL and all, are what a kill leaves."""
    with Desk(tmp_path / "j.db") as desk:
        desk.keep([fact(seq) for seq in range(1, 500)])
        (tmp_path / "killed").mkdir()
        for path in list(tmp_path.glob("j.db*")):
            shutil.copy(path, tmp_path / "killed")
    with Desk(tmp_path / "killed" / "j.db") as desk:
        assert desk.journal.last_seq() == 499
        desk.keep([fact(500)])
        assert kept(desk.path) == [fact(seq) for seq in range(1, 501)]


def test_stop_commits_the_queue(tmp_path: Path) -> None:
    store = TestStore(tmp_path / "j.db")
    desk = Desk(store.path, store)
    store.gate.clear()
    with desk:
        for seq in range(1, 50):
            desk.journal.append([fact(seq)])
        assert not desk.journal.stop(0)
        store.gate.set()
    assert desk.owner.reached == 49
    assert desk.journal.stop(0)
    assert kept(store.path) == [fact(seq) for seq in range(1, 50)]


def test_journal_that_never_started_can_be_stopped(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "j.db")
    assert desk.journal.stop(0)
    assert desk.journal.stop(0)


def test_commit_over_a_second_is_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.journal.writer.SLOW_COMMIT_SECONDS", 0.0)
    with Desk(tmp_path / "j.db") as desk:
        desk.keep([fact(1)])
    assert [event for event, _ in desk.log.events] == ["slow commit"]


def test_batch_size_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.journal.writer.MAX_BATCH_FACTS", 10)
    store = TestStore(tmp_path / "j.db")
    store.gate.clear()
    with Desk(store.path, store) as desk:
        desk.journal.append([fact(1)])
        assert store.entered.wait(DEADLINE)
        for seq in range(2, 30):
            desk.journal.append([fact(seq)])
        desk.journal.append([fact(30, part=part) for part in range(30)])  # whole, whatever the bound
        store.gate.set()
        desk.owner.until(lambda: desk.owner.reached == 30)
    assert store.batches == [1, 10, 10, 8, 30]


def test_full_dictionary_starts_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.journal.store.rows.HeadNumbers.MOST", 5)
    many = [fact(seq, place=f"#r{seq % 9}", source=f"u{seq % 7}!u@h") for seq in range(1, 300)]
    with Desk(tmp_path / "j.db") as desk:
        for one in many:
            desk.journal.append([one])
        desk.owner.until(lambda: desk.owner.reached == 299)
        assert kept(desk.path) == many
        places = desk.do(lambda store: store.connection.execute("SELECT count(*) FROM places").fetchone()[0])
        assert places == 9


def test_only_one_thread_writes(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "j.db")
    desk.journal.append([fact(1)])
    with pytest.raises(AssertionError):
        desk.journal._turn()
    desk.journal.stop(0)


def test_job_runs_between_batches_and_returns_its_error(tmp_path: Path) -> None:
    def fail(store: SqliteStore) -> None:
        raise ValueError("no")

    with Desk(tmp_path / "j.db") as desk:
        desk.keep([fact(1)])
        assert desk.do(lambda store: store.last()) == (1, fact(1).time)
        with pytest.raises(ValueError, match="no"):
            desk.do(fail)
        desk.keep([fact(2)])
