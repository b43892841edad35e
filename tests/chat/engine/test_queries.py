"""Questions about rooms, people and the server: modern.ircdocs.horse, each test with its section."""

from __future__ import annotations

import pytest

from chatctl.chat.model.ids import SessionId
from chatctl.chat.model.policy import Rules
from tests.chat.world import START, World

MINUTE = 60_000


def listed(world: World, condition: str) -> list[str]:
    """The rooms that LIST with this condition gives."""
    person = world.person(f"asker{world.hub.state.peak_users}")
    return [message.params[1] for message in person.send(f"LIST {condition}").read() if message.command == "322"]


def test_list_with_the_conditions_of_elist() -> None:
    """ "LIST message", "ELIST Parameter"."""
    world = World()
    world.person("alice", "#old", "#two")
    world.now += 10 * MINUTE
    bob = world.person("bob", "#two", "#new")
    bob.send("TOPIC #new :news").forget()
    world.now += MINUTE
    assert listed(world, "") == ["#old", "#two", "#new"]
    assert listed(world, "#new,#old") == ["#old", "#new"]
    assert listed(world, "*o*,!#two") == ["#old"]
    assert listed(world, ">1") == ["#two"]
    assert listed(world, "<2") == ["#old", "#new"]
    assert listed(world, "C>5") == ["#old", "#two"]
    assert listed(world, "c<5") == ["#new"]
    assert listed(world, "T<5") == ["#new"]
    assert listed(world, "T>5") == []
    assert listed(world, ">1,#old") == []
    assert listed(world, "<x,C>") == []  # no conditions: names of rooms that are not there


def test_list_shows_stored_empty_rooms() -> None:
    world = World()
    ann = world.person("ann", "#topic", "#secret", "#plain", "#lobby")
    ann.send("TOPIC #topic :tea", "MODE #secret +s", "TOPIC #secret :hidden", "PART #topic,#secret,#plain,#lobby")
    assert listed(world, "") == ["#topic"]
    assert listed(world, "<1") == ["#topic"]
    assert listed(world, ">0") == []
    ann.send("JOIN #lobby", "TOPIC #lobby :welcome", "PART #lobby")
    assert listed(world, "") == ["#lobby", "#topic"]


def test_list_with_names_and_conditions_apart() -> None:
    """ "LIST message": `LIST <channel>{,<channel>} <elistcond>{,<elistcond>}`."""
    world = World()
    world.person("alice", "#two", "#one")
    world.person("bob", "#two")
    assert listed(world, "#one,#two >1") == ["#two"]
    assert listed(world, "#one,#two <2,C<5") == ["#one"]
    assert listed(world, ">1 #one") == []
    assert listed(world, "#one chatctl.*") == ["#one"]


def test_list_is_bounded_and_knows_this_server_only() -> None:
    alice = World().person("alice")
    assert alice.send("LIST " + ",".join("#a" for _ in range(21))).commands() == ["407"]
    assert alice.send("LIST #a elsewhere.example").commands() == ["402"]


def test_names_takes_several_rooms_or_none() -> None:
    """ "NAMES message": one 366 for each room."""
    world = World()
    world.person("alice", "#a", "#b")
    bob = world.person("bob", "#b")
    assert bob.send("NAMES #a,#b,#nowhere,#a").commands() == ["353", "366", "353", "366", "366"]
    read = bob.send("NAMES").read()
    assert [(message.command, message.params[1]) for message in read[:-1]] == [("353", "="), ("353", "=")]
    assert read[-1].params[1] == "*"


def test_who_of_a_room_a_name_a_mask_and_operators() -> None:
    """ "WHO message"."""
    world = World()
    alice = world.person("alice", "#tea")
    bob = world.person("bob", "#tea").send("AWAY :out").forget()
    carol = world.person("carol")
    read = carol.send("WHO #tea").read()
    assert [message.params[1:] for message in read[:-1]] == [
        ["#tea", "~u", read[0].params[3], "chatctl.local", "alice", "H@", "0 Real Name"],
        ["#tea", "~u", read[1].params[3], "chatctl.local", "bob", "G", "0 Real Name"],
    ]
    assert carol.send("WHO bob").one("352").params[5] == "bob"
    assert [m.params[5] for m in carol.send("WHO *o*").read() if m.command == "352"] == ["bob", "carol"]
    assert carol.send("WHO absent").commands() == ["315"]
    user = world.hub.state.user_named("alice")
    assert user is not None
    user.operator = "root"
    assert carol.send("WHO * o").one("352").params[5:7] == ["alice", "H*@"]
    bob.send("MODE bob +i").forget()
    assert carol.send("WHO #tea").commands().count("352") == 1
    assert alice.forget().send("WHO #tea").commands().count("352") == 2


def test_whox_returns_the_requested_fields_in_order() -> None:
    """ircv3.net/specs/extensions/whox."""
    world = World()
    world.person("alice", "#tea")
    bob = world.person("bob", "#tea")
    world.now += 5000
    host = world.hub.state.by_session[SessionId(1)].host
    words = [
        "bob", "123", "#tea", "~u", "255.255.255.255", host, "chatctl.local", "alice", "H@", "0", "5", "0", "n/a",
        "Real Name",
    ]  # fmt: skip
    assert bob.send("WHO alice %rotcuihsnfdla,123").one("354").params == words
    assert bob.send("WHO bob %in").one("354").params == ["bob", "127.0.0.1", "bob"]  # one's own address
    assert bob.send("WHO #tea %tn,7").read()[0].params == ["bob", "7", "alice"]
    assert bob.send("WHO alice %t,toolong").one("354").params == ["bob", "0"]
    assert bob.send("WHO alice %").one("354").params == ["bob", ""]


def test_whois_in_full() -> None:
    """ "WHOIS message"."""
    world = World()
    alice = world.person("alice", "#tea", "#own")
    bob = world.person("bob", "#tea")
    alice.send("AWAY :out").forget()
    user = world.hub.state.user_named("alice")
    assert user is not None
    user.operator, user.account = "root", "Alice"
    read = bob.send("WHOIS chatctl.local alice").read()
    assert [m.command for m in read] == ["311", "312", "313", "330", "319", "671", "301", "317", "318"]
    assert read[3].params[1:3] == ["alice", "Alice"]
    assert read[4].params[2].split() == ["@#tea", "@#own"]
    alice.session.encrypted = False
    assert "671" not in bob.send("WHOIS alice").commands()
    own = alice.send("WHOIS alice").read()
    assert "378" in {m.command for m in own}
    assert bob.send("WHOIS elsewhere.example alice").commands() == ["402"]
    assert bob.send("WHOIS alice alice").commands()[0] == "311"  # the server that alice is on
    assert bob.send("WHOIS absent").commands() == ["401", "318"]
    assert bob.send("WHOIS a,b,c,d,e").commands() == ["407"]
    assert bob.send("WHOIS").commands() == ["431"]


def test_whowas_lists_former_users() -> None:
    """ "WHOWAS message": the latest first; a count."""
    world = World()
    asker = world.person("asker")
    for real in ("First", "Second"):
        bob = world.connect().send("NICK bob", f"USER b 0 * :{real}")
        bob.send("QUIT")
    read = asker.send("WHOWAS bob").read()
    assert [m.command for m in read] == ["314", "312", "314", "312", "369"]
    assert [m.params[-1] for m in read if m.command == "314"] == ["Second", "First"]
    assert asker.send("WHOWAS bob 1").commands() == ["314", "312", "369"]
    assert asker.send("WHOWAS bob -1").commands().count("314") == 2
    assert asker.send("WHOWAS BOB 5 chatctl.local").commands().count("314") == 2
    assert asker.send("WHOWAS absent").commands() == ["406", "369"]
    assert asker.send("WHOWAS").commands() == ["431"]
    assert asker.send("WHOWAS bob 1 elsewhere.example").commands() == ["402"]
    asker.send("NICK other").forget()
    assert asker.send("WHOWAS asker").commands() == ["314", "312", "369"]


def test_monitor_reports_online_and_offline() -> None:
    """ircv3.net/specs/extensions/monitor."""
    world = World()
    alice = world.person("alice")
    world.person("Carol")
    read = alice.send("MONITOR + Bob,carol,not!aname").read()
    assert [(m.command, m.params[1].partition("!")[0]) for m in read] == [("730", "Carol"), ("731", "Bob")]
    bob = world.connect().send("NICK bob", "USER b 0 * :B")
    assert alice.one("730").params[1].startswith("bob!")
    bob.send("NICK BOB")
    assert alice.lines() == []  # the same name in another spelling
    bob.send("NICK rob")
    assert alice.one("731").params[1] == "BOB"
    bob.send("NICK bob")
    assert alice.one("730").params[1].startswith("bob!")
    assert alice.send("MONITOR L").read()[0].params[1] == "Bob,carol"
    assert alice.send("MONITOR S").commands() == ["730"]
    bob.send("QUIT")
    assert alice.one("731").params[1] == "bob"
    alice.send("MONITOR - BOB").forget()
    world.person("bob")
    assert alice.lines() == []
    assert alice.send("MONITOR C", "MONITOR L").commands() == ["733"]
    assert alice.send("MONITOR X").commands() == ["400"]


def test_monitor_list_is_bounded_and_ends_with_its_session() -> None:
    world = World()
    alice = world.person("alice")
    for start in range(0, 100, 25):
        alice.send("MONITOR + " + ",".join(f"n{number}" for number in range(start, start + 25)))
    assert alice.forget().send("MONITOR + n5,more,most").one("734").params[1:3] == ["100", "more,most"]
    alice.send("MONITOR S").forget()
    world.gone(alice)
    world.person("n5")
    assert not world.hub.failures


def test_server_queries_are_answered() -> None:
    world = World(Rules(listener_limit=9, created=START, admin="Ann, ann@example.org"))
    alice = world.person("alice")
    world.now += 90_061_000
    assert alice.send("ADMIN").read()[-1].params[-1] == "Ann, ann@example.org"
    assert alice.send("INFO").commands()[-1] == "374"
    assert alice.send("LINKS").commands() == ["364", "365"]
    assert alice.send("TIME").one("391").params[1] == "chatctl.local"
    assert alice.send("STATS u").read()[0].params[1] == "Server Up 1 days 01:01:01"
    assert alice.send("STATS x").commands() == ["219"]
    assert alice.send("STATS o").commands() == ["481", "219"]
    world.hub.state.by_session[SessionId(1)].operator = "root"
    assert alice.send("STATS o").read()[0].params[-1] == "alice as root"
    assert World().person("bob").send("ADMIN").commands() == ["423"]


@pytest.mark.parametrize("command", ["ADMIN", "INFO", "MOTD", "TIME", "VERSION", "STATS u", "LUSERS *"])
def test_query_to_another_server_is_refused(command: str) -> None:
    """ "ERR_NOSUCHSERVER (402)"; a mask or a user's nick stands for the server."""
    alice = World().person("alice")
    assert alice.send(f"{command} elsewhere.example").commands() == ["402"]
    assert "402" not in alice.send(f"{command} *ctl.lo*").commands()
    assert "402" not in alice.send(f"{command} alice").commands()
