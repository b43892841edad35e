"""Messages of several lines: ircv3.net/specs/extensions/multiline, client-batch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatctl.chat.entries import multiline
from chatctl.chat.entries.multiline import CONCAT, JOINTS, BatchLine
from chatctl.chat.model.policy import Rules
from chatctl.protocol.framing import BadLine, BadLineReason
from chatctl.protocol.message import Message
from tests.chat.world import START, Person, World

CAPS = "batch message-tags server-time echo-message labeled-response draft/multiline"
HELLO = [
    "@batch=1 PRIVMSG #tea :hello",
    "@batch=1 PRIVMSG #tea :",
    "@batch=1 PRIVMSG #tea :how is ",
    f"@batch=1;{CONCAT} PRIVMSG #tea :everyone?",
]


def say(person: Person, *lines: str, opening: str = "BATCH +1 draft/multiline #tea") -> Person:
    return person.send(opening, *lines, "BATCH -1")


def people(*caps: str) -> list[Person]:
    world = World(Rules(listener_limit=9, created=START, multiline_bytes=100, multiline_lines=5))
    found = [world.person(f"p{number}", "#tea", caps=wanted) for number, wanted in enumerate(caps)]
    for person in found:
        person.forget()
    return found


def texts(messages: list[Message]) -> list[str]:
    return [message.params[1] for message in messages if message.command in ("PRIVMSG", "NOTICE")]


@pytest.mark.parametrize("start", ["@batch=1 PRIVMSG", ""])
@pytest.mark.parametrize("why", list(BadLineReason))
def test_batch_with_an_invalid_line_is_refused_whole(start: str, why: BadLineReason) -> None:
    ann, bob = people(CAPS, CAPS)
    ann.send("@label=x BATCH +1 draft/multiline #tea", HELLO[0], BadLine(why, start), HELLO[1], BadLine(why, start))
    ann.send("BATCH -1")
    refusal = ann.one("FAIL")
    assert refusal.params[:2] == ["BATCH", "MULTILINE_INVALID"]
    assert refusal.tags["label"] == "x"
    assert bob.lines() == []


def test_invalid_line_beside_a_batch_is_answered_on_its_own() -> None:
    ann, bob = people(CAPS, CAPS)
    ann.send("BATCH +1 draft/multiline #tea", HELLO[0], BadLine(BadLineReason.HAS_NUL, "PING"), "BATCH -1")
    assert ann.one("FAIL").params[:2] == ["PING", "INVALID_LINE"]
    assert texts(bob.read()) == ["hello"]


class TestSaying:
    def test_client_with_multiline_gets_the_batch_unchanged(self) -> None:
        ann, bob = people(CAPS, CAPS)
        say(ann, *HELLO)
        opening, *inside, closing = bob.read()
        name = opening.params[0][1:]
        assert opening.params == [f"+{name}", "draft/multiline", "#tea"]
        assert opening.nick == "p0"
        assert opening.tags["msgid"]
        assert opening.tags["time"]
        assert closing.params == [f"-{name}"]
        assert texts(inside) == ["hello", "", "how is ", "everyone?"]
        assert [message.tags for message in inside] == [{"batch": name}] * 3 + [{"batch": name, CONCAT: ""}]

    def test_client_without_multiline_gets_lines_with_the_id_on_the_first(self) -> None:
        """multiline, "Message ids" and "Fallback"."""
        ann, bob, old = people(CAPS, "message-tags server-time", "")
        say(ann, *HELLO, opening="@+x=y BATCH +1 draft/multiline #tea")
        heard = bob.read()
        assert texts(heard) == texts(old.read()) == ["hello", "how is ", "everyone?"]
        assert ["msgid" in message.tags for message in heard] == [True, False, False]
        assert all(message.tags["+x"] == "y" and message.tags["time"] for message in heard)
        assert not any(CONCAT in message.tags for message in heard)

    def test_multiline_echo_carries_the_label_on_its_opening(self) -> None:
        (ann,) = people(CAPS)
        say(ann, *HELLO, opening="@label=a BATCH +1 draft/multiline #tea")
        read = ann.read()
        assert [message.tags.get("label") for message in read] == ["a", *[None] * 5]
        assert read[0].params[1] == "draft/multiline"

    def test_multiline_without_echo_is_acknowledged(self) -> None:
        (ann,) = people("batch draft/multiline labeled-response")
        assert say(ann, *HELLO, opening="@label=a BATCH +1 draft/multiline #tea").commands() == ["ACK"]
        assert say(ann, *HELLO).lines() == []

    def test_multiline_message_is_one_in_history(self) -> None:
        ann, bob, old = people(CAPS, CAPS + " draft/chathistory", "batch message-tags draft/chathistory")
        say(ann, *HELLO)
        ann.send("PRIVMSG #tea :after")
        fact = ann.world.facts[-2]
        assert fact.text == "hello\n\nhow is everyone?"
        assert fact.tags[JOINTS] == "14"
        live = bob.read()
        assert texts(bob.send("CHATHISTORY LATEST #tea * 1").read()) == ["after"]
        played = bob.send("CHATHISTORY LATEST #tea * 2").read()
        outer, inner = played[0], played[1]
        assert inner.tags == {**live[0].tags, "batch": outer.params[0][1:]}
        assert inner.params[1:] == ["draft/multiline", "#tea"]
        assert texts(played) == ["hello", "", "how is ", "everyone?", "after"]
        assert CONCAT in played[5].tags
        assert played[6].tags == {"batch": outer.params[0][1:]}
        old.forget().send("CHATHISTORY LATEST #tea * 2")
        read = old.read()
        assert texts(read) == ["hello", "how is ", "everyone?", "after"]
        assert ["msgid" in message.tags for message in read[1:-1]] == [True, False, False, True]

    def test_multiline_private_message_and_to_oneself(self) -> None:
        ann, bob = people(CAPS, CAPS)
        lines = ["@batch=1 NOTICE p1 :a", "@batch=1 NOTICE P1 :b"]
        say(ann, *lines, opening="BATCH +1 draft/multiline p1")
        assert texts(ann.read()) == texts(bob.read()) == ["a", "b"]
        say(ann, "@batch=1 PRIVMSG p0 :a", "@batch=1 PRIVMSG p0 :b", opening="BATCH +1 draft/multiline p0")
        assert texts(ann.read()) == ["a", "b"] * 2

    def test_batch_of_one_line_is_a_plain_message(self) -> None:
        ann, bob = people(CAPS, CAPS)
        say(ann, HELLO[0])
        assert bob.one("PRIVMSG").tags["msgid"]

    def test_multiline_to_a_closed_room_is_refused(self) -> None:
        ann, bob = people(CAPS, CAPS)
        ann.send("PART #tea").forget()
        bob.forget()
        assert say(ann, *HELLO, opening="@label=a BATCH +1 draft/multiline #tea").one("404").tags["label"] == "a"
        assert bob.lines() == []

    def test_other_commands_inside_a_batch_are_handled(self) -> None:
        (ann,) = people(CAPS)
        ann.send("BATCH +1 draft/multiline #tea", HELLO[0], "PING x", HELLO[2], "BATCH -1")
        assert ann.commands() == ["PONG", "BATCH", "PRIVMSG", "PRIVMSG", "BATCH"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("lines", "params"),
        [
            (["@batch=1 PRIVMSG #other :x"], ["MULTILINE_INVALID_TARGET", "#tea", "#other"]),
            (["@batch=1 PRIVMSG #tea :x", "@batch=1 NOTICE #tea :x"], ["MULTILINE_INVALID"]),
            (["@batch=1 JOIN #tea"], ["MULTILINE_INVALID"]),
            (["@batch=1;+typing=done PRIVMSG #tea :x"], ["MULTILINE_INVALID"]),
            (["@batch=1 PRIVMSG #tea :x", f"@batch=1;{CONCAT} PRIVMSG #tea :"], ["MULTILINE_INVALID"]),
            ([f"@batch=1;{CONCAT} PRIVMSG #tea :x"], ["MULTILINE_INVALID"]),
            (["@batch=1 PRIVMSG #tea :", "@batch=1 PRIVMSG #tea :"], ["MULTILINE_INVALID"]),
            ([], ["MULTILINE_INVALID"]),
            (["@batch=2 PRIVMSG #tea :x"], ["MULTILINE_INVALID"]),
            (["PRIVMSG #tea :x"], ["MULTILINE_INVALID"]),
            (["BATCH +2 draft/multiline #tea"], ["MULTILINE_INVALID"]),
            (["@batch=1 PRIVMSG #tea :x"] * 6, ["MULTILINE_MAX_LINES", "5"]),
            (["@batch=1 PRIVMSG #tea :" + "x" * 50] * 2, ["MULTILINE_MAX_BYTES", "100"]),
        ],
    )
    def test_each_invalid_batch_is_refused_once(self, lines: list[str], params: list[str]) -> None:
        ann, bob = people(CAPS, CAPS)
        say(ann, *lines, opening="@label=a BATCH +1 draft/multiline #tea")
        (failure,) = ann.read()
        assert failure.command == "FAIL"
        assert failure.params[:-1] == ["BATCH", *params]
        assert failure.tags == {"label": "a"}
        assert bob.lines() == []
        assert texts(ann.send("PRIVMSG #tea :next").read()) == ["next"]

    def test_batch_of_exactly_the_limits_is_accepted(self) -> None:
        ann, bob = people(CAPS, CAPS)
        say(ann, *["@batch=1 PRIVMSG #tea :" + "x" * 49, "@batch=1 PRIVMSG #tea :" + "x" * 50])
        assert [len(text) for text in texts(bob.read())] == [49, 50]

    @pytest.mark.parametrize(
        ("line", "params"),
        [
            ("BATCH +a_b draft/multiline #tea", ["INVALID_REFTAG", "+a_b"]),
            ("BATCH -1", ["INVALID_REFTAG", "-1"]),
            ("BATCH x", ["INVALID_REFTAG", "x"]),
            ("@batch=9 PRIVMSG #tea :x", ["INVALID_REFTAG", "9"]),
            ("BATCH +1 netsplit a b", ["UNKNOWN_TYPE", "1", "netsplit"]),
            ("BATCH +1 draft/multiline", ["MULTILINE_INVALID"]),
            ("BATCH +1 draft/multiline #tea,#b", ["MULTILINE_INVALID"]),
        ],
    )
    def test_invalid_batch_opening_is_refused(self, line: str, params: list[str]) -> None:
        ann, bob = people(CAPS, CAPS)
        assert ann.send(line).one("FAIL").params[1:-1] == params
        assert bob.lines() == []

    def test_lines_of_a_refused_batch_are_dropped_up_to_its_end(self) -> None:
        ann, bob = people(CAPS, CAPS)
        ann.send("BATCH +1 nonsense", HELLO[0], "BATCH -1", "PRIVMSG #tea :next")
        assert ann.commands() == ["FAIL", "PRIVMSG"]
        assert texts(bob.read()) == ["next"]

    def test_untagged_message_after_a_refused_batch_is_sent(self) -> None:
        ann, bob = people(CAPS, CAPS)
        ann.send("BATCH +1 nonsense", HELLO[0], "PRIVMSG #tea :next")
        assert texts(bob.read()) == ["next"]

    @pytest.mark.parametrize("line", ["@label=b PRIVMSG #tea :next", "@+draft/reply=x PRIVMSG #tea :next"])
    def test_tagged_message_after_a_refused_batch_is_sent(self, line: str) -> None:
        ann, bob = people(CAPS, CAPS)
        ann.send("BATCH +1 draft/multiline", HELLO[0], line)
        assert ann.commands() == ["FAIL", "PRIVMSG"]
        assert texts(bob.read()) == ["next"]
        ann.send(HELLO[0], "BATCH -1")  # a pending message is not a repetition
        assert ann.lines() == bob.lines() == []

    def test_new_batch_after_an_unended_refused_one_is_accepted(self) -> None:
        ann, bob = people(CAPS, CAPS)
        say(ann.send("BATCH +9 nonsense"), *HELLO, opening="@label=a BATCH +1 draft/multiline #tea")
        assert [message.command for message in ann.read()] == ["FAIL", "BATCH", *["PRIVMSG"] * 4, "BATCH"]
        assert texts(bob.read())[0] == "hello"

    @pytest.mark.parametrize("line", ["BATCH", "BATCH -2", "BATCH +a_b nonsense"])
    def test_error_after_a_refused_batch_is_reported(self, line: str) -> None:
        (ann,) = people(CAPS)
        ann.send("BATCH +1 nonsense").forget()
        assert len(ann.send(f"@label=b {line}").read()) == 1

    def test_message_beside_an_open_batch_is_refused_on_its_own(self) -> None:
        ann, bob = people(CAPS, CAPS)
        say(ann, HELLO[0], "@label=b PRIVMSG #tea :x", opening="@label=a BATCH +1 draft/multiline #tea")
        assert [(each.command, each.tags["label"]) for each in ann.read()] == [("FAIL", "a"), ("FAIL", "b")]
        assert bob.lines() == []

    def test_batch_type_without_the_capability_is_unknown(self) -> None:
        (ann,) = people("batch message-tags")
        assert ann.send("BATCH +1 draft/multiline #tea").one("FAIL").params[1] == "UNKNOWN_TYPE"

    def test_batch_line_too_long_to_relay_is_refused(self) -> None:
        world = World()
        ann, bob = world.person("ann", "#tea", caps=CAPS), world.person("bob", "#tea")
        ann.send("BATCH +1 draft/multiline #tea", HELLO[0], "@batch=1 PRIVMSG #tea :" + "x" * 480, "BATCH -1")
        assert ann.commands() == ["417"]
        assert bob.lines() == []

    def test_open_batch_times_out(self) -> None:
        """client-batch, "Errors": TIMEOUT."""
        ann, bob = people(CAPS, CAPS)
        world = ann.world
        ann.send("@label=a BATCH +1 draft/multiline #tea", HELLO[0])
        assert world.hub.next_deadline() == world.now + 30_000
        world.now += 30_000
        world.tick()
        failure = ann.one("FAIL")
        assert failure.params[1:3] == ["TIMEOUT", "1"]
        assert failure.tags["label"] == "a"
        assert world.hub.next_deadline() is None
        ann.send(HELLO[0], "BATCH -1")
        assert ann.lines() == bob.lines() == []

    def test_departed_session_leaves_no_open_batch(self) -> None:
        ann, bob = people(CAPS, CAPS)
        ann.send("BATCH +1 draft/multiline #tea", HELLO[0])
        ann.world.gone(ann)
        assert ann.world.hub.next_deadline() is None
        assert bob.commands() == ["QUIT"]


LINES = st.lists(st.tuples(st.booleans(), st.text(st.characters(exclude_characters="\r\n\0"), max_size=5)), min_size=1)


@given(LINES)
def test_joined_lines_split_into_the_same_lines(drawn: list[tuple[bool, str]]) -> None:
    pieces = [BatchLine(bool(at) and joined and bool(text), text) for at, (joined, text) in enumerate(drawn)]
    if any(piece.joined for piece in pieces) or len(pieces) > 1:
        assert multiline.separated(*multiline.combined(pieces)) == pieces
