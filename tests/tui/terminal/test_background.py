"""The terminal's background, and that nothing of it gets among the keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual.drivers import linux_driver

from chatctl.server import Server
from chatctl.tui.render.theme import ON_LIGHT, PALETTES
from chatctl.tui.terminal import background
from chatctl.tui.terminal.background import Background, BracketedPastes, TerminalAnswers
from tests.tui.screens import LocalLogin, play, screen

ANSWERS = ("\x1b]11;rgb:ffff/ffff/ffff\x1b\\", "\x1b]11;rgb:00/00/00\x07", "\x1b]11;rgba:1c1c/1c1c/1c1c/ffff\x07")


@pytest.mark.parametrize(
    ("colour", "light"),
    [
        ("rgb:ffff/ffff/ffff", True),
        ("rgb:fd/f6/e3", True),  # Solarized
        ("rgba:0000/2b2b/3636/ffff", False),
        ("#fbf1c7", True),
        ("rgb:0/0/0", False),
        ("?", None),
        ("rgb:g/0/0", None),
    ],
)
def test_background_colour_is_classified(colour: str, light: bool | None) -> None:
    assert background.is_light(colour) is light


@pytest.mark.parametrize(
    ("value", "light"), [("0;15", True), ("15;0", False), ("0;default;7", True), ("15;8", False), ("default", False)]
)
def test_colorfgbg_tells_the_background(value: str, light: bool) -> None:
    assert background.guessed({"COLORFGBG": value}) is light
    assert background.guessed({}) is False


def test_only_safe_terminals_are_queried() -> None:
    for term in ("xterm-256color", "tmux-256color", "screen.xterm", "foot", "st-256color"):
        assert background.may_be_asked({"TERM": term})
    for term in ("linux", "dumb", "vt100", "", "cons25"):
        assert not background.may_be_asked({"TERM": term})


@given(
    st.lists(st.sampled_from(["a", "é", "\r", "\x1b[A", "\x1b[<0;3;4M", "\x1b[200~]11;x\x1b[201~"]), max_size=6),
    st.sampled_from(ANSWERS),
    st.integers(0, 6),
    st.lists(st.integers(0, 60), max_size=4),
)
def test_keys_around_an_answer_are_preserved_however_it_is_cut(
    keys: list[str], answer: str, at: int, cuts: list[int]
) -> None:
    before, after = "".join(keys[:at]), "".join(keys[at:])
    sent = before + answer + after
    escapes = {buffer for buffer, character in enumerate(sent) if character == "\x1b"}
    # Where the cut is just after ESC, that may be the key: it is let through, and the rest is known by its beginning.
    buffers = sorted({cut for cut in cuts if 0 < cut < len(sent) and cut - 1 not in escapes})
    taken, found, got = TerminalAnswers(), [], ""
    for begin, end in zip([0, *buffers], [*buffers, len(sent)], strict=True):
        rest, answers = taken.take(sent[begin:end])
        got += rest
        found += answers
    assert got == before + after
    assert len(found) == 1


def test_answer_cut_after_its_first_byte_types_nothing() -> None:
    answers = TerminalAnswers()
    assert answers.take("x\x1b") == ("x\x1b", [])
    assert answers.take("]11;rgb:ffff/ffff/ffff\x1b\\y") == ("y", ["rgb:ffff/ffff/ffff"])


def test_escape_key_is_not_delayed() -> None:
    answers = TerminalAnswers()
    assert answers.take("\x1b") == ("\x1b", [])
    assert answers.take("\x1b[B") == ("\x1b[B", [])


@pytest.fixture
def driver() -> Iterator[Any]:
    """Textual's module for terminals, which listens while a test runs."""
    module: Any = linux_driver
    before = module.XTermParser
    assert background.listen()
    assert background.listen()
    yield module
    module.XTermParser = before


def test_sequences_for_textual_pass_through(driver: Any) -> None:
    parser = driver.XTermParser()
    found = [*parser.feed("a\x1b]11;rgb:ff"), *parser.feed("ff/ffff/ffff\x1b\\b")]
    keys = [event.character for event in found if isinstance(event, events.Key)]
    assert keys == ["a", "b"]
    assert [event.light for event in found if isinstance(event, Background)] == [True]


def test_light_background_selects_the_light_palette(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLORFGBG", raising=False)

    async def story() -> None:
        with Server(port=0) as server:
            async with screen(LocalLogin(server.port)) as ann:
                await ann.until("only you")
                assert ann.app.look.palette is PALETTES["terminal"]
                ann.app.post_message(Background(light=True))
                await ann.until(lambda _: ann.app.look.palette is ON_LIGHT)
                ann.app.wear("dark")
                assert ann.app.look.palette is PALETTES["dark"]

    play(story)


PASTE, PASTE_END = "\x1b[200~", "\x1b[201~"


@given(
    st.text(alphabet="ab\r\x1b[20~1", max_size=30).filter(lambda text: PASTE_END not in text),
    st.lists(st.integers(0, 60), max_size=6),
)
def test_escape_inside_a_paste_does_not_end_it_however_it_is_cut(text: str, cuts: list[int]) -> None:
    sent = f"k{PASTE}{text}{PASTE_END}l"
    if sent.find(PASTE_END) != len(sent) - len(PASTE_END) - 1:
        return
    buffers = sorted({cut for cut in cuts if 0 < cut < len(sent)})
    pastes, got = BracketedPastes(), ""
    for begin, end in zip([0, *buffers], [*buffers, len(sent)], strict=True):
        got += pastes.take(sent[begin:end])
    assert got == f"k{PASTE}{text.replace(chr(27), '')}{PASTE_END}l"


def test_pasted_escape_presses_no_key(driver: Any) -> None:
    found = [*driver.XTermParser().feed(f"a{PASTE}rm\x1b x\r and more than thirty-two characters\r{PASTE_END}b")]
    assert [event.character for event in found if isinstance(event, events.Key)] == ["a", "b"]
    assert [event.text for event in found if isinstance(event, events.Paste)] == [
        "rm x\r and more than thirty-two characters\r"
    ]
