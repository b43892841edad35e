"""Batching of facts ([batching] in chatctl/chat/engine/commit_gate.py)."""

from __future__ import annotations

import pytest

from chatctl.chat.engine import commit_gate
from tests.chat.world import HeldJournal, Person, World


@pytest.fixture
def talk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two speakers are much talk."""
    monkeypatch.setattr(commit_gate, "MIN_BATCHED_FACTS", 1)


def _two(world: World, room: str = "#lobby") -> tuple[Person, Person]:
    """Two in a room, and all of it kept."""
    ann, bob = world.person("ann"), world.person("bob")
    for person in (ann, bob):
        person.send(f"JOIN {room}")
    _kept(world)
    return ann.forget(), bob.forget()


def _kept(world: World) -> None:
    assert isinstance(world.journal, HeldJournal)
    world.journal.commit()
    world.tick()


def _at_once(world: World, *said: tuple[Person, str]) -> None:
    """Send lines of several users before a tick."""
    for person, line in said:
        world.hub.receive(person.session, [line])
    world.tick()


def _said(world: World) -> list[str]:
    """Return the facts that were submitted."""
    return [fact.text for fact in world.facts if fact.kind == "PRIVMSG"]


@pytest.mark.usefixtures("talk")
def test_facts_during_a_commit_are_batched() -> None:
    world = World(journal=HeldJournal())
    ann, bob = _two(world)
    _at_once(world, (ann, "PRIVMSG #lobby :1"), (bob, "PRIVMSG #lobby :2"))
    ann.send("PRIVMSG #lobby :3")
    bob.send("PRIVMSG #lobby :4")
    assert _said(world) == ["1", "2"]
    _kept(world)  # shown first, then handed over
    assert [message.params[1] for message in bob.read() if message.command == "PRIVMSG"] == ["1"]
    assert _said(world) == ["1", "2", "3", "4"]
    _kept(world)
    assert bob.one("PRIVMSG").params[1] == "3"
    assert world.hub.idle


def test_facts_of_few_senders_are_not_delayed() -> None:
    world = World(journal=HeldJournal())
    ann, bob = _two(world)
    _at_once(world, (ann, "PRIVMSG #lobby :1"), (bob, "PRIVMSG #lobby :2"))
    ann.send("PRIVMSG #lobby :3")
    assert _said(world) == ["1", "2", "3"]


@pytest.mark.usefixtures("talk")
def test_batching_covers_all_rooms() -> None:
    """Messages of many rooms go in one commit as well."""
    world = World(journal=HeldJournal())
    ann, bob = _two(world)
    bob.send("JOIN #other")
    _kept(world)
    _at_once(world, (ann, "PRIVMSG #lobby :1"), (bob, "PRIVMSG #other :3"), (ann, "PRIVMSG #lobby :2"))
    ann.send("PRIVMSG #lobby :4")
    assert _said(world) == ["1", "2", "3"]
    _kept(world)
    assert _said(world) == ["1", "2", "3", "4"]


@pytest.mark.usefixtures("talk")
def test_facts_of_a_single_sender_are_not_delayed() -> None:
    world = World(journal=HeldJournal())
    ann, _ = _two(world)
    _at_once(world, (ann, "PRIVMSG #lobby :1"), (ann, "PRIVMSG #lobby :2"))
    ann.send("PRIVMSG #lobby :3")
    assert _said(world) == ["1", "2", "3"]


@pytest.mark.usefixtures("talk")
def test_batched_facts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit_gate, "MAX_BATCHED_FACTS", 3)
    world = World(journal=HeldJournal())
    ann, bob = _two(world)
    _at_once(world, (ann, "PRIVMSG #lobby :1"), (bob, "PRIVMSG #lobby :2"))
    for number in (3, 4):
        ann.send(f"PRIVMSG #lobby :{number}")
    assert _said(world) == ["1", "2"]
    ann.send("PRIVMSG #lobby :5")
    assert _said(world) == ["1", "2", "3", "4", "5"]


@pytest.mark.usefixtures("talk")
def test_reply_without_facts_is_not_delayed() -> None:
    """For who has nothing parked; and the others read theirs in its place."""
    world = World(journal=HeldJournal())
    ann, bob = _two(world)
    eve = world.person("eve")
    _at_once(world, (ann, "PRIVMSG #lobby :1"), (bob, "PRIVMSG #lobby :2"))
    _at_once(world, (ann, "PRIVMSG #lobby :3"), (ann, "PING :x"), (eve, "PING :y"))
    assert eve.one("PONG").params[-1] == "y"
    assert "PONG" not in ann.commands()
    _kept(world)
    _kept(world)
    assert ann.commands() == ["PRIVMSG", "PONG"]


@pytest.mark.usefixtures("talk")
def test_facts_that_depend_on_a_failed_commit_fail_with_it() -> None:
    """Bob is an operator by a MODE that is not stored; his later commands and messages in a room with that name fail
    with it."""
    journal = HeldJournal()
    world = World(journal=journal)
    ann, bob = _two(world, "#r")
    talk = (ann, "PRIVMSG #r :1"), (bob, "PRIVMSG #r :2")
    _at_once(world, (ann, "MODE #r +o bob"), *talk)
    bob.send("TOPIC #r :mine")
    bob.send("PRIVMSG #r :3")
    assert [fact.kind for fact in world.facts][-3:] == ["MODE", "PRIVMSG", "PRIVMSG"]
    journal.fail()
    world.tick()
    _kept(world)
    assert not {"MODE", "TOPIC", "PRIVMSG"} & {fact.kind for fact in world.facts}
    assert world.hub.state.rooms["#r"].topic == ""
    refused = [message.params[0] for message in bob.read() if message.command == "FAIL"]
    assert refused == ["PRIVMSG", "TOPIC", "PRIVMSG"]
    assert not {"TOPIC", "MODE", "PRIVMSG"} & set(ann.commands()[1:])
    bob.send("TOPIC #r :mine")
    assert bob.one("482")
