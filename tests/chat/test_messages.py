"""PRIVMSG, NOTICE, TAGMSG: modern.ircdocs.horse "Sending Messages"; IRCv3 message-tags, echo-message, server-time."""

from __future__ import annotations

import pytest

from chatctl.protocol.framing import BadLine
from tests.chat.world import World


def test_a_room_hears_it_and_the_speaker_does_not() -> None:
    world = World()
    alice, bob, carol = (world.person(name, "#lobby") for name in ("alice", "bob", "carol"))
    alice.send("PRIVMSG #lobby :hello: wörld 🎉")
    for person in (bob, carol):
        message = person.one("PRIVMSG")
        assert message.params == ["#lobby", "hello: wörld 🎉"]
        assert message.nick == "alice"
    assert alice.lines() == []


def test_echo_message_gives_the_speaker_theirs() -> None:
    world = World()
    alice = world.person("alice", "#lobby", caps="echo-message message-tags")
    bob = world.person("bob", "#lobby", caps="message-tags")
    alice.send("PRIVMSG #lobby :hi")
    echo, heard = alice.one("PRIVMSG"), bob.one("PRIVMSG")
    assert echo == heard
    assert heard.tags["msgid"]


def test_a_private_message_reaches_one() -> None:
    world = World()
    alice, bob, carol = (world.person(name, "#lobby") for name in ("alice", "bob", "carol"))
    alice.send("PRIVMSG BOB :psst")
    assert bob.one("PRIVMSG").params == ["bob", "psst"]
    assert carol.lines() == alice.lines() == []


def test_tags_follow_what_each_asked_for() -> None:
    world = World()
    alice = world.person("alice", "#lobby", caps="message-tags")
    plain = world.person("plain", "#lobby")
    timed = world.person("timed", "#lobby", caps="server-time")
    tagged = world.person("tagged", "#lobby", caps="server-time message-tags")
    alice.send("@+x=a\\sb;secret=1 PRIVMSG #lobby :hi")
    assert plain.one("PRIVMSG").tags == {}
    assert timed.one("PRIVMSG").tags == {"time": "2023-11-14T22:13:20.000Z"}
    tags = tagged.one("PRIVMSG").tags
    assert list(tags) == ["time", "msgid", "+x"]  # the server's first; what has no + is not relayed
    assert tags["+x"] == "a b"


def test_tagmsg_goes_to_those_who_can_read_it() -> None:
    world = World()
    alice = world.person("alice", "#lobby", caps="message-tags")
    bob = world.person("bob", "#lobby", caps="message-tags")
    old = world.person("old", "#lobby")
    before = len(world.facts)
    alice.send("@+typing=active TAGMSG #lobby")
    assert bob.one("TAGMSG").params == ["#lobby"]
    assert old.lines() == []
    assert len(world.facts) == before  # typing is not kept


@pytest.mark.parametrize(
    ("line", "numeric"),
    [
        ("PRIVMSG", "411"),
        ("PRIVMSG :", "411"),
        ("PRIVMSG #lobby", "412"),
        ("PRIVMSG #lobby :", "412"),
        ("PRIVMSG #nowhere :hi", "403"),
        ("PRIVMSG nobody :hi", "401"),
        ("PRIVMSG #other :hi", "404"),
        ("PRIVMSG a,b,c,d,e :hi", "407"),
    ],
)
def test_what_is_refused_is_said_and_not_kept(line: str, numeric: str) -> None:
    world = World()
    world.person("bob", "#other")
    alice = world.person("alice", "#lobby")
    before = len(world.facts)
    assert alice.send(line).commands() == [numeric]
    assert len(world.facts) == before


@pytest.mark.parametrize("line", ["NOTICE", "NOTICE #lobby :", "NOTICE #nowhere :x", "NOTICE #other :x", "NOTICE bob"])
def test_a_notice_is_never_answered(line: str) -> None:
    world = World()
    world.person("bob", "#other")
    assert world.person("alice").send(line).lines() == []


def test_one_message_to_several_targets_each_once() -> None:
    world = World()
    alice, bob = world.person("alice", "#lobby"), world.person("bob", "#lobby")
    alice.send("PRIVMSG #lobby,bob,BOB,#LOBBY :hi")
    assert [message.params[0] for message in bob.read()] == ["#lobby", "bob"]
    assert [fact.part for fact in world.facts if fact.kind == "PRIVMSG"] == [0, 1]


def test_nothing_is_cut_what_does_not_fit_is_refused_before_it_is_kept() -> None:
    world = World()
    alice, bob = world.person("alice", "#lobby"), world.person("bob", "#lobby")
    overhead = len(b":" + world.hub.state.users[1].prefix.encode() + b" PRIVMSG #lobby :")
    fits = "x" * (510 - overhead)
    alice.send(f"PRIVMSG #lobby :{fits}")
    assert bob.one("PRIVMSG").params[1] == fits
    before = len(world.facts)
    refusal = alice.send(f"PRIVMSG #lobby :{fits}x").one("417")
    assert "1 bytes too long" in refusal.params[-1]
    assert bob.lines() == []
    assert len(world.facts) == before


@pytest.mark.parametrize(
    ("bad", "command"), [(BadLine.TOO_LONG, "417"), (BadLine.NOT_UTF8, "FAIL"), (BadLine.HAS_NUL, "FAIL")]
)
def test_a_bad_line_is_answered_and_the_next_one_works(bad: BadLine, command: str) -> None:
    alice = World().person("alice")
    assert alice.send(bad, "PING x").commands() == [command, "PONG"]


def test_an_outsider_may_speak_where_the_room_is_open_to_all() -> None:
    world = World()
    ann = world.person("ann", "#tea").send("MODE #tea -n").forget()
    outsider = world.person("bob")
    echoing = world.person("cleo", caps="echo-message")
    outsider.send("PRIVMSG #tea :from outside", "PING x")
    assert ann.one("PRIVMSG").params[1] == "from outside"
    assert [m.command for m in outsider.read()] == ["PONG"]
    assert echoing.send("PRIVMSG #tea :me too").one("PRIVMSG").params[1] == "me too"


def test_a_flood_of_tags_is_relayed_but_does_not_fill_the_memory() -> None:
    world = World()
    ann = world.person("ann", "#tea", caps="message-tags")
    bob = world.person("bob", "#tea", caps="message-tags")
    ann.send("@" + ";".join(f"+{n}" for n in range(700)) + ";+draft/reply=x PRIVMSG #tea :hi")
    assert len(bob.one("PRIVMSG").tags) > 700
    assert world.facts[-1].tags == {"+draft/reply": "x"}


def test_away_is_told_to_who_writes_privately() -> None:
    world = World()
    alice, bob = world.person("alice"), world.person("bob")
    assert bob.send("AWAY :at lunch").commands() == ["306"]
    assert alice.send("PRIVMSG bob :hi").one("301").params == ["alice", "bob", "at lunch"]
    assert alice.send("NOTICE bob :hi").lines() == []
    assert bob.forget().send("AWAY").commands() == ["305"]
    assert alice.send("PRIVMSG bob :hi").lines() == []


def test_to_oneself() -> None:
    world = World()
    assert world.person("alice").send("PRIVMSG alice :note").commands() == ["PRIVMSG"]
    assert world.person("bob", caps="echo-message").send("PRIVMSG bob :note").commands() == ["PRIVMSG"] * 2


def test_message_ids_are_unique_and_in_the_facts() -> None:
    world = World()
    alice = world.person("alice", "#lobby", caps="message-tags echo-message")
    for _ in range(3):
        alice.send("PRIVMSG #lobby,alice :x")
    ids = [message.tags["msgid"] for message in alice.read() if message.params[0] == "#lobby"]
    kept = [fact.message_id for fact in world.facts if fact.kind == "PRIVMSG"]
    assert len(set(kept)) == 6
    assert set(ids) < set(kept)
