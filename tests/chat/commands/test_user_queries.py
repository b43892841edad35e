"""Other people: modern.ircdocs.horse "User-Based Queries", "NICK message", "User modes", "Server Queries"."""

from __future__ import annotations

from chatctl.chat.commands.isupport import isupport
from chatctl.chat.model.ids import SessionId
from chatctl.chat.model.policy import Rules
from tests.chat.world import START, World


def test_nick_change_reaches_members_once() -> None:
    world = World()
    alice = world.person("alice", "#a", "#b")
    bob = world.person("bob", "#a", "#b")
    alice.send("NICK alicia")
    heard = bob.one("NICK")
    assert (heard.nick, heard.params) == ("alice", ["alicia"])
    assert alice.one("NICK").params == ["alicia"]
    assert bob.send("PRIVMSG alice :hi").commands() == ["401"]
    bob.send("PRIVMSG alicia :hi")
    assert alice.one("PRIVMSG").params[0] == "alicia"


def test_nick_change_to_a_taken_name_is_refused_and_to_other_case_is_not() -> None:
    world = World()
    alice = world.person("alice")
    world.person("bob")
    assert alice.send("NICK Bob").commands() == ["433"]
    assert alice.send("NICK ALICE").commands() == ["NICK"]
    assert alice.send("NICK ALICE").lines() == []
    assert alice.send("NICK 2fast").commands() == ["432"]
    assert alice.send("PING x").one("PONG").params[1] == "x"


def test_who_lists_a_room_a_user_and_a_mask() -> None:
    world = World()
    alice = world.person("alice", "#tea")
    world.person("bob", "#tea").send("AWAY :x")
    alice.forget()
    read = alice.send("WHO #tea").read()
    assert [m.command for m in read] == ["352", "352", "315"]
    assert read[0].params[1:] == ["#tea", "~u", read[0].params[3], "chatctl.local", "alice", "H@", "0 Real Name"]
    assert read[1].params[6] == "G"
    assert [m.params[5] for m in alice.send("WHO bob").read() if m.command == "352"] == ["bob"]
    assert [m.params[5] for m in alice.send("WHO b*").read() if m.command == "352"] == ["bob"]
    assert alice.send("WHO #nowhere").commands() == ["315"]


def test_invisible_users_are_hidden_from_users_without_a_shared_room() -> None:
    world = World()
    alice = world.person("alice", "#tea")
    assert alice.send("MODE alice +i").one("MODE").params == ["alice", "+i"]
    assert alice.send("MODE alice").one("221").params == ["alice", "+i"]
    stranger = world.person("bob")
    friend = world.person("carol", "#tea")
    assert [m.params[5] for m in stranger.send("WHO *").read() if m.command == "352"] == ["bob", "carol"]
    assert stranger.send("NAMES #tea").one("353").params[-1] == "carol"
    assert "alice" in friend.send("NAMES #tea").one("353").params[-1]
    assert [m.params[5] for m in stranger.send("WHO alice").read() if m.command == "352"] == ["alice"]


def test_whois_describes_a_user() -> None:
    world = World()
    alice = world.person("alice", "#tea", "#coffee")
    bob = world.person("bob")
    world.now += 90_000
    read = {m.command: m for m in bob.send("WHOIS alice").read()}
    assert list(read) == ["311", "312", "319", "671", "317", "318"]
    assert read["319"].params[-1] == "@#tea @#coffee"
    assert read["317"].params[2] == "90"
    assert bob.send("WHOIS absent").commands() == ["401", "318"]
    assert bob.send("WHOIS").commands() == ["431"]
    assert "378" in alice.send("WHOIS chatctl.local alice").commands()


def test_others_see_a_hash_of_the_address_never_the_address() -> None:
    world = World()
    alice = world.connect("203.0.113.7").send("NICK alice", "USER u 0 * :r", "JOIN #lobby")
    bob = world.person("bob", "#lobby")
    bob.send("WHO #lobby", "WHOIS alice", "USERHOST alice")
    alice.send("PRIVMSG #lobby :hi")
    assert "203.0.113.7" not in "".join(bob.lines())


def test_ison_and_userhost_are_answered() -> None:
    world = World()
    alice = world.person("alice")
    world.person("bob").send("AWAY :x")
    assert alice.send("ISON bob absent Alice").one("303").params[-1] == "bob alice"
    assert alice.send("ISON absent").one("303").params[-1] == ""
    assert alice.send("USERHOST bob").one("302").params[-1].startswith("bob=-~u@")


def test_user_modes_of_others_cannot_be_changed() -> None:
    world = World()
    alice = world.person("alice")
    world.person("bob")
    assert alice.send("MODE bob +i").commands() == ["502"]
    assert alice.send("MODE absent +i").commands() == ["401"]
    assert alice.send("MODE alice +Z").commands() == ["501"]


def test_known_user_modes_are_set_and_unknown_reported() -> None:
    """ "User mode": "the server MUST apply the modes that are implemented, and then send ERR_UMODEUNKNOWNFLAG"."""
    alice = World().person("alice")
    read = alice.send("MODE alice +wZi-Y").read()
    assert [(m.command, m.params[:2]) for m in read[:1]] == [("MODE", ["alice", "+wi"])]
    assert [m.command for m in read] == ["MODE", "501"]
    assert alice.send("MODE alice").one("221").params[-1] == "+iw"
    assert alice.send("MODE alice " + "+i-i" * 120 + "+B").one("MODE").params[1] == "-i+B"


def test_server_queries_are_answered() -> None:
    alice = World().person("alice")
    assert alice.send("LUSERS").commands() == ["251", "252", "253", "254", "255", "265", "266"]
    assert alice.send("MOTD").commands() == ["422"]
    assert alice.send("MOTD elsewhere.example").commands() == ["402"]
    assert alice.send("VERSION").commands() == ["351", "005", "005", "005"]
    assert alice.send("TIME").commands() == ["391"]


def test_wrong_parameters_of_any_length_are_answered_on_one_line() -> None:
    alice = World().person("alice", "#lobby")
    long = "x" * 450
    for line in (
        f"JOIN {long}",
        f"WHOIS {long}",
        f"PRIVMSG {long} :x",
        f"MODE {long}",
        f"NICK {long}",
        f"KICK {long} b",
    ):
        assert alice.send(line).lines(), line
    assert alice.send("JOIN :#a b").commands() == ["403"]
    assert alice.send(f"{long} x").commands() == ["421"]
    assert "longer than 32" in alice.send(f"NICK {long}").one("432").params[-1]
    assert "64 bytes" in alice.send(f"JOIN #{long}").one("403").params[-1]
    assert alice.send(f"PRIVMSG {long} :x").one("401").params[-1] == "No user has the name that"
    assert alice.send(f"PING {'x' * 500}").commands() == ["417"]
    assert alice.send("JOIN ,", "PART ,", "PRIVMSG , :x").commands() == ["461", "461", "411"]


def test_who_reply_fits_on_a_line_for_any_names() -> None:
    world = World()
    name = "𝒂".translate({0x1D482: "𠀀"}) * 32
    person = world.connect().send(f"NICK {name}", f"USER user_name_ 0 * :{'r' * 300}", "JOIN #" + "x" * 63).forget()
    line = person.send("WHO #" + "x" * 63).one("352")
    assert line.params[5] == name
    assert line.params[-1].startswith("0 r")


def test_every_reply_fits_the_longest_names() -> None:
    """Nothing is cut and no line is too long (World holds every line to it), whatever is asked for."""
    world = World(Rules(listener_limit=1000, created=START, server_name="s" * 61 + ".x", network="n" * 30))
    room, nick = "#" + "x" * 63, "𐐀" * 32
    alice = world.connect("2001:db8:1111:2222:3333:4444:5555:6666")
    alice.send(f"NICK {nick}", f"USER user_name_ 0 * :{'r' * 300}", f"JOIN {room}").forget()
    user = world.hub.state.by_session[SessionId(1)]
    user.account = nick
    limits = dict(token.split("=") for token in isupport(world.hub.rules) if "=" in token)
    assert alice.send(f"TOPIC {room} :{'t' * int(limits['TOPICLEN'])}").commands() == ["TOPIC"]
    assert alice.send(f"AWAY :{'a' * int(limits['AWAYLEN'])}").commands() == ["306"]
    alice.send(
        f"MODE {room} +kl {'k' * 32} 999999999", *(f"MODE {room} +{each} {'m' * 195}" for each in "beI")
    ).forget()
    assert alice.send("LIST").one("322").params[3] == "t" * int(limits["TOPICLEN"])
    for line in (f"WHO {room}", f"WHO {room} %tcuihsnfdlaor,123", f"WHOIS {nick}", f"NAMES {room}", f"MODE {room}"):
        assert alice.send(line).lines(), line
    for line in (f"TOPIC {room}", f"MODE {room} beI", f"USERHOST {nick}", "MONITOR + " + nick, "MONITOR L", "VERSION"):
        assert alice.send(line).lines(), line
    alice.send(f"KICK {room} {nick} :{'k' * int(limits['KICKLEN'])}")
    assert "KICK" in alice.commands()


def test_an_ipv6_network_has_one_host_so_that_bans_in_rooms_hold() -> None:
    world = World()
    hosts = [world.connect(address).session.host for address in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")]
    assert hosts[0] == hosts[1] != hosts[2]


def test_link_local_neighbours_have_hosts_of_their_own() -> None:
    world = World()
    assert len({world.connect(address).session.host for address in ("fe80::1", "fe80::2", "fe80::3")}) == 3
