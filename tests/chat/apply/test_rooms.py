"""Rooms: modern.ircdocs.horse "Channel Operations" and "MODE message"."""

from __future__ import annotations

import pytest

from chatctl.chat.model.policy import Rules
from tests.chat.world import START, World


def test_join_is_broadcast_with_its_snapshot() -> None:
    world = World()
    alice = world.person("alice", "#tea")
    bob = world.person("bob").send("JOIN #Tea")
    read = bob.read()
    assert [message.command for message in read] == ["JOIN", "353", "366"]
    assert read[0].params == ["#tea"]  # as it was founded
    assert read[1].params == ["bob", "=", "#tea", "@alice bob"]
    assert alice.one("JOIN").nick == "bob"
    assert bob.send("JOIN #tea").lines() == []  # joining again changes nothing


def test_join_of_several_rooms_and_join_0() -> None:
    alice = World().person("alice").send("JOIN #a,#b,,#c")
    assert [m.params[0] for m in alice.read() if m.command == "JOIN"] == ["#a", "#b", "#c"]
    assert alice.send("JOIN 0").commands() == ["PART", "PART", "PART"]
    assert alice.send("JOIN 0").lines() == []


def test_first_member_is_operator_except_in_the_lobby() -> None:
    world = World()
    alice = world.person("alice", "#own", "#lobby")
    assert alice.send("NAMES #own").one("353").params[-1] == "@alice"
    assert alice.send("NAMES #lobby").one("353").params[-1] == "alice"


@pytest.mark.parametrize("name", ["lobby", "#", "#a\x07b", "#" + "x" * 70])
def test_invalid_room_name_is_refused(name: str) -> None:
    refusal = World().person("alice").send(f"JOIN {name}").one("403")
    assert refusal.params[1] == name
    assert len(refusal.params[2]) > 10


@pytest.mark.parametrize(("limit", "held"), [(2, True), (1000, False)])
def test_rooms_of_a_user_are_limited(limit: int, held: bool) -> None:
    """Leaving one makes place for another; a limit that is not there would not refuse."""
    world = World(Rules(max_rooms=limit, created=START))
    alice, bob = world.person("alice"), world.person("bob")
    refused = [m.params[1] for m in alice.send("JOIN #a,#b,#c", "JOIN #d").read() if m.command == "405"]
    assert refused == (["#c", "#d"] if held else [])
    assert ("#c" in world.hub.state.rooms) is not held
    alice.send("PART #a", "JOIN #c")
    assert "alice" in bob.send("NAMES #c").one("353").params[-1]


def test_part_relays_its_reason() -> None:
    world = World()
    alice, bob = world.person("alice", "#tea"), world.person("bob", "#tea")
    bob.send("PART #tea :off to bed")
    assert bob.one("PART").params == alice.one("PART").params == ["#tea", "off to bed"]
    alice.send("PRIVMSG #tea :hello?")
    assert bob.lines() == []
    assert bob.send("PART #tea").commands() == ["442"]
    assert bob.send("PART #nowhere").commands() == ["403"]


def test_empty_room_is_removed_except_the_lobby() -> None:
    world = World()
    alice = world.person("alice", "#tea", "#lobby")
    alice.send("PART #tea,#lobby")
    assert list(world.hub.state.rooms) == ["#lobby"]
    assert not world.hub.fanout.rooms


def test_topic_is_set_shown_and_cleared() -> None:
    world = World()
    alice, bob = world.person("alice", "#tea"), world.person("bob", "#tea")
    assert bob.send("TOPIC #tea").commands() == ["331"]
    alice.send("TOPIC #tea :Green or black?")
    assert bob.one("TOPIC").params == ["#tea", "Green or black?"]
    read = bob.send("TOPIC #tea").read()
    assert [m.command for m in read] == ["332", "333"]
    assert read[0].params == ["bob", "#tea", "Green or black?"]
    assert read[1].params[2].startswith("alice!")
    assert "332" in world.person("carol").send("JOIN #tea").commands()
    alice.forget().send("TOPIC #tea :Green or black?")
    assert alice.lines() == []  # the same topic again changes nothing
    alice.send("TOPIC #tea :")
    assert alice.one("TOPIC").params == ["#tea", ""]


def test_topic_of_a_protected_room_is_set_by_operators_only() -> None:
    world = World()
    alice, bob = world.person("alice", "#tea", "#lobby"), world.person("bob", "#tea", "#lobby")
    assert bob.send("TOPIC #tea :mine").commands() == ["482"]
    assert alice.send("MODE #tea -t").commands() == ["MODE"]
    assert bob.forget().send("TOPIC #tea :mine").commands() == ["TOPIC"]
    assert bob.send("TOPIC #lobby :for all").commands() == ["TOPIC"]
    outsider = world.person("carol")
    assert outsider.send("TOPIC #tea :x").commands() == ["442"]
    assert outsider.send("TOPIC #nowhere :x").commands() == ["403"]


def test_too_long_topic_is_refused_with_the_limit() -> None:
    world = World()
    alice = world.person("alice", "#tea")
    limit = int(
        next(t for m in alice.send("VERSION").read() for t in m.params if t.startswith("TOPICLEN=")).partition("=")[2]
    )
    assert alice.send(f"TOPIC #tea :{'x' * limit}").commands() == ["TOPIC"]
    assert str(limit) in alice.send(f"TOPIC #tea :{'y' * (limit + 1)}").one("417").params[-1]


def test_kick_removes_a_member() -> None:
    world = World()
    alice, bob, carol = (world.person(name, "#tea") for name in ("alice", "bob", "carol"))
    assert bob.send("KICK #tea carol").commands() == ["482"]
    alice.send("KICK #tea bob,carol :enough")
    assert [m.params for m in bob.read()] == [["#tea", "bob", "enough"]]
    assert [m.params[1] for m in carol.read()] == ["bob", "carol"]
    assert bob.send("PRIVMSG #tea :hey").commands() == ["404"]
    assert alice.forget().send("KICK #tea bob").commands() == ["441"]
    assert alice.send("KICK #tea absent").commands() == ["401"]
    assert alice.send("KICK #nowhere bob").commands() == ["403"]
    assert bob.send("KICK #tea alice").commands() == ["442"]
    assert alice.send("KICK #tea").commands() == ["461"]
    world.person("dora", "#tea")
    assert alice.forget().send("KICK #tea,#nowhere dora,bob").commands() == ["KICK", "403"]
    assert alice.send("KICK #tea,#coffee bob").commands() == ["461"]


def test_room_modes_are_set_and_shown() -> None:
    world = World()
    alice, bob = world.person("alice", "#tea"), world.person("bob", "#tea")
    read = bob.send("MODE #tea").read()
    assert [m.command for m in read] == ["324", "329"]
    assert read[0].params == ["bob", "#tea", "+nt"]
    assert bob.send("MODE #tea -n").commands() == ["482"]
    alice.send("MODE #tea -nt+vo bob bob")
    assert bob.one("MODE").params == ["#tea", "-nt+vo", "bob", "bob"]
    assert alice.forget().send("MODE #tea -n").lines() == []  # nothing changed
    assert alice.send("MODE #tea +o absent").commands() == ["401"]
    assert alice.send("MODE #tea +o").commands() == ["696"]
    assert bob.forget().send("MODE #tea +o").commands() == ["696"]  # an operator since
    world.person("dora", "#tea").forget().send("MODE #tea +o").one("482")
    assert alice.send("MODE #nowhere +n").commands() == ["403"]
    world.person("carol")
    assert alice.send("MODE #tea +v carol").commands() == ["441"]


def test_mode_without_its_parameter_is_reported_and_the_rest_applied() -> None:
    alice = World().person("alice", "#tea")
    read = alice.send("MODE #tea +m-t+vkl").read()
    assert [(m.command, m.params[2]) for m in read if m.command == "696"] == [("696", "v"), ("696", "k"), ("696", "l")]
    assert next(m.params for m in read if m.command == "MODE") == ["#tea", "+m-t"]


def test_long_mode_change_is_split_into_lines() -> None:
    world = World()
    ann = world.person("ann", "#tea")
    nicks = ["名" * 31 + end for end in "一二三四五"]
    for nick in nicks:
        world.person(nick, "#tea")
    read = ann.send("MODE #tea +vvvvv " + " ".join(nicks)).read()
    assert [m.params[1] for m in read] == ["+vvvv", "+v"]
    assert [nick for m in read for nick in m.params[2:]] == nicks


def test_unknown_mode_letter_is_reported_and_the_rest_applied() -> None:
    """Or a room that was set ``+sp``, as clients do, would be open to all."""
    world = World()
    alice, bob = world.person("alice", "#tea"), world.person("bob", "#tea")
    read = alice.send("MODE #tea +sp-tZ").read()
    assert [(m.command, m.params[1:]) for m in read[1:]] == [
        ("472", ["p", "p is not a mode of this server"]),
        ("472", ["Z", "Z is not a mode of this server"]),
    ]
    assert bob.one("MODE").params == read[0].params == ["#tea", "+s-t"]
    assert alice.send("MODE #tea +Z").commands() == ["472"]
    assert bob.send("MODE #tea +iZ").commands() == ["482"]


def test_five_hundred_mode_letters_are_bounded() -> None:
    alice = World().person("alice", "#tea")
    assert len(alice.send("MODE #tea " + "+o-o" * 120).read()) <= 20


def test_multi_prefix_shows_all_standing() -> None:
    world = World()
    alice = world.person("alice", "#tea", caps="multi-prefix").send("MODE #tea +v alice").forget()
    assert alice.send("NAMES #tea").one("353").params[-1] == "@+alice"
    assert world.person("bob").send("NAMES #tea").one("353").params[-1] == "@alice"
    assert "@+" in alice.send("WHO #tea").one("352").params[-2]


def test_names_are_split_into_lines() -> None:
    world = World()
    for number in range(60):
        world.person(f"somebody_with_a_long_name_{number}", "#tea")
    listed = [m.params[-1] for m in world.person("zoe").send("NAMES #tea").read() if m.command == "353"]
    assert len(listed) > 3
    assert len(" ".join(listed).split()) == 60


def test_userhost_in_names_shows_hosts() -> None:
    alice = World().person("alice", "#tea", caps="userhost-in-names").send("NAMES #tea")
    assert alice.one("353").params[-1].startswith("@alice!~u@")


def test_names_of_a_missing_room_ends_at_once() -> None:
    alice = World().person("alice")
    assert alice.send("NAMES").commands() == ["366"]
    assert alice.send("NAMES #nowhere").commands() == ["366"]


def test_list_shows_rooms() -> None:
    world = World()
    alice = world.person("alice", "#tea", "#coffee").send("TOPIC #tea :Green?").forget()
    read = alice.send("LIST").read()
    assert read[0].command == "321"
    assert read[-1].command == "323"
    assert {tuple(m.params[1:]) for m in read if m.command == "322"} == {
        ("#tea", "1", "Green?"),
        ("#coffee", "1", ""),
    }
    assert [m.params[1] for m in alice.send("LIST #c*,#TEA").read() if m.command == "322"] == ["#tea", "#coffee"]


def test_quit_reaches_every_member_once() -> None:
    world = World()
    alice = world.person("alice", "#a", "#b", "#c")
    bob = world.person("bob", "#a", "#b", "#c")
    stranger = world.person("carol", "#d")
    alice.send("QUIT :bye")
    assert bob.one("QUIT").params == ["Quit: bye"]
    assert stranger.lines() == []
    assert alice.one("ERROR")
    assert world.hub.ended == [alice.session]


def test_lost_connection_is_broadcast_with_its_reason() -> None:
    world = World()
    alice, bob = world.person("alice", "#a"), world.person("bob", "#a")
    world.gone(alice, "No answer for 120 seconds")
    assert bob.one("QUIT").params == ["No answer for 120 seconds"]
    world.gone(alice)  # twice is the same as once
    assert bob.lines() == []


def test_away_and_user_modes_leave_no_facts() -> None:
    world = World()
    alice = world.person("alice")
    world.person("bob", "#tea")
    alice.send("JOIN #tea", "AWAY :x", "AWAY", "MODE alice +i", "PRIVMSG #tea :hi", "NICK alicia", "PART #tea")
    kinds = [fact.kind for fact in world.facts if fact.source.startswith("alic")]
    assert kinds == ["JOIN", "PRIVMSG", "NICK", "PART"]
