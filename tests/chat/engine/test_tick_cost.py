"""The cost of a tick with much input (fanout, segments): parked output is proportional to the messages."""

from __future__ import annotations

import pytest

from tests.chat.world import HeldJournal, Person, World


def crowd(world: World, journal: HeldJournal, count: int) -> list[Person]:
    people = [world.person(f"u{number}", "#a") for number in range(count)]
    journal.commit()
    world.tick()
    for person in people:
        person.forget()
    return people


def parked(count: int, says: str) -> int:
    """Bytes that wait once `count` people have done that, all in one tick."""
    journal = HeldJournal()
    world = World(journal=journal)
    people = crowd(world, journal, count)
    for person in people:
        if says:
            world.hub.receive(person.session, [says])
        else:
            world.hub.disconnect(person.session, "No answer for 180 seconds")
    world.hub.work(lambda: False)
    world.hub.end_tick()
    found = world.hub.fanout.parked_bytes
    journal.commit()
    world.tick()
    assert world.hub.fanout.parked_bytes == 0
    return found


@pytest.mark.e2e
@pytest.mark.parametrize("says", ["PRIVMSG #a :hello", ""])
def test_tick_cost_is_linear_in_the_parked_messages(says: str) -> None:
    """Four times the senders or lost connections in one tick. Beyond commit_gate.MAX_PARKED_BYTES messages are
    refused."""
    few, many = parked(100, says), parked(400, says)
    assert many < 6 * few, (few, many)


def test_sessions_without_output_are_not_written() -> None:
    """Nobody of their kind reads a TAGMSG. One sends it, the other is told something alone, in the same tick."""
    journal = HeldJournal()
    world = World(journal=journal)
    ann, bob = crowd(world, journal, 2)
    for person, line in ((ann, "@+draft/react=x TAGMSG #a"), (bob, "PING x")):
        world.hub.receive(person.session, [line])
        world.hub.work(lambda: False)
    world.hub.end_tick()
    journal.commit()
    world.hub.end_tick()
    assert [session.id for session in world.hub.fanout.dirty] == [bob.session.id]
    assert bob.commands() == ["PONG"]
