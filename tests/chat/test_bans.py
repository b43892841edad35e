"""Bans: by name, account and address, for a while or for good, kept."""

from __future__ import annotations

import pytest

from chatctl.chat import proposals as p
from chatctl.chat.bans import ban_key
from tests.chat.world import Person, World

Answers = list[tuple[bool, str]]


def ask(world: World, proposal: p.Proposal) -> tuple[bool, str]:
    answers: Answers = []
    world.hub.desk.ask(proposal, lambda done, text: answers.append((done, text)))
    world.tick()
    (answer,) = answers
    return answer


def ban(world: World, target: str, seconds: int = 0, reason: str = "", *, account: bool = False) -> tuple[bool, str]:
    return ask(world, p.AddBan(0, "", target, account, reason, seconds))


def entering(world: World, nick: str, address: str = "192.0.2.7") -> Person:
    return world.connect(address).send(f"NICK {nick}", "USER u 0 * :r")


def is_in(person: Person) -> bool:
    return any(message.command == "001" for message in person.read())


def test_a_name_may_not_be_used_and_who_has_it_goes() -> None:
    world = World()
    ann, bob = world.person("Ann", "#lobby"), world.person("bob", "#lobby")
    assert ban(world, "ann", reason="enough") == (True, "ann is banned")
    assert ann.lines()[-1] == "ERROR :Banned: enough"
    assert bob.one("QUIT").params == ["Banned: enough"]
    refused = entering(world, "ANN")
    assert "may not be used here (enough)" in refused.one("433").params[-1]
    bob.send("NICK ann")
    assert "may not be used here" in bob.one("433").params[-1]
    assert ask(world, p.RemoveBan(0, "", "Ann", False)) == (True, "Ann is not banned any more")
    assert is_in(entering(world, "ann"))


def test_an_address_goes_with_all_its_sessions_also_those_not_registered() -> None:
    world = World()
    far = [entering(world, "one"), entering(world, "two"), world.connect("192.0.2.9")]
    near = entering(world, "near", "198.51.100.1")
    assert ban(world, "192.0.2.0/24", reason="spam")[0]
    for person in far:
        assert person.lines()[-1].startswith("ERROR :You are banned from this server: spam")
    assert is_in(near)
    assert world.hub.banned("192.0.2.200") == "You are banned from this server: spam"
    assert world.hub.banned("192.0.3.1") == ""


def test_an_ipv6_address_means_its_network() -> None:
    assert ban_key("2001:db8::1")[1] == "2001:db8::/64"
    assert ban_key("2001:db8::1/128")[1] == "2001:db8::1/128"
    assert ban_key("192.0.2.7")[1] == "192.0.2.7/32"


def test_a_ban_for_a_while_ends_by_itself_and_is_forgotten() -> None:
    world = World()
    ban(world, "ann", 60)
    world.now += 59_999
    assert not is_in(entering(world, "ann"))
    world.now += 1
    assert is_in(entering(world, "ann"))
    ban(world, "other")
    assert [item.target for item in world.hub.state.accounts.bans] == ["other"]


def test_sending_away_is_no_ban() -> None:
    world = World()
    ann, bob = world.person("ann", "#lobby"), world.person("bob", "#lobby")
    assert ask(world, p.SendAway(0, "", "ANN", "calm down")) == (True, "ann is gone")
    assert ann.lines()[-1] == "ERROR :Sent away: calm down"
    assert bob.one("QUIT").nick == "ann"
    assert is_in(entering(world, "ann"))
    assert ask(world, p.SendAway(0, "", "zoe", ""))[0] is False


@pytest.mark.parametrize("target", ["", "a b", "1up", "192.0.2.0/99", "#lobby"])
def test_what_cannot_be_banned(target: str) -> None:
    done, text = ban(World(), target)
    assert not done
    assert "is no address, no network and no name" in text


def test_there_is_nothing_to_take_back() -> None:
    assert ask(World(), p.RemoveBan(0, "", "ann", False)) == (False, "ann is not banned")
