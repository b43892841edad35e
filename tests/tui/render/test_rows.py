"""Items as rows (chatctl/tui/render/rows)."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatctl.tui.model.items import Item
from chatctl.tui.model.mentions import pattern
from chatctl.tui.render import rows as drawing
from chatctl.tui.render.cell_width import text_of, width_of
from chatctl.tui.render.rows import RowContext, shortened
from chatctl.tui.render.theme import ink
from tests.tui.view_models import plain_rows

NOON = time.mktime((2026, 11, 22, 12, 0, 0, 0, 0, -1))


def around(width: int = 40, known: Item | None = None) -> RowContext:
    return RowContext(ink("terminal"), width, pattern("ann"), str.lower, lambda _: known)


def rows(item: Item, width: int = 40, known: Item | None = None) -> list[str]:
    drawn = drawing.rows(item, around(width, known))
    assert all(row.cell_length == width for row in drawn)
    return plain_rows(iter(drawn))


def said(text: str, **more: object) -> Item:
    return Item("said", NOON, text, "bob", **more)  # type: ignore[arg-type]


def test_message_is_indented_below_its_name() -> None:
    assert rows(said("a text that is longer than the row is wide")) == [
        "12:00 [bob]: a text that is longer than",
        "        the row is wide",
    ]


def test_words_longer_than_a_row_are_broken_and_nothing_is_lost() -> None:
    drawn = rows(said("x" * 100))
    assert "".join(row[13:] if number == 0 else row[8:] for number, row in enumerate(drawn)) == "x" * 100


@pytest.mark.parametrize(
    ("item", "first"),
    [
        (said("hi ann", mention=True), "12:00»[bob]: hi ann"),
        (said("hi", own=True, ticket=3), "12:00…[bob]: hi"),
        (Item("action", NOON, "waves", "bob"), "12:00 * bob waves"),
        (Item("notice", NOON, "beep", "bot"), "12:00 [bot (notice)]: beep"),
        (Item("news", NOON, "You are in"), "12:00 · You are in"),
        (Item("trouble", NOON, "No such thing"), "12:00 ! No such thing"),
        (said("你好 👋"), "12:00 [bob]: 你好 👋"),
    ],
)
def test_kinds_differ_without_colour(item: Item, first: str) -> None:
    assert rows(item)[0] == first


def test_lines_of_a_message_are_aligned() -> None:
    assert rows(said("one\n\nthree")) == ["12:00 [bob]: one", "", "        three"]


def test_failed_message_shows_the_reason_and_the_remedy() -> None:
    item = said("hi")
    item.problem = "you are banned"
    assert rows(item, 60) == ["12:00![bob]: hi", "        not delivered: you are banned (/resend)"]


def test_reactions_replies_and_deletions_are_drawn() -> None:
    item = said("yes", reply="m1")
    item.react("ann", "👍", removed=False)
    item.react("eve", "👍", removed=False)
    assert rows(item, 40, said("shall we?", id="m1")) == [
        "      ┌ bob: shall we?",
        "12:00 [bob]: yes",
        "        👍 2",
    ]
    item.deleted = "ann"
    assert rows(item)[0] == "12:00 [bob]: deleted by ann"


def test_right_to_left_text_is_isolated_as_one() -> None:
    [row] = rows(said("שלום עולם"))
    assert row == "12:00 [bob]: \u2068שלום עולם\u2069"


@given(st.text(max_size=300), st.integers(min_value=drawing.MIN_WIDTH, max_value=90))
def test_rows_have_the_width_of_the_screen_for_any_text(text: str, width: int) -> None:
    for row in drawing.rows(said(text), around(width)):
        assert row.cell_length == width
        assert width_of(text_of(row).replace("\u2068", "").replace("\u2069", "")) <= width + 1


@pytest.mark.parametrize(
    ("text", "room", "expected"), [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("你好", 3, "你…"), ("x", 0, "")]
)
def test_titles_are_shortened(text: str, room: int, expected: str) -> None:
    assert shortened(text, room) == expected


def test_long_text_without_spaces_starts_on_the_first_row() -> None:
    first, second, *_ = rows(said("\u6f22\u5b57" * 40))
    assert first == "12:00 [bob]: " + "\u6f22\u5b57" * 6 + "\u6f22"
    assert second.startswith("        \u5b57\u6f22")
    assert rows(said("ok " + "\u6f22\u5b57" * 10))[0] == "12:00 [bob]: ok " + "\u6f22\u5b57" * 6
    assert rows(said(f"https://e.example/{'x' * 80}"))[0].startswith("12:00 [bob]: https://")


def test_punctuation_does_not_begin_a_row_of_ideographs() -> None:
    drawn = rows(said("\u6f22" * 13 + "\u3002" + "\u5b57" * 5))
    assert drawn == ["12:00 [bob]: " + "\u6f22" * 12, "        \u6f22\u3002" + "\u5b57" * 5]


def test_statusmsg_is_marked() -> None:
    assert rows(said("psst", audience="@")) == ["12:00 [bob -> operators]: psst"]
