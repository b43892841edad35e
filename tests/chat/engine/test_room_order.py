"""The output of one session in a tick with several rooms: snapshots are in their place ([session-order] in
fanout.py)."""

from __future__ import annotations

import pytest

from tests.chat.accounts import a_world, add, enter, plain
from tests.chat.world import Person, World


def do(world: World, *said: tuple[Person, str]) -> None:
    """Handle lines of sessions, in this order, in one tick."""
    for person, line in said:
        world.hub.receive(person.session, [line])
        world.hub.work(lambda: False)
    world.tick()


def believed(person: Person) -> dict[str, set[str]]:
    """Return the members by room, as a client computes them from this output."""
    rooms: dict[str, set[str]] = {}
    user = person.world.hub.state.user_of(person.session.id)
    assert user is not None
    for message in person.read():
        command, params, nick = message.command, message.params, message.nick
        if command == "JOIN" and nick == user.nick:
            rooms[params[0]] = set()
        if command == "JOIN":
            rooms.setdefault(params[0], set()).add(nick)
        elif command == "353":
            rooms.setdefault(params[2], set()).update(name.lstrip("@+") for name in params[3].split())
        elif command == "PART":
            rooms.setdefault(params[0], set()).discard(nick)
        elif command == "QUIT":
            for inside in rooms.values():
                inside.discard(nick)
    return rooms


def test_reply_about_a_room_is_not_overtaken_by_its_lines() -> None:
    """The answer finds another room's segment open; then the room it is about has one too, which is closed first."""
    world = World()
    ann, bob, carl = world.person("ann", "#a", "#b"), world.person("bob", "#b"), world.person("carl")
    do(world, (bob, "PRIVMSG #b :hello"), (ann, "NAMES #a"), (carl, "JOIN #a"), (ann, "PING x"))
    read = [message for message in ann.read() if message.command in ("353", "JOIN", "PONG")]
    assert [message.command for message in read] == ["353", "JOIN", "PONG"]


def test_reply_precedes_the_part_that_follows_the_query() -> None:
    world = World()
    ann = world.person("ann", "#a", "#b", caps="echo-message")
    ann.send("PRIVMSG #b :hello", "MODE #a", "PART #a")
    assert ann.commands() == ["PRIVMSG", "324", "329", "PART"]


def test_second_session_attaches_while_others_join() -> None:
    """Its own JOIN is before what it hears of that room: clients forget who is in a room that they enter."""
    world = a_world()
    add(world, "ann")
    enter(world, "ann", "sesame").send("JOIN #a,#b")
    talker, newcomer, asks = world.person("bob", "#a", "#b"), world.person("carl"), world.person("dora", "#b", "#c")
    train = world.connect()
    train.send("CAP LS 302", "CAP REQ :sasl", "NICK ann", "USER u 0 * :r", "AUTHENTICATE PLAIN")
    train.send(plain("ann", "sesame")).forget()
    do(
        world,
        (talker, "PRIVMSG #a :hello"),
        (train, "CAP END"),
        (newcomer, "JOIN #b"),
        (asks, "PRIVMSG #c :hello"),
        (asks, "PING x"),
    )
    assert believed(train)["#b"] == {"ann", "bob", "carl", "dora"}


@pytest.mark.parametrize("again", ["NICK bob", "USER"])
def test_departure_precedes_the_immediate_reuse_of_the_name(again: str) -> None:
    """The new owner of the name is in another room: the QUIT of the former one must come first."""
    world = World()
    ann, bob, dora = world.person("ann", "#a", "#b"), world.person("bob", "#a"), world.person("dora", "#b")
    if again == "USER":
        carl = world.connect()
        then = ((carl, "NICK bob"), (carl, "USER u 0 * :r"))
    else:
        carl = world.person("carl")
        then = ((carl, "NICK bob"),)  # type: ignore[assignment]
    do(world, (dora, "PRIVMSG #b :hello"), (bob, "QUIT"), *then, (carl, "JOIN #b"))
    read = [message.command for message in ann.read() if message.nick == "bob"]
    assert read == ["QUIT", "JOIN"]


def test_departed_session_does_nothing_more() -> None:
    """In another room, which they left just before, a message came earlier; in this one, before that."""
    world = World()
    ann, bob = world.person("ann", "#a", "#b"), world.person("bob", "#a", "#b")
    do(world, (ann, "PRIVMSG #b :hello"), (bob, "PRIVMSG #a :well"), (bob, "PART #a"), (bob, "QUIT"))
    assert [message.command for message in ann.read()] == ["PRIVMSG", "PART", "QUIT"]
