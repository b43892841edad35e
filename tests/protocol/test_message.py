"""The message rules: modern.ircdocs.horse "Message Format", IRCv3 message-tags."""

from __future__ import annotations

import irctokens
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatctl.protocol.message import EncodingError, Message, encode, parse, parse_tags, unescape


def test_line_with_all_parts_is_parsed() -> None:
    message = parse("@id=1;+x=a\\sb :dan!d@host PRIVMSG #room :hello: there")
    assert message is not None
    assert message == Message("PRIVMSG", ["#room", "hello: there"], "dan!d@host", {"id": "1", "+x": "a b"})
    assert message.nick == "dan"


@pytest.mark.parametrize(
    ("line", "command", "params"),
    [
        ("ping", "PING", []),
        ("PING  a   b", "PING", ["a", "b"]),
        ("PING a ", "PING", ["a"]),
        ("PING :", "PING", [""]),
        ("PRIVMSG a ::)", "PRIVMSG", ["a", ":)"]),
        ("PRIVMSG a :x :y", "PRIVMSG", ["a", "x :y"]),
        ("  PING a", "PING", ["a"]),
        ("@a  :s  PING a", "PING", ["a"]),
        ("PRIVMSG a:b c", "PRIVMSG", ["a:b", "c"]),
    ],
)
def test_parameter_forms_are_parsed(line: str, command: str, params: list[str]) -> None:
    message = parse(line)
    assert message is not None
    assert (message.command, list(message.params)) == (command, params)


@pytest.mark.parametrize("line", ["", " ", ":source", "@a=b", "@a=b :source", ":source  "])
def test_line_without_a_command_is_invalid(line: str) -> None:
    assert parse(line) is None


def test_thousands_of_parameters_are_parsed() -> None:
    message = parse("WHO" + " a" * 5000)
    assert message is not None
    assert len(message.params) == 5000


def test_tag_values_as_the_specification_escapes_them() -> None:
    assert parse_tags(r"a=raw+:=,escaped\:\s\\;b;c=;d=x\b;e=end\ ".rstrip()) == {
        "a": "raw+:=,escaped; \\",
        "b": "",
        "c": "",
        "d": "xb",
        "e": "end",
    }
    assert parse_tags("a=1;a=2") == {"a": "2"}
    assert unescape("\\\\s") == "\\s"


@pytest.mark.parametrize("bad", ["a\r\nQUIT", "a\nb", "a\0b"])
def test_parts_with_a_line_break_are_refused(bad: str) -> None:
    with pytest.raises(EncodingError):
        encode("PRIVMSG", ["#room", bad])
    with pytest.raises(EncodingError):
        encode("PRIVMSG", ["#room", "x"], source=bad)
    with pytest.raises(EncodingError):
        encode("PRIVMSG", ["#room", "x"], tags={bad: "x"})


@pytest.mark.parametrize("middle", ["", ":a", "a b"])
def test_ambiguous_middle_parameter_is_refused(middle: str) -> None:
    with pytest.raises(EncodingError):
        encode("PRIVMSG", [middle, "x"])


WORD = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0 "), min_size=1).filter(
    lambda word: not word.startswith(":")
)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"))
KEY = st.from_regex(r"\+?[a-z]([a-z./-]{0,8}[a-z])?", fullmatch=True)
VALUE = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@given(
    command=st.sampled_from(["PRIVMSG", "JOIN", "353", "MODE"]),
    middles=st.lists(WORD, max_size=5),
    last=TEXT,
    tags=st.dictionaries(KEY, VALUE, max_size=4),
)
def test_encoded_message_parses_to_itself(command: str, middles: list[str], last: str, tags: dict[str, str]) -> None:
    params = [*middles, last]
    line = encode(command, params, "nick!user@host", tags)
    assert line.endswith(b"\r\n")
    text = line.decode().removesuffix("\r\n")
    assert parse(text) == Message(command, params, "nick!user@host", tags)
    # A reader no one here wrote agrees.
    theirs = irctokens.tokenise(text)
    assert (theirs.command, theirs.params) == (command, params)
    assert {key: value or "" for key, value in (theirs.tags or {}).items()} == tags
