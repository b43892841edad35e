"""Answers are the model's answers, for any history and any question (history_reader, journal/index/search)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatctl.chat.entries.facts import Fact
from chatctl.chat.entries.queries import (
    AnyQuery,
    HistoryPage,
    HistoryQuery,
    Mark,
    SearchQuery,
    TargetsQuery,
    private_place,
)
from chatctl.chat.history import memory_journal
from chatctl.journal.index import place_index, text_index
from chatctl.journal.index.history_reader import find_time, read
from chatctl.journal.sqlite_store import StoreBatch
from chatctl.journal.store.schema import open_reading
from tests.journal import model
from tests.journal.journals import DEADLINE, Desk, fact, opened

pytestmark = pytest.mark.e2e

PLACES = ["#lobby", "#other", "#empty", private_place("alice", "bob"), private_place("alice", "alice"), "#\x1fodd"]
KINDS = ["PRIVMSG", "NOTICE", "JOIN", "TAGMSG"]
NICKS = ["alice", "Bob", "carol-x"]
WORDS = ["a", "b", "foo", "Bar", "foo-bar", "a.b", '"', "x_y"]


@contextmanager
def history(facts: list[Fact], indexed: int = 0, placed: int = 0) -> Iterator[sqlite3.Connection]:
    """A reader's connection to a journal of `facts`, the first few of them indexed, by word and by place."""
    with opened() as store:
        if facts:
            store.commit(StoreBatch(facts))
        if indexed:
            text_index.follow(store, indexed)
        if placed:
            place_index.follow(store, placed)
        connection = open_reading(store.path)
        try:
            yield connection
        finally:
            connection.close()


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    facts: list[Fact] = []
    seq = time = 0
    for _ in range(draw(st.integers(0, 25))):
        seq += draw(st.integers(1, 3))
        time += draw(st.integers(0, 2))
        apart = draw(st.integers(0, 1))  # older versions gave all facts of an entry one time
        for part in range(draw(st.integers(1, 3))):
            time += apart if part else 0
            facts.append(
                fact(
                    seq,
                    " ".join(draw(st.lists(st.sampled_from(WORDS), max_size=4))),
                    part=part,
                    time=time,
                    kind=draw(st.sampled_from(KINDS)),
                    place=draw(st.sampled_from(PLACES)),
                    source=draw(st.sampled_from(NICKS)) + "!u@h",
                    boot=draw(st.sampled_from(["b", "b-2"])) if part == 0 else facts[-1].message_id.rpartition("-")[0],
                )
            )
    return facts


def marks(facts: list[Fact]) -> st.SearchStrategy[Mark]:
    ids = [fact.message_id for fact in facts] + [
        "b-1",
        "b-2.0",
        "b-999",
        "",
        "-",
        "b-",
        "b-01",
        "x-1.1",
        "b-1.99999999",
    ]
    times = st.integers(-1, 60)
    return st.builds(Mark, st.sampled_from(ids)) | st.builds(Mark, st.just(""), times)


def queries(facts: list[Fact]) -> st.SearchStrategy[AnyQuery]:
    limit = st.integers(0, 12) | st.just(1000)
    upto = st.integers(0, 80)
    times = st.integers(-1, 60)
    some = st.none() | marks(facts)
    kinds = st.lists(st.sampled_from([*KINDS, "KICK"]), unique=True).map(tuple)
    texts = st.lists(st.sampled_from([*WORDS, '"a b"', '"foo bar a"', "?!"]), max_size=3).map(" ".join)
    places = st.lists(st.sampled_from(PLACES), max_size=3, unique=True).map(tuple)
    return st.one_of(
        st.builds(
            HistoryQuery,
            st.sampled_from(PLACES),
            limit,
            upto,
            some,
            some,
            st.booleans(),
            some,
            kinds,
            st.booleans(),
            st.booleans(),
        ),
        st.builds(HistoryQuery, st.sampled_from(PLACES), limit, upto, some, some, st.booleans()),
        st.builds(
            TargetsQuery, places, st.sampled_from(["alice", "bob", "dora"]), times, times, limit, upto, st.booleans()
        ),
        st.builds(
            SearchQuery, texts, limit, upto, places, st.sampled_from(["", "", "alice", "bob", "carol-x"]), times, times
        ),
    )


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_answers_equal_the_model(data: st.DataObject) -> None:
    facts = data.draw(histories())
    indexed, placed = data.draw(st.integers(0, len(facts))), data.draw(st.integers(0, len(facts)))
    asked = data.draw(st.lists(queries(facts), min_size=1, max_size=30))
    with history(facts, indexed, placed) as connection:
        for query in asked:
            said, meant = read(connection, query), model.answer(facts, query)
            assert list(said.facts) == list(meant.facts), query
            assert list(said.targets) == list(meant.targets), query
            assert said.unknown == meant.unknown, query
            assert not said.failed
            if isinstance(query, HistoryQuery):
                held = memory_journal.answer(facts, query)
                assert (list(held.facts), held.unknown) == (list(meant.facts), meant.unknown), query


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=200), st.integers(-5, 400))
def test_time_is_found_by_bisection(steps: list[int], wanted: int) -> None:
    facts, time = [], 0
    for number, step in enumerate(steps, 1):
        time += step
        facts.append(fact(number * number, time=time))
    with history(facts) as connection:
        found = find_time(connection, wanted)
        assert [fact.time >= wanted for fact in facts] == [fact.seq << 20 >= found for fact in facts]


def test_room_full_of_joins_still_returns_its_messages() -> None:
    facts = [fact(seq, kind="PRIVMSG" if seq % 500 == 1 else "JOIN") for seq in range(1, 5001)]
    with history(facts, placed=4900) as connection:
        steps = _steps(connection, HistoryQuery("#lobby", 5, 5000))
        assert steps < 2000  # not one for each of the joins
        assert [fact.seq for fact in read(connection, HistoryQuery("#lobby", 3, 5000)).facts] == [3501, 4001, 4501]


def _steps(connection: sqlite3.Connection, query: AnyQuery) -> int:
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    connection.set_progress_handler(count, 1)
    read(connection, query)
    connection.set_progress_handler(None, 0)
    return counted


def test_readers_answer_during_commits(tmp_path: Path) -> None:
    with Desk(tmp_path / "j.db") as desk:
        for seq in range(1, 300):
            desk.journal.append([fact(seq)])
            if seq % 10 == 0:
                desk.owner.until(lambda seq=seq: desk.owner.reached >= seq)  # type: ignore[misc]
                page = desk.ask(HistoryQuery("#lobby", 50, seq - 5))
                assert [fact.seq for fact in page.facts] == list(range(max(1, seq - 54), seq - 4))


@pytest.mark.parametrize(("every", "reason"), [(100, "interrupted"), (10**9, "the search took too long")])
def test_query_is_interrupted_at_its_time_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int, reason: str
) -> None:
    monkeypatch.setattr("chatctl.journal.index.readers.LOOK_EVERY", every)
    with Desk(tmp_path / "j.db", budget=-1.0) as desk:
        desk.keep([fact(seq) for seq in range(1, 200)])
        assert desk.ask(SearchQuery("nothing", 10, 10**9)) == HistoryPage(failed=True)
        assert [what["reason"] for event, what in desk.log.events if event == "history not read"] == [reason]


def test_error_fails_one_query_only(tmp_path: Path) -> None:
    with Desk(tmp_path / "j.db") as desk:
        desk.keep([fact(1)])
        results: list[object] = []
        for _ in range(4):
            desk.journal.read(lambda connection: connection.execute("SELECT nonsense"), results.append)
        desk.owner.until(lambda: len(results) == 4)
        assert all(isinstance(result, sqlite3.OperationalError) for result in results)
        assert desk.ask(HistoryQuery("#lobby", 10, 10)).facts == [fact(1)]


def test_readers_cannot_write(tmp_path: Path) -> None:
    with Desk(tmp_path / "j.db") as desk:
        desk.keep([fact(1)])
        results: list[object] = []
        desk.journal.read(lambda connection: connection.execute("DELETE FROM facts"), results.append)
        desk.owner.until(lambda: results)
        assert "readonly" in str(results[0])


def test_readers_end_with_the_journal(tmp_path: Path) -> None:
    with Desk(tmp_path / "j.db") as desk:
        desk.keep([fact(1)])
        threads = desk.journal._readers._threads
        assert [thread.name for thread in threads] == ["reader-1", "reader-2"]
        assert desk.journal.stop(DEADLINE)
        assert not any(thread.is_alive() for thread in threads)
