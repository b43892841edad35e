"""For any history, and any slices of its index, answers equal the model's (place_index)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatctl.chat.entries.facts import Fact
from chatctl.chat.entries.queries import RENAME, HistoryQuery, Mark, TargetsQuery, private_place
from chatctl.journal.exchange.export_import import import_facts
from chatctl.journal.index import place_index, text_index
from chatctl.journal.index.history_reader import read
from chatctl.journal.maintenance import retention
from chatctl.journal.maintenance.retention import PruneProgress
from chatctl.journal.sqlite_store import SqliteStore, StoreBatch
from tests.journal import model
from tests.journal.index.test_place_index import sound
from tests.journal.journals import fact, opened
from tests.journal.test_writer import kept

pytestmark = pytest.mark.e2e

ROOMS = ["#a", "#b", "#c"]
PLACES = [*ROOMS, private_place("x", "y")]
DEEDS = st.sampled_from(
    ["say", "say", "say", "say", "place", "place", "redact", "rename", "prune", "imported", "restart"]
)


class _History:
    def __init__(self, store: SqliteStore, data: st.DataObject) -> None:
        self.store = store
        self.draw = data.draw
        self.seq = 1
        self.time = 1000
        self.imports = 0

    def say(self) -> None:
        """An entry of one or several parts."""
        self.seq += self.draw(st.integers(1, 2))
        self.time += self.draw(st.integers(0, 2))
        place = self.draw(st.sampled_from(PLACES))
        kind = self.draw(st.sampled_from(["PRIVMSG", "PRIVMSG", "JOIN"]))
        parts = range(self.draw(st.integers(1, 4)))
        self.keep([fact(self.seq, "t", part=part, time=self.time, kind=kind, place=place) for part in parts])

    def keep(self, facts: list[Fact]) -> None:
        self.store.commit(StoreBatch(facts))

    def place(self) -> None:
        place_index.follow(self.store, self.draw(st.integers(1, 5)))

    def redact(self) -> None:
        self.seq += 1
        said = [one for one in kept(self.store.path) if one.kind == "PRIVMSG"]
        if said:
            one = self.draw(st.sampled_from(said))
            self.keep([fact(self.seq, f"{one.message_id} why", time=self.time, kind="REDACT", place=one.place)])

    def rename(self) -> None:
        self.seq += 1
        old, new = self.draw(st.sampled_from(ROOMS)), self.draw(st.sampled_from(ROOMS))
        self.keep([fact(self.seq, f"{old} {new} why", time=self.time, kind=RENAME, place=old)])

    def prune(self) -> None:
        before = self.draw(st.integers(1000, self.time + 1))
        for _ in retention.prune(self.store, before, PruneProgress()):
            assert sound(self.store.connection)

    def imported(self) -> None:
        boot = self.draw(st.sampled_from(["boot1", "else"]))
        facts = []
        for _ in range(self.draw(st.integers(1, 4))):
            self.imports += 1
            time = self.draw(st.integers(998, self.time))
            seq = self.draw(st.integers(1, max(1, self.seq))) if boot == "boot1" else 10_000 + self.imports
            facts.append(fact(seq, "i", time=time, place=self.draw(st.sampled_from(PLACES)), boot=boot))
        import_facts(self.store, facts, 10**15, upto=self.seq)

    def restart(self) -> None:
        self.store.close()
        self.store.open()


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_answers_equal_the_model_wherever_the_slices_end(data: st.DataObject) -> None:
    with opened() as store, pytest.MonkeyPatch.context() as patch:
        for name in (
            "maintenance.retention.SLICE",
            "maintenance.retention._COUNTED",
            "index.text_index.SLICE",
            "index.text_index.VOLUME",
        ):
            patch.setattr(f"chatctl.journal.{name}", 3)
        history = _History(store, data)
        for _ in range(data.draw(st.integers(1, 25))):
            getattr(history, data.draw(DEEDS))()
            assert sound(store.connection)
            if data.draw(st.booleans()):
                text_index.follow(store)
        facts = kept(store.path)
        ids = [one.message_id for one in facts] or ["none-1"]
        times = st.integers(997, history.time + 2)
        marks = st.builds(Mark, st.sampled_from(ids)) | st.builds(Mark, st.just(""), times)
        for _ in range(6):
            query = data.draw(
                st.builds(
                    HistoryQuery,
                    place=st.sampled_from(PLACES),
                    limit=st.integers(0, 7),
                    upto=st.one_of(st.just(10**6), st.integers(0, history.seq)),
                    after=st.none() | marks,
                    before=st.none() | marks,
                    newest=st.booleans(),
                    around=st.none() | marks,
                    kinds=st.sampled_from([(), ("PRIVMSG", "NOTICE"), ("PRIVMSG", "NOTICE", "JOIN"), ("JOIN",)]),
                )
            )
            said, meant = read(store.connection, query), model.answer(facts, query)
            assert (list(said.facts), said.unknown) == (list(meant.facts), meant.unknown), query
            rooms = tuple(data.draw(st.lists(st.sampled_from(ROOMS), unique=True)))
            low, high = sorted(data.draw(st.tuples(times, times)))
            targets = TargetsQuery(rooms, data.draw(st.sampled_from(["x", "z"])), low, high, 9, query.upto)
            assert read(store.connection, targets) == model.answer(facts, targets), targets
