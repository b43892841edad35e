"""Answers of any length: a slice at a time, as fast as they are read."""

from __future__ import annotations

import itertools

import pytest

from chatctl.chat.commands import history, listing
from tests.chat.world import HeldJournal, Person, World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Ten rooms, three of which are looked at in one go."""
    monkeypatch.setattr(listing, "_SLICE", 3)
    world = World()
    world.person("ann", *(f"#r{number}" for number in range(10)))
    return world


def read_on(person: Person) -> list[list[str]]:
    """Return the output, read in steps: each after all before it was taken."""
    parts = []
    while lines := person.lines():
        parts.append(lines)
        person.world.tick()
    return parts


def test_next_slice_follows_when_the_previous_was_read(world: World) -> None:
    bob = world.person("bob").send("LIST")
    world.tick()
    parts = read_on(bob)
    assert [len(part) for part in parts] == [1, 2, 3, 3, 2, 1]  # the lobby, which is empty, is in the first three
    lines = [line.split(" ") for part in parts for line in part]
    assert [words[3] for words in lines[1:-1]] == [f"#r{number}" for number in range(10)]
    assert [lines[0][1], lines[-1][1]] == ["321", "323"]


def test_slow_reader_delays_its_own_slices_only(world: World) -> None:
    bob = world.person("bob")
    world.hub.streamed.behind = lambda session: session is bob.session
    assert bob.send("LIST").lines() == []
    assert not world.hub.busy
    world.hub.streamed.behind = lambda session: False
    assert world.hub.busy
    world.tick()
    assert len(read_on(bob)) == 6


def test_next_command_is_answered_after_the_long_reply(world: World) -> None:
    bob = world.person("bob").send("LIST", "PING x", "LIST #r1")
    commands = [line.split(" ")[1] for part in read_on(bob) for line in part]
    assert commands == ["321", *["322"] * 10, "323", "PONG", "321", "322", "323"]


def test_labelled_long_reply_is_one_batch(world: World) -> None:
    bob = world.person("bob", caps="batch labeled-response").send("@label=x LIST")
    opening, *inside, closing = [line for part in read_on(bob) for line in part]
    assert opening.startswith("@label=x ")
    reference = opening.split(" ")[3][1:]
    assert closing.split(" ")[2] == f"-{reference}"
    assert len(inside) == 12
    assert all(line.startswith(f"@batch={reference} ") for line in inside)


def test_removed_rooms_are_skipped_and_a_departed_session_gets_nothing(world: World) -> None:
    bob, cleo, dora = (world.person(nick) for nick in ("bob", "cleo", "dora"))
    for person in (bob, cleo, dora):
        person.send("LIST")
    ann = next(session for session in world.hub.sessions.values() if session.id == 1)
    world.hub.disconnect(ann, "gone")
    world.gone(cleo)
    world.hub.leave(dora.session, "Connection closed")
    world.tick()
    assert len(world.hub.state.users) == 1
    assert [line.split(" ")[1] for part in read_on(bob) for line in part] == ["321", "323"]
    assert not world.hub.busy


def test_slices_do_not_pile_up_behind_a_slow_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_SLICE", 3)
    journal = HeldJournal()
    world = World(journal=journal)
    ann = world.connect().send("NICK ann", "USER u 0 * :r", "JOIN #a,#b,#c,#d,#e", "LIST")
    world.tick()
    assert not any(" 32" in line for line in ann.lines())
    assert not world.hub.busy
    journal.commit()
    world.tick()
    assert sum(" 322 " in line for part in read_on(ann) for line in part) == 5


def test_failing_slice_ends_its_session_only(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bob = world.person("bob").send("LIST")
    monkeypatch.setattr(listing, "line", None)
    bob.lines()
    world.tick()
    assert bob.lines()[-1].startswith("ERROR ")
    assert world.hub.failures == 1
    assert not world.hub.busy


@pytest.mark.parametrize("label", ["", "@label=x "])
@pytest.mark.parametrize("line", ["CHATHISTORY LATEST #tea * 9", "SEARCH in=#tea"])
def test_sliced_history_equals_the_whole(line: str, label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hundred messages of 128 lines are more than an outbox holds."""
    caps = "batch message-tags labeled-response draft/multiline draft/chathistory soju.im/search"
    world = World()
    ann, bob = world.person("ann", "#tea", caps=caps), world.person("bob", "#tea", caps=caps)
    for number in range(4):
        ann.send("BATCH +1 draft/multiline #tea", *(f"@batch=1 PRIVMSG #tea :{number}{at}" for at in "abc"), "BATCH -1")
    bob.forget()
    world.hub._context.references = itertools.count(70)
    whole = bob.send(label + line).lines()
    monkeypatch.setattr(history, "LONG", 5)
    monkeypatch.setattr("chatctl.chat.history.history_batch._SLICE", 5)
    world.hub._context.references = itertools.count(70)
    parts = read_on(bob.send(label + line))
    assert len(parts) > 2
    assert [line for part in parts for line in part] == whole
    assert sum(" PRIVMSG " in line for line in whole) == 12
    assert whole[0].startswith(label or ":")
