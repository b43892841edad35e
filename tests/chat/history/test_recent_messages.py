"""The recent messages of rooms: single messages and runs give the same result."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chatctl.chat.entries.facts import AnyFact, Fact, MessageRun, each_fact, renamed
from chatctl.chat.entries.proposals import message_id_of
from chatctl.chat.history.recent_messages import RecentMessages

KEPT = 5


def lines(seq: int, place: str, count: int) -> MessageRun:
    texts = [f"{seq}/{part}" for part in range(count)]
    return MessageRun(seq, "b1", 1000 * seq, 1, place, place, "ann!a@host", "", texts, count)


def event(seq: int, kind: str, place: str, text: str = "") -> Fact:
    return Fact(seq, 0, 1000 * seq, message_id_of("b1", seq, 0), kind, place, place, "ann!a@host", "", text, {})


def test_lines_are_messages_with_ids_and_times_of_their_own() -> None:
    facts = lines(7, "#tea", 3).each()
    assert [(fact.seq, fact.part, fact.time, fact.message_id) for fact in facts] == [
        (7, 0, 7000, "b1-7"),
        (7, 1, 7001, "b1-7.1"),
        (7, 2, 7002, "b1-7.2"),
    ]
    assert [(fact.kind, fact.text, fact.tags) for fact in facts] == [("PRIVMSG", f"7/{part}", {}) for part in range(3)]
    assert (lines(7, "#tea", 3).latest, lines(7, "#tea", 3).count) == (7002, 3)


def test_number_of_recent_messages_is_bounded() -> None:
    tails = RecentMessages(KEPT)
    tails.load("#tea", (), 0)
    for seq in range(1, 100):
        tails.add([lines(seq, "#tea", seq % 7 + 1)])
        said = [f"{at}/{part}" for at in range(1, seq + 1) for part in range(at % 7 + 1)]
        assert [fact.text for fact in tails.of("#tea")] == said[-KEPT:]


STEPS = st.tuples(
    st.sampled_from(["say", "say", "load", "redact", "refuse", "rename"]),
    st.sampled_from(["#a", "#b"]),
    st.integers(1, 8),
)


class Said:
    """All that was said in each room, and what history is given of it."""

    def __init__(self) -> None:
        self.by_room: dict[str, list[Fact]] = {"#a": [], "#b": []}

    def say(self, seq: int, place: str, number: int) -> list[AnyFact]:
        self.by_room[place] += lines(seq, place, number).each()
        return [lines(seq, place, number)]

    def redact(self, seq: int, place: str, number: int) -> list[AnyFact]:
        said = self.by_room[place]
        if not said:
            return []
        gone = said.pop(-min(number, len(said)))
        return [event(seq, "REDACT", place, f"{gone.message_id} because")]

    def rename(self, seq: int, place: str, number: int) -> list[AnyFact]:
        """And back, so that there are two rooms all the time."""
        there, back = event(seq, "RENAME", place, f"{place} #c"), event(seq, "RENAME", "#c", f"#c {place}")
        self.by_room[place] = renamed(back, renamed(there, self.by_room[place]))
        return [there, back]

    def refuse(self, seq: int) -> None:
        self.by_room = {key: [fact for fact in said if fact.seq != seq] for key, said in self.by_room.items()}


@given(st.lists(STEPS, max_size=30))
def test_message_runs_are_held_as_their_messages(steps: list[tuple[str, str, int]]) -> None:
    """Each step is done to one that gets lines, and to one that gets their messages one by one."""
    meant, tails, singly = Said(), RecentMessages(KEPT), RecentMessages(KEPT)
    for seq, (what, place, number) in enumerate(steps, 1):
        if what == "load":
            tails.load(place, (), 0)
            singly.load(place, (), 0)
        elif what == "refuse":
            meant.refuse(seq - 1)
            tails.refuse({seq - 1})
            singly.refuse({seq - 1})
        else:
            kept = getattr(meant, what)(seq, place, number)
            tails.add(kept)
            singly.add(each_fact(kept))
        for key, said in meant.by_room.items():
            assert tails.knows(key) == singly.knows(key)
            found, least = tails.of(key), singly.of(key)
            assert len(found) <= KEPT
            assert found == said[len(said) - len(found) :]
            assert least == found[len(found) - len(least) :]
