"""Joined emoji move nothing: the tables of Textual and of terminals agree on the drawn text."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from wcwidth import wcswidth, wcwidth

from chatctl.protocol.clean import clean
from chatctl.tui.model.items import Item
from chatctl.tui.model.mentions import pattern
from chatctl.tui.render import emoji
from chatctl.tui.render.cell_width import text_of, width_of
from chatctl.tui.render.emoji import drawn
from chatctl.tui.render.rows import RowContext, rows, shortened
from chatctl.tui.render.theme import ink
from tests.tui.view_models import plain_rows

FAMILY, TONED, HEART, KEYCAP, ASTRONAUT = "👨‍👩‍👧‍👦", "👍🏽", "❤️", "1️⃣", "👩🏽‍🚀"
PARTS = [
    FAMILY, TONED, HEART, KEYCAP, ASTRONAUT, "🇩🇪", "🇩", "🏽", "🏳️‍🌈", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "™️", "☺︎", "❤", "😀", "e\u0301", "日本",
    "\u200d", "\ufe0f", "a", " ", "b ", "word", "**", "שלום",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PARTS), max_size=40).map("".join)


@pytest.fixture(params=[False, True], ids=["apart", "joined"])
def joins(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(emoji.TERMINAL, "joins", request.param)
    return bool(request.param)


@pytest.mark.parametrize(
    ("text", "apart"),
    [
        (FAMILY, "👨👩👧👦"),
        (TONED, "👍"),
        (HEART, "❤"),
        (KEYCAP, "1\u20e3"),
        (ASTRONAUT, "👩🚀"),
        ("🇩🇪", "🇩🇪"),
        ("🇩", "D"),
        ("🏽", "🟫"),
        ("plain 日本", "plain 日本"),
        ("ന്‍", "ന്‍"),  # Malayalam spells with a joiner
        ("d🏽\u200d👨", "d👨"),  # and a letter before emoji spells nothing
    ],
)
def test_disputed_emoji_are_drawn_apart(text: str, apart: str) -> None:
    assert drawn(text) == apart


def test_joining_terminal_gets_whole_emoji(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emoji.TERMINAL, "joins", True)
    assert [drawn(text) for text in PARTS[:6]] == PARTS[:6]


def test_separated_emoji_have_the_width_of_their_characters() -> None:
    for text in (FAMILY, TONED, HEART, KEYCAP, ASTRONAUT, "🏳️‍🌈", "™️"):
        parts = drawn(text)
        assert sum(wcwidth(character) for character in parts) == width_of(text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(name=st.lists(st.sampled_from(PARTS), min_size=1, max_size=3).map("".join), text=TEXTS)
def test_every_row_has_the_width_of_the_screen(joins: bool, name: str, text: str) -> None:
    around = RowContext(ink("terminal"), 40, pattern("ann"), str.lower, lambda _: None)
    item = Item("said", 0.0, text, name)
    item.react("bob", TONED, removed=False)
    for row in rows(item, around):
        shown = text_of(row).replace("\u2068", "").replace("\u2069", "")
        assert cell_len(shown) == wcswidth(shown) == row.cell_length == 40, ascii(shown)
    assert plain_rows(iter(rows(item, around)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(text=TEXTS, room=st.integers(1, 20))
def test_shortened_text_fits(joins: bool, text: str, room: int) -> None:
    assert width_of(shortened(clean(text), room)) <= room
