"""PRIVMSG, NOTICE, TAGMSG: modern.ircdocs.horse "Sending Messages"; IRCv3 message-tags, echo-message, server-time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatctl.chat.model.ids import SessionId
from chatctl.protocol.framing import BadLine, BadLineReason, LineDecoder
from chatctl.protocol.message import encode_tags, parse_tags
from tests.chat.world import HeldJournal, Person, World


def test_message_reaches_the_room_without_its_sender() -> None:
    world = World()
    alice, bob, carol = (world.person(name, "#lobby") for name in ("alice", "bob", "carol"))
    alice.send("PRIVMSG #lobby :hello: wörld 🎉")
    for person in (bob, carol):
        message = person.one("PRIVMSG")
        assert message.params == ["#lobby", "hello: wörld 🎉"]
        assert message.nick == "alice"
    assert alice.lines() == []


def test_echo_message_reaches_the_sender() -> None:
    world = World()
    alice = world.person("alice", "#lobby", caps="echo-message message-tags")
    bob = world.person("bob", "#lobby", caps="message-tags")
    alice.send("PRIVMSG #lobby :hi")
    echo, heard = alice.one("PRIVMSG"), bob.one("PRIVMSG")
    assert echo == heard
    assert heard.tags["msgid"]


def test_private_message_reaches_its_recipient() -> None:
    world = World()
    alice, bob, carol = (world.person(name, "#lobby") for name in ("alice", "bob", "carol"))
    alice.send("PRIVMSG BOB :psst")
    assert bob.one("PRIVMSG").params == ["bob", "psst"]
    assert carol.lines() == alice.lines() == []


def test_tags_follow_the_capabilities_of_each_recipient() -> None:
    world = World()
    alice = world.person("alice", "#lobby", caps="message-tags")
    plain = world.person("plain", "#lobby")
    timed = world.person("timed", "#lobby", caps="server-time")
    tagged = world.person("tagged", "#lobby", caps="server-time message-tags")
    world.now += 1000
    alice.send("@+x=a\\sb;secret=1 PRIVMSG #lobby :hi")
    assert plain.one("PRIVMSG").tags == {}
    assert timed.one("PRIVMSG").tags == {"time": "2023-11-14T22:13:21.000Z"}
    tags = tagged.one("PRIVMSG").tags
    assert list(tags) == ["time", "msgid", "+x"]  # the server's tags first; those without + are not relayed
    assert tags["+x"] == "a b"


def test_tagmsg_reaches_clients_with_message_tags() -> None:
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
        ("PRIVMSG absent :hi", "401"),
        ("PRIVMSG #other :hi", "404"),
        ("PRIVMSG a,b,c,d,e :hi", "407"),
    ],
)
def test_refused_message_is_reported_and_not_stored(line: str, numeric: str) -> None:
    world = World()
    world.person("bob", "#other")
    alice = world.person("alice", "#lobby")
    before = len(world.facts)
    assert alice.send(line).commands() == [numeric]
    assert len(world.facts) == before


@pytest.mark.parametrize("line", ["NOTICE", "NOTICE #lobby :", "NOTICE #nowhere :x", "NOTICE #other :x", "NOTICE bob"])
def test_notice_is_never_answered(line: str) -> None:
    world = World()
    world.person("bob", "#other")
    assert world.person("alice").send(line).lines() == []


def test_message_to_several_targets_reaches_each_once() -> None:
    world = World()
    alice, bob = world.person("alice", "#lobby"), world.person("bob", "#lobby")
    alice.send("PRIVMSG #lobby,bob,BOB,#LOBBY :hi")
    assert [message.params[0] for message in bob.read()] == ["#lobby", "bob"]
    assert [fact.part for fact in world.facts if fact.kind == "PRIVMSG"] == [0, 1]


def test_message_that_does_not_fit_is_refused_and_not_stored() -> None:
    world = World()
    alice, bob = world.person("alice", "#lobby"), world.person("bob", "#lobby")
    overhead = len(b":" + world.hub.state.by_session[SessionId(1)].prefix.encode() + b" PRIVMSG #lobby :")
    fits = "x" * (510 - overhead)
    alice.send(f"PRIVMSG #lobby :{fits}")
    assert bob.one("PRIVMSG").params[1] == fits
    before = len(world.facts)
    refusal = alice.send(f"PRIVMSG #lobby :{fits}x").one("417")
    assert "1 bytes too long" in refusal.params[-1]
    assert bob.lines() == []
    assert len(world.facts) == before


@pytest.mark.parametrize(
    ("why", "command"),
    [
        (BadLineReason.TOO_LONG, "417"),
        (BadLineReason.NOT_UTF8, "FAIL"),
        (BadLineReason.HAS_NUL, "FAIL"),
        (BadLineReason.HAS_CR, "FAIL"),
    ],
)
def test_invalid_line_is_answered_and_the_next_one_handled(why: BadLineReason, command: str) -> None:
    alice = World().person("alice")
    assert alice.send(BadLine(why), "PING x").commands() == [command, "PONG"]


@pytest.mark.parametrize("why", list(BadLineReason))
def test_reply_to_an_invalid_line_has_its_command_and_label(why: BadLineReason) -> None:
    alice = World().person("alice", caps="batch labeled-response")
    read = alice.send(BadLine(why, "@label=a1 privmsg"), BadLine(why, "@label=a2 SING"), BadLine(why)).read()
    assert [message.tags.get("label") for message in read] == ["a1", "a2", None]
    if why is not BadLineReason.TOO_LONG:  # its answer is a numeric, which names no command
        assert [message.params[0] for message in read] == ["PRIVMSG", "*", "*"]


def test_outsider_can_speak_in_a_room_without_mode_n() -> None:
    world = World()
    ann = world.person("ann", "#tea").send("MODE #tea -n").forget()
    outsider = world.person("bob")
    echoing = world.person("cleo", caps="echo-message")
    outsider.send("PRIVMSG #tea :from outside", "PING x")
    assert ann.one("PRIVMSG").params[1] == "from outside"
    assert [m.command for m in outsider.read()] == ["PONG"]
    assert echoing.send("PRIVMSG #tea :me too").one("PRIVMSG").params[1] == "me too"


def test_flood_of_tags_is_relayed_and_not_stored() -> None:
    world = World()
    ann = world.person("ann", "#tea", caps="message-tags")
    bob = world.person("bob", "#tea", caps="message-tags")
    ann.send("@" + ";".join(f"+{n}" for n in range(700)) + ";+draft/reply=x PRIVMSG #tea :hi")
    assert len(bob.one("PRIVMSG").tags) > 700
    assert world.facts[-1].tags == {"+draft/reply": "x"}


def test_away_is_reported_to_the_sender_of_a_private_message() -> None:
    world = World()
    alice, bob = world.person("alice"), world.person("bob")
    assert bob.send("AWAY :at lunch").commands() == ["306"]
    assert alice.send("PRIVMSG bob :hi").one("301").params == ["alice", "bob", "at lunch"]
    assert alice.send("NOTICE bob :hi").lines() == []
    assert bob.forget().send("AWAY").commands() == ["305"]
    assert alice.send("PRIVMSG bob :hi").lines() == []


def test_message_to_oneself_arrives() -> None:
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


class TestTyping:
    """ircv3.net/specs/client-tags/typing: soon worth nothing, so it waits for nothing and is kept nowhere."""

    def held(self) -> tuple[World, HeldJournal, Person, Person]:
        journal = HeldJournal()
        world = World(journal=journal)
        people = []
        for nick in ("ann", "bob"):
            person = world.connect()
            person.send("CAP REQ :message-tags", f"NICK {nick}", "USER u 0 * :r", "CAP END", "JOIN #tea")
            journal.commit()
            world.tick()
            people.append(person)
        for person in people:
            person.forget()
        return world, journal, people[0], people[1]

    def test_typing_is_not_delayed_by_parked_output_of_others(self) -> None:
        world, journal, ann, bob = self.held()
        other = world.connect().send("NICK eve", "USER u 0 * :r", "JOIN #other")
        ann.send("@+typing=active TAGMSG #tea", "@+typing=active TAGMSG bob")
        assert [message.tags["+typing"] for message in bob.read()] == ["active", "active"]
        journal.commit()
        world.tick()
        assert other.commands()[-1] == "366"

    def test_typing_after_a_message_keeps_its_order(self) -> None:
        world, journal, ann, bob = self.held()
        ann.send("PRIVMSG #tea :one", "@+typing=active TAGMSG #tea", "PRIVMSG #tea :two")
        assert bob.lines() == []
        journal.commit()
        world.tick()
        assert bob.commands() == ["PRIVMSG", "TAGMSG", "PRIVMSG"]

    def test_late_typing_is_dropped(self) -> None:
        world, journal, ann, bob = self.held()
        world.now += 1000
        ann.send("PRIVMSG #tea :one", "@+typing=active TAGMSG #tea")
        world.now += 1002  # the second after the first of one ms is 1 ms later
        journal.commit()
        world.tick()
        assert bob.commands() == ["PRIVMSG"]

    def test_typing_with_a_reply_tag_is_ephemeral(self) -> None:
        world, _, ann, bob = self.held()
        before = len(world.facts)
        ann.send("@+typing=active;+draft/reply=x TAGMSG #tea")
        assert bob.commands() == ["TAGMSG"]
        assert len(world.facts) == before

    def test_typing_is_relayed_while_the_journal_fails(self) -> None:
        world, journal, ann, bob = self.held()
        ann.send("PRIVMSG #tea :one")
        journal.fail()
        world.tick()
        ann.forget().send("@+typing=active TAGMSG #tea")
        assert bob.commands() == ["TAGMSG"]
        assert ann.lines() == []


def test_tagmsg_with_a_reaction_is_stored() -> None:
    world = World()
    ann = world.person("ann", "#tea", caps="message-tags")
    bob = world.person("bob", "#tea", caps="batch message-tags draft/chathistory draft/event-playback")
    ann.send("@+mood=calm TAGMSG #tea")
    ann.send("@+mood=glad;+draft/persist TAGMSG #tea")
    bob.forget()
    played = [message for message in bob.send("CHATHISTORY LATEST #tea * 5").read() if message.command == "TAGMSG"]
    assert [message.tags["+mood"] for message in played] == ["glad"]


def test_reactions_are_stored_and_replayed_with_event_playback() -> None:
    """ircv3.net/specs/client-tags/react."""
    world = World()
    ann = world.person("ann", "#tea", caps="message-tags echo-message")
    id = ann.send("PRIVMSG #tea :hi").one("PRIVMSG").tags["msgid"]
    ann.send(f"@+draft/reply={id};+draft/react=👋 TAGMSG #tea")
    assert world.facts[-1].kind == "TAGMSG"
    caps = "batch message-tags draft/chathistory draft/event-playback"
    bob = world.person("bob", "#tea", caps=caps)
    played = bob.send("CHATHISTORY LATEST #tea * 10").one("TAGMSG")
    assert played.tags["+draft/react"] == "👋"
    assert played.tags["+draft/reply"] == id
    assert played.tags["msgid"] == world.facts[-2].message_id


class TestBots:
    """ircv3.net/specs/extensions/bot-mode."""

    def test_messages_of_a_bot_are_tagged(self) -> None:
        world = World()
        ann = world.person("ann", "#tea", caps="message-tags")
        bot = world.person("robo", "#tea")
        bot.send("MODE robo +B", "PRIVMSG #tea :beep", "TOPIC #tea :x", "PART #tea", "JOIN #tea", "NICK robot")
        assert all("bot" in message.tags for message in ann.read())
        bot.send("MODE robot -B", "PRIVMSG #tea :beep")
        assert "bot" not in ann.one("PRIVMSG").tags

    def test_bot_mode_is_announced_and_shown(self) -> None:
        world = World()
        bot = world.person("robo", "#tea").send("MODE robo +B").forget()
        assert "BOT=B" in " ".join(" ".join(message.params) for message in bot.send("ISUPPORT").read())
        ann = world.person("ann", "#tea")
        assert ann.send("WHOIS robo").one("335").params[1] == "robo"
        assert ann.send("WHO robo").one("352").params[6] == "H@B"


class TestTagSizes:
    """ircv3.net/specs/extensions/message-tags, "Size limit"."""

    def test_maximal_client_tags_are_relayed_after_the_servers(self) -> None:
        world = World()
        ann = world.person("ann", "#tea")
        bob = world.person("bob", "#tea", caps="message-tags server-time")
        tags = "+a=" + "x" * (4094 - 3)
        world.hub.receive(ann.session, LineDecoder().feed(f"@{tags} PRIVMSG #tea :hi\r\n".encode()))
        world.tick()
        (line,) = bob.lines()
        section = line.partition(" ")[0]
        assert section.endswith(f";{tags}")
        assert 4096 < len(section) + 1 <= 8191

    def test_client_tags_one_byte_over_the_limit_are_refused(self) -> None:
        assert LineDecoder().feed(f"@+a={'x' * 4092} PRIVMSG #tea :hi\r\n".encode()) == [
            BadLine(BadLineReason.TOO_LONG)
        ]

    @given(st.binary(max_size=200))
    def test_relayed_tags_never_grow(self, raw: bytes) -> None:
        section = raw.decode(errors="ignore").translate(str.maketrans("", "", " \r\n\0"))
        assert len(encode_tags(parse_tags(section)).encode()) <= len(section.encode())


@pytest.mark.parametrize("key", ["+", "+ä", "+a$b", "+draft/x_y"])
def test_client_only_tag_with_any_key_is_relayed(key: str) -> None:
    """Keys are opaque, and none is validated (message-tags, "Format" and "Client-only tags")."""
    world = World()
    ann = world.person("ann", "#tea", caps="message-tags")
    bob = world.person("bob", "#tea", caps="message-tags")
    ann.send(f"@{key}=1;plain=2;{key}=3 PRIVMSG #tea :hi")
    tags = bob.one("PRIVMSG").tags
    assert (tags[key], "plain" in tags) == ("3", False), (
        "the last of equal keys counts; only client-only tags are relayed"
    )


TYPING = "@+typing=active TAGMSG "
REACTION = "@+draft/react=x;+draft/reply=y TAGMSG "


@pytest.mark.parametrize("target", ["#quiet", "#nowhere", "@#quiet", "#closed", "gone", "NickServ", "#quiet,gone,bob"])
def test_typing_that_cannot_be_delivered_is_dropped_without_an_error(target: str) -> None:
    world = World()
    operator = world.person("op", "#quiet", "#closed")
    bob, ann = world.person("bob"), world.person("ann", "#quiet", caps="message-tags labeled-response batch")
    operator.send("MODE #quiet +m", "MODE #closed +n")
    ann.forget().send(TYPING + target)
    assert ann.lines() == []
    ann.send(f"@label=x;+typing=active TAGMSG {target}")
    assert [(message.command, message.tags) for message in ann.read()] == [("ACK", {"label": "x"})]
    assert bob.lines() == []


def test_typing_that_is_too_long_for_a_line_is_dropped_without_an_error() -> None:
    world = World()
    ann = world.person("ann", "#" + "r" * 49, caps="message-tags")
    ann.send(f"{TYPING}#{'r' * 49}", f"{TYPING}{'n' * 400}")
    assert ann.lines() == []


@pytest.mark.parametrize(("target", "numeric"), [("#quiet", "404"), ("#nowhere", "403"), ("gone", "401")])
def test_reaction_that_cannot_be_delivered_is_refused(target: str, numeric: str) -> None:
    world = World()
    operator, ann = world.person("op", "#quiet"), world.person("ann", "#quiet", caps="message-tags")
    operator.send("MODE #quiet +m")
    assert ann.forget().send(REACTION + target).commands() == [numeric]


def test_message_to_nickserv_and_others_says_that_it_must_be_alone() -> None:
    world = World()
    ann, bob = world.person("ann", caps="message-tags"), world.person("bob")
    ann.send("PRIVMSG bob,NickServ :IDENTIFY secret")
    refusal = ann.one("401")
    assert refusal.params == ["ann", "NickServ", "NickServ reads only messages to NickServ alone"]
    assert bob.commands() == ["PRIVMSG"]
    assert ann.send("NOTICE NickServ :hi", REACTION + "nickserv").lines() == []
