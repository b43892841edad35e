"""The client without a thread: nothing a server sends may fail."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatctl.client.session.command_handlers import COMMANDS
from chatctl.client.session.numeric_handlers import NUMERICS
from chatctl.client.transport.wire import LineReader
from tests.client.talk import Talk

_OTHERS = "001 401 404 421 432 433 437 464 482 903 904 908 CAP PING PONG AUTHENTICATE XYZZY"
_ALL = sorted({*COMMANDS, *NUMERICS, *_OTHERS.split()})
_KNOWN = st.sampled_from(_ALL)
_PARAM = st.sampled_from(
    ["ann", "bob", "*", "#lobby", "LS", "ACK", "NAK", "NEW", "DEL", "+o-v+k", "=", "chatctl/resume echo-message", "",
     "PREFIX=(ov)@+", "PREFIX=", "CHANTYPES=", "STATUSMSG=@+", "CASEMAPPING=rfc1459", "CHANMODES=,,,", "@#lobby",
     "\x01ACTION", "chatctl-1", "NICK", "a!b@c", "x" * 600]
) | st.text(max_size=8)  # fmt: skip
_SOURCE = st.sampled_from(["", ":ann!u@h ", ":bob!u@h ", ":s ", ":ann ", ":!@ "])
_LINE = st.builds(
    lambda tags, source, command, params, last: tags + source + " ".join([command, *params]) + last,
    st.sampled_from(["", "@time=x;msgid=1 ", "@time=2026-01-01T00:00:00.000Z ", "@ "]),
    _SOURCE,
    _KNOWN | st.text(max_size=4),
    st.lists(_PARAM, max_size=6),
    st.sampled_from(["", " :", " :text of it", " :ann"]),
)


@pytest.mark.e2e
@settings(max_examples=400)
@given(st.lists(_LINE | st.text(max_size=60), max_size=30), st.booleans())
def test_any_valid_line_of_a_server_is_handled(lines: list[str], first_in: bool) -> None:
    talk = Talk("#lobby")
    if first_in:
        talk.enter()
        talk.state.say("message", "#lobby", "hi")
    else:
        talk.state.connected(["a", "b"])
    for line in lines:
        talk.state.receive(line.replace("\n", "").replace("\r", "").replace("\0", ""))
        talk.state.say("message", "#lobby", "more")
    for event in talk.news():
        event.to_json()
    talk.state.lost(talk.state.lines)
    talk.enter()


@pytest.mark.parametrize("command", _ALL)
def test_line_with_too_few_parameters_is_handled(command: str) -> None:
    for source in (":ann!u@h ", ":s ", ""):
        for params in ("", " ann", " #lobby", " *", " ann #lobby", " #lobby ann", " ann ann", " ann #lobby ann", " :"):
            talk = Talk("#lobby")
            talk.enter()
            talk.state.receive(f"{source}{command}{params}")
            talk.state.lost(talk.state.lines)
            talk.state.connected([])
            talk.state.receive(f"{source}{command}{params}")


@given(st.lists(st.binary(max_size=80) | _LINE.map(str.encode), max_size=20))
def test_any_bytes_are_handled(chunks: list[bytes]) -> None:
    talk = Talk("#lobby")
    talk.enter()
    reader = LineReader()
    for chunk in chunks:
        for line in reader.feed(chunk + b"\n"):
            talk.state.receive(line)
