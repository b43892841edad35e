"""What those outside are not to learn: modern.ircdocs.horse, "Secret Channel Mode", "Invisible User Mode"."""

from __future__ import annotations

import pytest

from tests.chat.world import World


@pytest.mark.parametrize(
    "line",
    [
        "PART {}",
        "KICK {} alice",
        "KICK {} nobody",
        "PRIVMSG {} :hey",
        "PRIVMSG @{} :hey",
        "TAGMSG {}",
        "INVITE carol {}",
        "TOPIC {}",
        "TOPIC {} :mine",
        "MODE {}",
        "MODE {} b",
        "MODE {} +i",
        "NAMES {}",
        "WHO {}",
        "LIST {}",
        "CHATHISTORY TARGETS timestamp=2020-01-01T00:00:00.000Z timestamp=2030-01-01T00:00:00.000Z 10",
    ],
)
def test_a_secret_room_answers_like_one_that_is_not_there(line: str) -> None:
    world = World()
    alice = world.person("alice", "#Cellar")
    world.person("carol")
    bob = world.person("bob", caps="message-tags")
    alice.send("MODE #cellar +s", "TOPIC #cellar :wine").forget()
    told = bob.send(line.format("#cellar")).lines()
    not_there = bob.send(line.format("#garret")).lines()
    assert [each.replace("#garret", "#cellar") for each in not_there] == told
    assert alice.lines() == []


def test_a_secret_room_that_takes_messages_from_outside_takes_them() -> None:
    world = World()
    alice, bob = world.person("alice", "#cellar"), world.person("bob")
    alice.send("MODE #cellar +s-n").forget()
    assert bob.send("PRIVMSG #cellar :knock knock").lines() == []
    assert alice.one("PRIVMSG").params == ["#cellar", "knock knock"]


def test_whowas_takes_no_mask() -> None:
    """ "WHOWAS message": "no wild card matching here"; it would list everybody who was ever here."""
    world = World()
    bob = world.person("bob")
    world.gone(world.person("alice"))
    assert bob.send("WHOWAS *").commands() == ["406", "369"]
    assert bob.send("WHOWAS ALICE").commands() == ["314", "312", "369"]
