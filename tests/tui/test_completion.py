"""Tab (chatctl/tui/completion), and hints (chatctl/client/slash)."""

from __future__ import annotations

import pytest

from chatctl.client import slash
from chatctl.tui.completion import complete


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ("/to", ("/topic ",)),
        ("/re", ("/reply ", "/react ", "/resend ", "/register ")),
        ("/lea", ("/leave ",)),
        ("an", ("ann: ", "Andy: ")),
        ("hi an", ("ann ", "Andy ")),
        ("hi @an", ("@ann ", "@Andy ")),
        ("see #l", ("#lobby ",)),
        ("//x", ()),
        ("", ()),
        ("hi ", ()),
    ],
)
def test_completion(before: str, words: tuple[str, ...]) -> None:
    assert complete(before, ["#lobby", "#dev"], ["ann", "Andy", "bob"]).words == words


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("hello", ""),
        ("//etc", ""),
        ("/kick bob", "/kick NAME [REASON]  Remove somebody from the room."),
        ("/kic", "/kick"),
        ("/kick", "/kick NAME [REASON]  Remove somebody from the room."),
        ("/who", "/who  /whois"),
    ],
)
def test_hints(line: str, hint: str) -> None:
    assert slash.hint(line) == hint


def test_a_slip_is_answered_while_typing() -> None:
    assert "did you mean /topic?" in slash.hint("/topci x")
