"""Many joins and departures at once (chatctl/chat/delivery/fanout.py; [long-commands] in chat/engine/scheduler.py)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatctl.chat.commands.base import packed
from chatctl.chat.engine import scheduler
from tests.chat.world import HeldJournal, Person, World

PEOPLE = 20


def _soon(world: World, person: Person, *lines: str) -> None:
    """Handle lines of a session within this tick, which goes on."""
    world.hub.receive(person.session, [*lines])
    world.hub.work(lambda: False)


def _heard(person: Person) -> list[tuple[str, ...]]:
    """Commands with who or what they are about; names left out."""
    return [
        (m.command, m.params[-1] if m.command == "PRIVMSG" else m.nick or "")
        for m in person.read()
        if m.command not in ("353", "366")
    ]


@pytest.mark.parametrize("caps", ["", "server-time message-tags extended-join"])
def test_joining_clients_read_members_and_later_joins_in_order(caps: str) -> None:
    world = World()
    ann = world.person("ann", "#tea", caps=caps)
    crowd = [world.person(f"p{number}", caps=caps if number % 2 else "") for number in range(PEOPLE)]
    for person in crowd:
        world.hub.receive(person.session, ["JOIN #tea"])
    world.tick()
    assert [m.nick for m in ann.read()] == [f"p{number}" for number in range(PEOPLE)]
    for number, person in enumerate(crowd):
        read = person.read()
        names = [m.params[-1].split() for m in read if m.command == "353"]
        assert names == [["@ann", *(f"p{before}" for before in range(number + 1))]]
        assert [m.command for m in read[:3]] == ["JOIN", "353", "366"]
        assert [m.nick for m in read[3:]] == [f"p{after}" for after in range(number + 1, PEOPLE)]
        assert {m.command for m in read[3:]} <= {"JOIN"}
    extended = [len(m.params) for m in crowd[1].send("PART #tea", "JOIN #tea").read() if m.command == "JOIN"]
    assert extended == [3 if caps else 1]


def test_members_are_sent_one_group_for_any_number_of_joins() -> None:
    world = World()
    ann = world.person("ann", "#tea")
    crowd = [world.person(f"p{number}") for number in range(PEOPLE)]
    for person in crowd:
        _soon(world, person, "JOIN #tea")
    for person in crowd[: PEOPLE // 2]:
        _soon(world, person, "PART #tea")
    for person in crowd[PEOPLE // 2 :]:
        _soon(world, person, "QUIT")
    world.tick()
    assert isinstance(ann.session.out, bytes)  # several pieces would be a list
    assert [m.command for m in ann.read()] == ["JOIN"] * PEOPLE + ["PART"] * (PEOPLE // 2) + ["QUIT"] * (PEOPLE // 2)


def test_reply_keeps_its_place_among_the_lines_of_the_room() -> None:
    world = World(journal=HeldJournal())
    ann, bob = world.person("ann", "#tea"), world.person("bob")
    _soon(world, ann, "PRIVMSG #tea :before")
    _soon(world, bob, "JOIN #tea")
    _soon(world, ann, "PRIVMSG #tea :one")
    _soon(world, bob, "PING x", "MODE #tea", "PRIVMSG #tea :mine")
    _soon(world, ann, "PRIVMSG #tea :two")
    _soon(world, bob, "PING y")
    for _ in range(2):  # the answer to MODE shows the JOIN, and bob's later lines wait until that is stored
        world.tick()
        world.journal.commit()  # type: ignore[attr-defined]
    world.tick()
    assert [m.params[-1] if m.command in ("PRIVMSG", "PONG") else m.command for m in bob.read()] == [
        *("JOIN", "353", "366", "one", "x", "324", "329", "two", "y")
    ]


def test_reply_follows_earlier_lines_of_both_rooms() -> None:
    world = World(journal=HeldJournal())
    ann, bob = world.person("ann", "#a,#b"), world.person("bob", "#a,#b")
    world.journal.commit()  # type: ignore[attr-defined]
    world.tick()
    bob.forget()
    _soon(world, ann, "PRIVMSG #a :1", "PRIVMSG #b :2")
    _soon(world, bob, "PING x")
    _soon(world, ann, "PRIVMSG #a :3")
    world.tick()
    world.journal.commit()  # type: ignore[attr-defined]
    world.tick()
    read = [m.params[-1] for m in bob.read()]
    assert (sorted(read[:2]), read[2:]) == (["1", "2"], ["x", "3"])


def test_member_who_rejoins_in_one_tick_misses_the_messages_between() -> None:
    world = World()
    ann, bob, cat = (world.person(nick, "#tea") for nick in ("ann", "bob", "cat"))
    _soon(world, ann, "PRIVMSG #tea :1")
    _soon(world, bob, "PART #tea")
    _soon(world, ann, "PRIVMSG #tea :2")
    _soon(world, bob, "JOIN #tea")
    _soon(world, ann, "PRIVMSG #tea :3")
    world.tick()
    there = [("PRIVMSG", "1"), ("PART", "bob"), ("PRIVMSG", "2"), ("JOIN", "bob"), ("PRIVMSG", "3")]
    assert _heard(cat) == there
    assert _heard(bob) == [there[0], there[1], there[3], there[4]]


def test_part_keeps_its_place_among_the_lines_of_the_room() -> None:
    world = World()
    ann, bob, cat = (world.person(nick, "#tea") for nick in ("ann", "bob", "cat"))
    _soon(world, bob, "PRIVMSG #tea :1")
    _soon(world, cat, "PRIVMSG #tea :2", "QUIT :bye")
    _soon(world, bob, "PRIVMSG #tea :3")
    world.tick()
    assert _heard(ann) == [("PRIVMSG", "1"), ("PRIVMSG", "2"), ("QUIT", "cat"), ("PRIVMSG", "3")]
    assert [m.params[-1] for m in cat.read()] == ["1", "Quit: bye"]  # and then the connection is closed


def test_refused_lines_are_removed_and_the_rest_stays_in_order() -> None:
    journal = HeldJournal()
    world = World(journal=journal)
    ann, bob, cat, dan = (
        world.person("ann", "#tea", caps="message-tags echo-message batch labeled-response"),
        world.person("bob"),
        world.person("cat", "#tea"),
        world.person("d"),
    )
    journal.commit()
    world.tick()
    for person in (ann, bob, cat):
        person.forget()
    _soon(world, ann, "PRIVMSG #tea :lost")
    _soon(world, bob, "JOIN #tea")
    _soon(world, ann, "@label=1 PRIVMSG #tea :lost too", "PING x")
    _soon(world, cat, "PART #tea")
    _soon(world, dan, "JOIN #tea")
    world.tick()
    assert world.hub.fanout.parked_bytes > 0
    journal.fail()
    world.tick()
    assert world.hub.fanout.parked_bytes == 0
    assert [m.params[:2] for m in cat.read()] == [["PART", "NOT_STORED"]]
    assert [m.params[:2] for m in bob.read()] == [["JOIN", "NOT_STORED"]]
    assert [m.command for m in ann.read()] == ["PONG", "FAIL", "FAIL"]
    assert [m.params[:2] for m in dan.read()] == [["JOIN", "NOT_STORED"]]
    world.now += 1000
    ann.send("PRIVMSG #tea :still here")
    journal.commit()
    world.tick()
    assert [_heard(person) for person in (bob, cat, dan)] == [[], [("PRIVMSG", "still here")], []]


def _after(count: int) -> Callable[[], bool]:
    """The time is used up after this many turns."""
    done = 0

    def out_of_time() -> bool:
        nonlocal done
        done += 1
        return done >= count

    return out_of_time


def test_messages_do_not_wait_for_mass_joins() -> None:
    world = World()
    ann = world.person("ann", "#tea")
    crowd = [world.person(f"p{number}") for number in range(PEOPLE)]
    for person in crowd:
        world.hub.receive(person.session, ["PING x", "JOIN #big", "PING y"])
    world.hub.work(_after(PEOPLE + 2))  # the first PINGs, and two who enter
    world.hub.receive(ann.session, ["PING now"])
    world.hub.work(_after(3))  # hers, and the two others who have waited since then
    world.hub.end_tick()
    assert [m.params[-1] for m in ann.read()] == ["now"]
    world.tick()
    for person in crowd:  # and each in the order in which it was sent
        assert [m.command for m in person.read() if m.command in ("PONG", "366")] == ["PONG", "366", "PONG"]


def test_turn_handles_joins_of_one_room() -> None:
    world = World()
    ann = world.person("ann")
    world.hub.receive(ann.session, ["JOIN #a", "JOIN #b", "JOIN #c"])
    world.hub.work(_after(2))  # of which the first finds out that it takes long
    world.hub.end_tick()
    assert [m.params[0] for m in ann.read() if m.command == "JOIN"] == ["#a"]


@pytest.mark.parametrize(("light", "let_in"), [(4, True), (1_000_000, False)])
def test_join_is_handled_under_an_endless_load_of_messages(
    light: int, let_in: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "TURNS_PER_LONG_COMMAND", light)
    world = World()
    ann, bob = world.person("ann", "#tea"), world.person("bob")
    world.hub.receive(bob.session, ["JOIN #tea"])
    for _ in range(10):
        world.hub.receive(ann.session, ["PING x"] * scheduler.LINES_PER_TURN)
        world.hub.work(_after(1))
        world.hub.end_tick()
    assert ("bob" in [m.nick for m in ann.read()]) is let_in


words = st.lists(st.text(st.characters(codec="utf-8", exclude_characters=" "), min_size=1, max_size=12), max_size=40)


@given(words, st.integers(1, 60))
def test_words_are_packed_into_as_few_texts_as_possible(given: list[str], room: int) -> None:
    texts = packed(given, room)
    assert " ".join(texts).split(" ") == (given or [""])
    assert all(len(text.encode()) <= room or " " not in text for text in texts)
    for text, following in pairwise(texts):
        assert len(f"{text} {following.split(' ')[0]}".encode()) > room
