"""Tab (chatctl/tui/widgets/completion), and hints (chatctl/client/slash/table)."""

from __future__ import annotations

import pytest

from chatctl.client.slash import table
from chatctl.tui.widgets.completion import complete


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
def test_word_is_completed(before: str, words: tuple[str, ...]) -> None:
    assert complete(before, ["#lobby", "#dev"], ["ann", "Andy", "bob"]).words == words


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("hello", ""),
        ("//etc", ""),
        ("/kick bob", "/kick NAME [REASON]  Remove a user from the room."),
        ("/kic", "/kick"),
        ("/kick", "/kick NAME [REASON]  Remove a user from the room."),
        ("/who", "/who  /whois"),
    ],
)
def test_hints_are_shown_while_typing(line: str, hint: str) -> None:
    assert table.hint(line) == hint


def test_unknown_command_is_hinted_while_typing() -> None:
    assert "did you mean /topic?" in table.hint("/topci x")


def test_completion_folds_as_the_server_does() -> None:
    rfc1459 = str.maketrans("[]\\^", "{}|~")
    names = ["{away}bob", "\u00c4nne"]
    assert complete("[aw", [], names, lambda name: name.lower().translate(rfc1459)).words == ("{away}bob: ",)
    assert complete("\u00e4", [], names, str.casefold).words == ("\u00c4nne: ",)
    assert complete("\u00e4", [], names, lambda name: name.lower() if name.isascii() else name).words == ()


@pytest.mark.parametrize(
    ("before", "start", "words"),
    [
        ("(an", 1, ("ann ",)),
        ("hi (\u201can", 5, ("ann ",)),
        ("(#lo", 1, ("#lobby ",)),
        ("bo", 0, ("[away]bob: ",)),
        ("[a", 0, ("[away]bob: ",)),
        ("(\u201c[a", 2, ("[away]bob ",)),
        ("&lo", 0, ("&local ",)),
        ("(", 1, ()),
    ],
)
def test_completion_skips_leading_brackets(before: str, start: int, words: tuple[str, ...]) -> None:
    found = complete(before, ["#lobby", "&local"], ["ann", "[away]bob"])
    assert found.words == words
    assert found.start == start or not words
