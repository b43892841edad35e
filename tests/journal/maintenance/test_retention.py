"""Deleted facts are gone, others are not, and no commit waits for it (retention, text_index, chores)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatctl.chat.entries.facts import Fact
from chatctl.chat.entries.queries import HistoryQuery, SearchQuery
from chatctl.journal import Retention
from chatctl.journal.exchange.export_import import import_facts
from chatctl.journal.index import place_index, text_index
from chatctl.journal.index.history_reader import read
from chatctl.journal.maintenance import retention
from chatctl.journal.maintenance.retention import PruneProgress
from chatctl.journal.sqlite_store import SqliteStore, StoreBatch
from tests.journal import model
from tests.journal.index.test_history_reader import histories
from tests.journal.index.test_place_index import sound
from tests.journal.journals import DEADLINE, START, Desk, fact, opened
from tests.journal.test_writer import kept

pytestmark = pytest.mark.e2e

NOW = 10**15


def run(work: Iterator[None]) -> int:
    return sum(1 for _ in work)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "maintenance.retention.SLICE",
        "maintenance.retention._COUNTED",
        "index.text_index.SLICE",
        "index.text_index.VOLUME",
    ):
        monkeypatch.setattr(f"chatctl.journal.{name}", 10)
    monkeypatch.setattr("chatctl.journal.index.text_index._BURIED_ROWS", 2)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(tmp_path / "j.db")
    made.open()
    yield made
    made.close()


def index(store: SqliteStore) -> None:
    while text_index.follow(store):
        pass


def on_disk(store: SqliteStore, text: str) -> bool:
    """Whether a text is anywhere in the files, once all is copied and the WAL is empty."""
    assert store.checkpoint(whole=True)
    return any(text.encode() in path.read_bytes() for path in store.path.parent.iterdir())


def test_pruned_text_is_gone_from_the_disk(store: SqliteStore, small: None) -> None:
    secret = [
        fact(
            seq,
            f"secretword{seq} 秘密的话{seq}",
            place="#secretroom",
            source=f"secretnick{seq}!u@h",
            account="secretacc",
        )
        for seq in range(1, 60)
    ]
    private = [fact(60, "x", place="secretone\x1fsecrettwo")]
    rest = [fact(seq, f"plainword{seq} here") for seq in range(61, 100)]
    store.commit(StoreBatch([*secret, *private, *rest]))
    index(store)
    for text in ("secretword7", "secretnick", "secretroom", "secretone", "secretacc", "秘密", "密的"):
        assert on_disk(store, text), text
    pruned = PruneProgress()
    assert run(retention.prune(store, rest[0].time, pruned)) > 10
    assert pruned.facts == 60
    for text in ("secretw", "secretn", "secretr", "secreto", "secreta", "秘密", "密的"):
        assert not on_disk(store, text), text
    assert on_disk(store, "plainword80")
    found = read(store.connection, SearchQuery("here", 100, 1000)).facts
    assert list(found) == rest
    assert store.connection.execute("SELECT count(*) FROM places").fetchone()[0] == 1
    assert store.connection.execute("SELECT count(*) FROM pairs").fetchone()[0] == 0
    assert store.connection.execute("SELECT count(*) FROM heads").fetchone()[0] == 1
    assert store.connection.execute("SELECT count(*) FROM volumes WHERE state != 'live' OR stale").fetchone()[0] == 0


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_answers_after_pruning_equal_the_model(data: st.DataObject) -> None:
    """At every slice on the way, with messages that come meanwhile."""
    with opened() as store, pytest.MonkeyPatch.context() as patch:
        for name in (
            "maintenance.retention.SLICE",
            "maintenance.retention._COUNTED",
            "index.text_index.SLICE",
            "index.text_index.VOLUME",
        ):
            patch.setattr(f"chatctl.journal.{name}", data.draw(st.integers(1, 6), name))
        facts = data.draw(histories())
        if facts:
            store.commit(StoreBatch(facts))
        for _ in range(data.draw(st.integers(0, 9), "slices indexed")):
            text_index.follow(store)
        if facts and (placed := data.draw(st.integers(0, len(facts)), "placed")):
            place_index.follow(store, placed)
        keep = Retention(days=data.draw(st.sampled_from([0, 10 / 86_400_000])), messages=data.draw(st.integers(0, 9)))
        now = data.draw(st.integers(0, 60), "now")
        meant = forgotten(facts, keep, now)
        words = ["a", "b", "foo", "bar", "a b", '"foo bar"']
        query = SearchQuery(data.draw(st.sampled_from(words)), 100, 10**6)
        work = retention.keep(store, keep, now, PruneProgress())
        seq = 1000
        for _ in work:
            if data.draw(st.booleans(), "something comes"):
                seq += 1
                extra = data.draw(st.sampled_from([*facts, fact(1, "foo")]), "like")
                new = fact(seq, extra.text, time=seq, place=extra.place, source=extra.source, boot="new")
                store.commit(StoreBatch([new]))
                facts, meant = [*facts, new], [*meant, new]
            if data.draw(st.booleans(), "index"):
                text_index.follow(store)
                place_index.follow(store, 3)
            assert sound(store.connection)
            found = read(store.connection, query).facts
            assert [fact for fact in found if fact in meant] == list(model.answer(meant, query).facts)
        assert list(read(store.connection, query).facts) == list(model.answer(meant, query).facts)
        assert kept(store.path) == meant
        lobby = HistoryQuery("#lobby", 100, 10**6, kinds=())
        assert list(read(store.connection, lobby).facts) == list(model.answer(meant, lobby).facts)
        while text_index.follow(store):
            pass
        assert list(read(store.connection, query).facts) == list(model.answer(meant, query).facts)
        used = "SELECT count(*) FROM heads WHERE id NOT IN (SELECT head FROM facts)"
        if len(meant) < len(facts) and seq == 1000:
            assert store.connection.execute(used).fetchone()[0] == 0
        last = max([fact.seq for fact in facts], default=0)
        store.close()
        store.open()
        assert store.last() == (last, max([fact.time for fact in facts], default=0))


@pytest.mark.parametrize("comes", range(5))
@pytest.mark.parametrize("indexed", range(5))
@pytest.mark.parametrize("text", ["", "a"])
def test_message_during_a_volume_renewal_is_found_once(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, comes: int, indexed: int, text: str
) -> None:
    """Two volumes end with the same id for a moment: the renewed one, and the one for new facts."""
    for name, value in (
        ("maintenance.retention.SLICE", 1),
        ("maintenance.retention._COUNTED", 1),
        ("index.text_index.SLICE", 1),
    ):
        monkeypatch.setattr(f"chatctl.journal.{name}", value)
    old = [fact(1, ""), fact(1, "a", part=1)]
    store.commit(StoreBatch(old))
    text_index.follow(store)
    new: list[Fact] = []
    for step, _ in enumerate(retention.keep(store, Retention(messages=1), 0, PruneProgress())):
        if step == comes:
            new = [fact(9, text)]
            store.commit(StoreBatch(new))
        if step >= indexed:
            text_index.follow(store)
        meant = [one for one in [old[1], *new] if one.text == "a"]
        assert list(read(store.connection, SearchQuery("a", 9, 99)).facts) == meant
    assert new or comes > 3


def forgotten(facts: list[Fact], keep: Retention, now: int) -> list[Fact]:
    """Compute the remaining facts in the simplest way."""
    if keep.days:
        facts = [fact for fact in facts if fact.time >= now - 10]
    messages = [at for at, fact in enumerate(facts) if fact.kind in ("PRIVMSG", "NOTICE")]
    if keep.messages and len(messages) >= keep.messages:
        facts = facts[messages[-keep.messages] :]
    return facts


def test_seqs_are_never_reused_though_everything_is_pruned(tmp_path: Path) -> None:
    with Desk(tmp_path / "j.db") as desk:
        desk.keep([fact(seq) for seq in range(1, 2000)])
        done: list[int | Exception] = []
        desk.journal.prune(START * 2, done.append)
        desk.owner.until(lambda: done)
        assert done == [1999]
        assert kept(desk.path) == []
    with Desk(tmp_path / "j.db") as desk:
        assert desk.journal.last_seq() == 1999
        assert desk.journal.last_time() == fact(1999).time
        desk.keep([fact(2000)])
        assert desk.ask(HistoryQuery("#lobby", 10, 2000)).facts == [fact(2000)]


def test_retention_runs_beside_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.journal.maintenance.chores.RETENTION_CHECK_SECONDS", 0.0)
    now = fact(3000).time
    told: list[bool] = []
    made = Desk(tmp_path / "j.db", retention=Retention(messages=100), clock=lambda: now)
    made.journal.when_pruned(lambda: told.append(True))
    with made as desk:
        for seq in range(1, 3000, 10):
            desk.keep([fact(each) for each in range(seq, seq + 10)])
        while True:
            found = kept(desk.path)
            desk.keep([fact(found[-1].seq + 1)])
            if len(found) <= 101:
                break
        assert found == [fact(seq) for seq in range(found[0].seq, found[-1].seq + 1)]
        desk.owner.until(lambda: told)


def test_work_interrupted_by_a_kill_is_finished(store: SqliteStore, small: None) -> None:
    facts = [fact(seq, f"word w{seq}") for seq in range(1, 100)]
    store.commit(StoreBatch(facts))
    index(store)
    work = retention.prune(store, facts[45].time, PruneProgress())
    state = "SELECT count(*) FROM volumes WHERE state = 'building'"
    while not store.connection.execute(state).fetchone()[0]:
        next(work)
    store.close()
    store.open()
    run(text_index.mend(store))
    assert [state for (state,) in store.connection.execute("SELECT DISTINCT state FROM volumes")] == ["live"]
    tables = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'words_%' AND sql LIKE 'CREATE VIRTUAL%'"
    volumes = store.connection.execute("SELECT count(*) FROM volumes").fetchone()[0]
    assert store.connection.execute(tables).fetchone()[0] == volumes
    found = read(store.connection, SearchQuery("word", 1000, 1000)).facts
    assert list(found) == facts[45:]


def test_facts_imported_during_the_sweep_stay(store: SqliteStore, small: None) -> None:
    """Its place and speaker had no facts any more, and the walk was already past where it stands."""
    old = [fact(seq, place="#old", source="old!o@h") for seq in range(1, 5)]
    new = [fact(seq) for seq in range(5, 100)]
    store.commit(StoreBatch([*old, *new]))
    work = retention.prune(store, new[0].time, PruneProgress())
    for _ in range(5):
        next(work)
    assert kept(store.path) == new
    assert import_facts(store, old[:1], NOW, upto=99).kept == 1
    run(work)
    assert kept(store.path) == [old[0], *new]


def test_facts_deleted_during_a_volume_renewal_are_not_in_the_new_volume(store: SqliteStore, small: None) -> None:
    facts = [fact(seq, f"secretword{seq}") for seq in range(1, 41)]
    store.commit(StoreBatch(facts))
    while text_index.follow(store, 40):
        pass
    work = retention.prune(store, facts[5].time, PruneProgress())
    built = "SELECT coalesce(max(docs), 0) FROM volumes WHERE state = 'building'"
    while not store.connection.execute(built).fetchone()[0]:
        next(work)
    run(retention.prune(store, facts[30].time, PruneProgress()))
    run(work)
    assert not on_disk(store, "secretword1")
    assert list(read(store.connection, SearchQuery("secretword35", 10, 100)).facts) == [facts[34]]


def test_wal_finally_holds_no_pruned_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.journal.maintenance.chores.QUIET_SECONDS", 0.0)
    monkeypatch.setattr("chatctl.journal.maintenance.chores.CHECKPOINT_RETRY_SECONDS", 0.0)
    with Desk(tmp_path / "j.db") as desk:
        desk.keep([fact(seq, f"secretword{seq}") for seq in range(1, 700)])
        done: list[int | Exception] = []
        desk.journal.prune(START * 2, done.append)
        desk.owner.until(lambda: done)
        by = time.monotonic() + DEADLINE
        while any(b"secretword" in path.read_bytes() for path in tmp_path.glob("j.db*")):
            desk.do(lambda store: None)
            assert time.monotonic() < by


def test_failing_chore_does_not_affect_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(store: SqliteStore, before: int) -> int:
        raise RuntimeError("no")

    monkeypatch.setattr("chatctl.journal.maintenance.retention._delete", fail)
    with Desk(tmp_path / "j.db") as desk:
        desk.keep([fact(1)])
        done: list[int | Exception] = []
        desk.journal.prune(START * 2, done.append)
        desk.owner.until(lambda: done)
        assert isinstance(done[0], RuntimeError)
        desk.keep([fact(2)])
        assert ("chore failed", "no") in [(event, what.get("reason")) for event, what in desk.log.events]


def test_index_follows_and_the_wal_is_copied_by_chores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.journal.maintenance.chores.QUIET_SECONDS", 0.0)
    with Desk(tmp_path / "j.db") as desk:
        for seq in range(1, 3000, 100):
            desk.keep([fact(each) for each in range(seq, seq + 100)])
        while int(str(desk.journal.status()["unindexed"])) >= text_index.SLICE or desk.journal.status()["wal_pages"]:
            desk.do(lambda store: None)
        assert desk.do(lambda store: text_index.count_unindexed(store.connection, 9999)) < text_index.SLICE
        assert (tmp_path / "j.db").stat().st_size > 100_000


def test_index_keeps_up_under_endless_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.journal.maintenance.chores.MAX_UNINDEXED_FACTS", 1000)
    monkeypatch.setattr("chatctl.journal.maintenance.chores.MAX_WAL_PAGES", 50)
    with Desk(tmp_path / "j.db") as desk:
        for seq in range(1, 20_000, 5):
            desk.journal.append([fact(each) for each in range(seq, seq + 5)])
        desk.owner.until(lambda: desk.owner.reached >= 20_000)
        unindexed = desk.do(lambda store: text_index.count_unindexed(store.connection, 99_999))
        assert unindexed < 20_000
