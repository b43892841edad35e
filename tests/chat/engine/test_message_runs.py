"""Runs of plain messages take a shorter path, with the same results ([runs] in scheduler.py)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatctl.chat.engine.rate_limit import RateLimiter
from chatctl.chat.engine.scheduler import lines_to_room
from chatctl.protocol.framing import BadLine, BadLineReason
from chatctl.protocol.message import MAX_LINE_BYTES, Message
from chatctl.protocol.timestamps import timestamp
from tests.chat.world import HeldJournal, HeldOrder, Person, World

CAPS = ("", "echo-message", "server-time message-tags account-tag", "server-time message-tags echo-message")


class TestLinesToRoom:
    def test_consecutive_messages_to_a_room_are_one_run(self) -> None:
        assert lines_to_room(["PRIVMSG #a :x", "PRIVMSG #a : y :z", "PRIVMSG #b :w"], 32) == ("#a", ["x", " y :z"])

    def test_run_is_limited_to_the_requested_length(self) -> None:
        assert lines_to_room(["PRIVMSG #a :x"] * 9, 4)[1] == ["x"] * 4

    def test_other_command_ends_a_run(self) -> None:
        for other in (
            "PRIVMSG #a x",
            "privmsg #a :x",
            "PRIVMSG #a :",
            "@a=b PRIVMSG #a :x",
            BadLine(BadLineReason.NOT_UTF8),
        ):
            assert lines_to_room(["PRIVMSG #a :x", other, "PRIVMSG #a :x"], 32) == ("#a", ["x"])

    def test_other_command_begins_no_run(self) -> None:
        for line in ("PRIVMSG #a,#b :x", "PRIVMSG #a x :y", "PRIVMSG #a :", "PRIVMSG #a", "PRIVMSG #", "PRIVMSG #  :x"):
            assert lines_to_room([line], 32)[1] == []


def test_lines_of_one_turn_are_one_entry_and_messages_each() -> None:
    order = HeldOrder()
    world = World(order=order)
    ann = _entered(world, order, "ann")
    bob = _entered(world, order, "bob", CAPS[2])
    world.hub.receive(ann.session, [f"PRIVMSG #tea :{number}" for number in range(40)])
    world.tick()
    assert [proposal.lines for proposal in order.waiting] == [32, 8]
    order.let_go()
    world.tick()
    read = [message for message in bob.read() if message.command == "PRIVMSG"]
    assert [message.params[1] for message in read] == [str(number) for number in range(40)]
    assert len({message.tags["msgid"] for message in read}) == 40
    kept = [fact for fact in world.facts if fact.kind == "PRIVMSG"]
    assert [fact.message_id for fact in kept] == [message.tags["msgid"] for message in read]
    assert [timestamp(fact.time) for fact in kept] == [message.tags["time"] for message in read]
    assert len({fact.time for fact in kept}) == 40


def _entered(world: World, order: HeldOrder, nick: str, caps: str = "") -> Person:
    person = world.connect()
    for line in (f"CAP REQ :{caps}", f"NICK {nick}", "USER u 0 * :r", "CAP END", "JOIN #tea"):
        world.hub.receive(person.session, [line])
        world.tick()
        order.let_go()
        world.tick()
    return person


def test_each_unstored_line_of_a_run_is_refused() -> None:
    journal = HeldJournal()
    world = World(journal=journal)
    ann = world.connect().send("NICK ann", "USER u 0 * :r", "JOIN #tea")
    journal.commit()
    world.tick()
    ann.forget().send(*["PRIVMSG #tea :x"] * 3)
    journal.fail()
    world.tick()
    assert [message.command for message in ann.read()] == ["FAIL"] * 3
    ann.send(*["PRIVMSG #tea :x"] * 3)  # it is known now that nothing can be kept
    assert [message.params[1] for message in ann.read()] == ["NOT_STORED"] * 3
    assert not world.hub.recent.of("#tea")


def test_refused_line_of_a_run_is_not_refused_again_if_the_commit_fails() -> None:
    journal = HeldJournal()
    world = World(journal=journal)
    ann = world.connect().send("NICK ann", "USER u 0 * :r", "JOIN #tea", "MODE #tea +c")
    journal.commit()
    world.tick()
    ann.forget().send("PRIVMSG #tea :x", "PRIVMSG #tea :\x0304red", "PRIVMSG #tea :y")
    assert world.hub.commit_gate.messages == 3  # and the mode
    journal.fail()
    world.tick()
    assert ann.commands() == ["404", "FAIL", "FAIL"]


TEXTS = st.sampled_from(
    ["x", "two words", ":colon", "\x0304red", "\x01VERSION\x01", "\x01ACTION waves\x01", "é" * 260, "y" * 480]
)
SAID = st.tuples(
    st.sampled_from(["ann", "bob", "eve"]),
    st.lists(st.tuples(st.sampled_from(["#tea", "#TEA", "#none", "#two"]), TEXTS), max_size=6),
)
SETTINGS = st.sampled_from(
    ["", "MODE #tea +m", "MODE #tea +c", "MODE #tea +C", "MODE #tea +b bob!*@*", "MODE #tea -n", "MODE #tea +s"]
)


@pytest.mark.e2e
@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(CAPS), min_size=3, max_size=3), SETTINGS, st.lists(SAID, max_size=6))
def test_run_equals_single_messages(
    caps: list[str], setting: str, script: list[tuple[str, list[tuple[str, str]]]]
) -> None:
    """Two spaces after the command mean the same as one, and are not plain."""
    assert _conversation(caps, setting, script, "PRIVMSG") == _conversation(caps, setting, script, "PRIVMSG ")


def _conversation(
    caps: list[str], setting: str, script: list[tuple[str, list[tuple[str, str]]]], command: str
) -> tuple[list[list[tuple[str, ...]]], list[tuple[str, str, str, str, str]]]:
    """Return the output of each of three sessions, and the facts, without ids."""
    world = World()
    people = {}
    for nick, wanted in zip(("ann", "bob", "eve"), caps, strict=True):
        rooms = "#tea,#two" if nick != "eve" else "#two"
        people[nick] = world.person(nick, *rooms.split(","), caps=wanted)
    if setting:
        people["ann"].send(setting)
    for person in people.values():
        person.forget()
    for nick, lines in script:
        world.hub.receive(people[nick].session, [f"{command} {room} :{text}" for room, text in lines])
    world.tick()
    read = [[_shown(message) for message in person.read()] for person in people.values()]
    facts = [(fact.kind, fact.place, fact.target, fact.source, fact.text) for fact in world.facts]
    return read, facts


def _shown(message: Message) -> tuple[str, ...]:
    assert len(message.line) <= MAX_LINE_BYTES
    tags = sorted(key for key in message.tags)
    return (message.command, message.source, *message.params, *tags)


def test_rate_limit_can_split_a_run() -> None:
    world = World(rate_limiter=RateLimiter(2))
    ann, bob = world.person("ann", "#tea"), world.person("bob", "#tea")
    world.now += 60_000
    world.tick()
    bob.forget()
    ann.send(*(f"PRIVMSG #tea :{number}" for number in range(6)))
    first = [message.params[1] for message in bob.read() if message.command == "PRIVMSG"]
    assert 0 < len(first) < 6
    world.now += 60_000
    world.tick()
    assert first + [message.params[1] for message in bob.read()] == [str(number) for number in range(6)]
