"""Secrets from non-members: modern.ircdocs.horse, "Secret Channel Mode", "Invisible User Mode"."""

from __future__ import annotations

import re

import pytest

from tests.chat.world import World

CAPS = (
    "batch message-tags draft/chathistory soju.im/search draft/metadata-2 draft/read-marker draft/message-redaction "
    "draft/channel-rename"
)


@pytest.mark.parametrize(
    "line",
    [
        "PART {}",
        "KICK {} alice",
        "KICK {} absent",
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
        "CHATHISTORY LATEST {} * 10",
        "CHATHISTORY AROUND {} msgid=unknown 10",
        "SEARCH in={}",
        "SEARCH in={};text=wine",
        "SEARCH text=wine",
        "METADATA {} LIST",
        "METADATA {} GET colour",
        "METADATA {} SET colour red",
        "METADATA {} CLEAR",
        "METADATA {} SYNC",
        "METADATA {} SUB colour",
        "MARKREAD {}",
        "MARKREAD {} timestamp=2023-11-14T22:13:21.000Z",
        "REDACT {} unknown",
        "RENAME {} #other",
        "WHO {} %cn",
        "MODE {} e",
        "MODE {} +b *!*@*",
    ],
)
def test_secret_room_is_answered_like_a_missing_one(line: str) -> None:
    world = World()
    alice = world.person("alice", "#Cellar")
    world.person("carol")
    bob = world.person("bob", caps=CAPS)
    alice.send("MODE #cellar +s", "TOPIC #cellar :wine", "PRIVMSG #cellar :wine").forget()
    told = bob.send(line.format("#cellar")).lines()
    not_there = bob.send(line.format("#garret")).lines()
    assert [re.sub(r"([+-])b\d+ ?", r"\1b0", each.replace("#garret", "#cellar")) for each in not_there] == [
        re.sub(r"([+-])b\d+ ?", r"\1b0", each) for each in told
    ]
    assert alice.lines() == []


def test_secret_room_without_mode_n_accepts_messages() -> None:
    world = World()
    alice, bob = world.person("alice", "#cellar"), world.person("bob")
    alice.send("MODE #cellar +s-n").forget()
    assert bob.send("PRIVMSG #cellar :knock knock").lines() == []
    assert alice.one("PRIVMSG").params == ["#cellar", "knock knock"]


def test_rename_onto_a_secret_room_answers_like_onto_a_former_one() -> None:
    world = World()
    secret = world.person("alice", "#Cellar").send("MODE #cellar +s")
    world.person("carol", "#garret").send("PRIVMSG #garret :hello", "PART #garret")
    bob = world.person("bob", "#mine", caps="draft/channel-rename")
    refusals = [bob.send(f"RENAME #mine {name}").one("FAIL").params for name in ("#cellar", "#garret")]
    assert [word.replace("#garret", "#cellar") for word in refusals[1]] == refusals[0]
    assert "s" in world.hub.state.rooms["#cellar"].modes
    assert secret.lines() == []


def test_rename_by_an_outsider_does_not_disclose_history() -> None:
    world = World()
    world.person("carol", "#garret").send("PRIVMSG #garret :hello", "PART #garret")
    world.person("alice", "#tea")
    bob = world.person("bob", caps="draft/channel-rename")
    used, unused = (bob.send(f"RENAME #tea {name}").lines() for name in ("#garret", "#attic"))
    assert used == unused


def test_whowas_takes_no_mask() -> None:
    """ "WHOWAS message": "no wild card matching here"; it would list all former users."""
    world = World()
    bob = world.person("bob")
    world.gone(world.person("alice"))
    assert bob.send("WHOWAS *").commands() == ["406", "369"]
    assert bob.send("WHOWAS ALICE").commands() == ["314", "312", "369"]
