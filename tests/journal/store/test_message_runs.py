"""Lines in a row are kept as the messages that they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatctl.chat.entries.facts import AnyFact, MessageRun, each_fact
from chatctl.chat.entries.queries import HistoryQuery
from chatctl.journal.index import fact_stream
from chatctl.journal.index.history_reader import read
from chatctl.journal.sqlite_store import StoreBatch
from tests.journal.journals import START, Desk, fact, opened

pytestmark = pytest.mark.e2e


def lines(seq: int, texts: list[str], place: str = "#lobby", step: int = 1, account: str = "") -> MessageRun:
    return MessageRun(
        seq, "boot1", START + seq * 100, step, place, place.upper(), "ann!a@host", account, texts, len(texts)
    )


@given(
    st.lists(
        st.one_of(
            st.builds(
                lines,
                st.just(0),
                st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5),
                st.sampled_from(["#lobby", "#tea"]),
                st.sampled_from([0, 1]),
                st.sampled_from(["", "ann"]),
            ),
            st.builds(fact, st.just(0), st.text(st.characters(exclude_categories=["Cs"])), kind=st.just("NOTICE")),
            st.builds(fact, st.just(0), tags=st.just({"+draft/reply": "x"})),
        ),
        max_size=60,
    )
)
def test_message_runs_are_read_back_as_messages(kept: list[AnyFact]) -> None:
    numbered: list[AnyFact] = []
    for seq, item in enumerate(kept, 1):
        if isinstance(item, MessageRun):
            numbered.append(lines(seq, list(item.texts), item.place, item.step, item.account))
        else:
            numbered.append(fact(seq, item.text, kind=item.kind, tags=dict(item.tags)))
    with opened() as store:
        store.commit(StoreBatch(numbered))
        assert list(fact_stream.facts(store.connection)) == list(each_fact(numbered))


def test_batch_counts_the_messages_of_runs(tmp_path: Path) -> None:
    with Desk(tmp_path / "j.db") as desk:
        desk.journal.append([lines(1, ["a", "b"]), fact(2), lines(3, ["c"])])
        desk.owner.until(lambda: desk.owner.reached >= 3)
        assert desk.journal.status()["facts"] == 4
        assert [found.text for found in desk.ask(HistoryQuery("#lobby", 9, 9)).facts] == ["a", "b", "hello", "c"]


def test_redacted_message_of_a_run_goes_alone() -> None:
    with opened() as store:
        redact = fact(2, "boot1-1.1", kind="REDACT")
        store.commit(StoreBatch([lines(1, ["a", "b", "c"]), redact, lines(3, ["d"])]))
        found = read(store.connection, HistoryQuery("#lobby", 9, 9, kinds=("PRIVMSG",))).facts
        assert [each.text for each in found] == ["a", "c", "d"]


def test_outcome_of_a_run_is_settled() -> None:
    with opened() as store:
        batch = StoreBatch([lines(1, ["a", "b"])], first=1, last=1)
        assert not store.settle(batch)
        store.commit(batch)
        assert store.settle(batch)
