"""The input by the program's own cell widths (chatctl/tui/widgets/input_layout)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.strip import Strip

from chatctl.client.session.message_split import cluster_ends
from chatctl.tui.render.cell_width import text_of
from chatctl.tui.render.emoji import TERMINAL, drawn
from chatctl.tui.widgets.completion import Completion
from chatctl.tui.widgets.input import MessageInput
from chatctl.tui.widgets.input_layout import cells, column_at, wrap_offsets

pytestmark = pytest.mark.e2e

HEART, TONED, FAMILY, FLAG = "❤️", "👍🏽", "👩‍👩‍👧", "🇩🇪"

WIDTHS = [
    ("a❤️b", [1, 2, 3]),
    ("👍🏽x", [2, 3]),
    ("👩‍👩‍👧z", [6, 7]),
    ("काx", [2, 3]),
    ("กำx", [1, 2, 3]),
    ("กี้x", [1, 2]),
    ("🇩🇪x", [2, 3]),
    ("1️⃣x", [1, 2]),
    ("e\u0301x", [1, 2]),
    ("漢x", [2, 3]),
    ("한x", [2, 3]),
]
"""Texts, and where the cursor stands after each cluster, as tmux 3.3a draws them."""


class Alone(App[None]):
    """The input, and nothing else."""

    def compose(self) -> ComposeResult:
        yield MessageInput(lambda _: Completion(0, ()), lambda _: None)


def play(story: Callable[[Pilot[None], MessageInput], Awaitable[None]], width: int = 40) -> None:
    async def told() -> None:
        async with Alone().run_test(size=(width, 10)) as pilot:
            line = pilot.app.query_one(MessageInput)
            line.focus()
            await pilot.pause()
            await story(pilot, line)

    asyncio.run(told())


def rows(line: MessageInput) -> list[Strip]:
    return [line.render_line(y) for y in range(line.size.height)]


@pytest.mark.parametrize(("text", "buffers"), WIDTHS)
def test_cursor_is_where_the_next_letter_appears(text: str, buffers: list[int]) -> None:
    async def story(pilot: Pilot[None], line: MessageInput) -> None:
        line.write(text)
        left = line.content_region.x
        assert pilot.app.cursor_position.x - left == buffers[-1]
        for buffer in [*reversed(buffers[:-1]), 0]:
            await pilot.press("left")
            assert pilot.app.cursor_position.x - left == buffer
        for buffer in buffers:
            await pilot.press("right")
            assert pilot.app.cursor_position.x - left == buffer

    play(story)


@pytest.mark.parametrize(("text", "buffers"), WIDTHS)
def test_click_on_any_cell_of_a_cluster_puts_the_cursor_on_it(text: str, buffers: list[int]) -> None:
    async def story(pilot: Pilot[None], line: MessageInput) -> None:
        line.write(text)
        starts = [0, *cluster_ends(text)]
        for cell in range(buffers[-1]):
            await pilot.click(MessageInput, offset=(line.gutter.left + cell, line.gutter.top))
            number = sum(buffer <= cell for buffer in buffers)
            assert line.cursor_location == (0, starts[number])

    play(story)


@pytest.mark.parametrize(("text", "buffers"), WIDTHS)
def test_row_is_as_wide_as_its_letters_and_drawn_like_a_message(text: str, buffers: list[int]) -> None:
    async def story(pilot: Pilot[None], line: MessageInput) -> None:
        line.write(text)
        row = rows(line)[0]
        assert text_of(row).rstrip(" ") == drawn(text)
        assert row.cell_length == line.content_size.width
        assert cells(text) == buffers[-1]

    play(story)


def test_disputed_clusters_are_pieces_of_their_own() -> None:
    async def story(pilot: Pilot[None], line: MessageInput) -> None:
        line.write("ab काกำ ไทย")
        line.move_cursor((0, 1))
        pieces = [segment.text for segment in rows(line)[0]]
        assert pieces[:3] == ["a", "b", " "]  # "b" is under the cursor
        assert "का" in pieces

    play(story)


def test_rows_wrap_where_the_drawn_letters_end() -> None:
    async def story(pilot: Pilot[None], line: MessageInput) -> None:
        line.write(HEART * 30)
        width = line.wrap_width
        assert [len(section) for section in line.wrapped_document.get_sections(0)] == [2 * width, 2 * (30 - width)]
        line.write(FAMILY * 9)
        assert all(cells(section) <= width for section in line.wrapped_document.get_sections(0))
        assert line.wrapped_document.get_sections(0)[0] == FAMILY * (width // 6)

    play(story, width=26)


def test_up_and_down_keep_the_cell() -> None:
    async def story(pilot: Pilot[None], line: MessageInput) -> None:
        line.write(f"{FAMILY}abc\n{HEART * 8}")
        line.move_cursor((0, len(FAMILY) + 1), record_width=True)
        await pilot.press("down")
        assert line.cursor_location == (1, 2 * 7)
        await pilot.press("up")
        assert line.cursor_location == (0, len(FAMILY) + 1)

    play(story)


def test_layout_follows_a_terminal_that_joins(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(pilot: Pilot[None], line: MessageInput) -> None:
        line.write(f"{FAMILY}{HEART}")
        left = line.content_region.x
        assert pilot.app.cursor_position.x - left == 7
        monkeypatch.setattr(TERMINAL, "joins", True)
        line.wrap_again()
        assert pilot.app.cursor_position.x - left == 4
        assert text_of(rows(line)[0]).rstrip(" ") == f"{FAMILY}{HEART}"

    play(story)


def test_selection_covers_whole_clusters() -> None:
    async def story(pilot: Pilot[None], line: MessageInput) -> None:
        line.write(f"a{TONED}b")
        await pilot.press("shift+left", "shift+left")
        assert line.selected_text == f"{TONED}b"

    play(story)


LETTERS = ["a", " ", "漢", "é", "\u0301", *HEART, *TONED, *FAMILY, *FLAG, *"का", *"กำ"]
TEXT = st.text(st.sampled_from(LETTERS), max_size=60)


@given(TEXT, st.integers(6, 30))
def test_wrapping_keeps_clusters_whole_and_rows_in_the_width(text: str, width: int) -> None:
    offsets = wrap_offsets(text, width)
    assert set(offsets) <= {*cluster_ends(text)}
    assert offsets == sorted(set(offsets))
    for start, end in zip([0, *offsets], [*offsets, len(text)], strict=True):
        row = text[start:end]
        assert cells(row) <= width


@given(TEXT, st.integers(1, 5))
def test_input_narrower_than_a_cluster_has_a_cluster_on_each_row(text: str, width: int) -> None:
    assert len(wrap_offsets(text, width)) <= len(text)
    assert set(wrap_offsets(text, width)) <= {*cluster_ends(text)}


@given(TEXT)
def test_every_cell_belongs_to_the_cluster_that_covers_it(text: str) -> None:
    for cell in range(cells(text)):
        column = column_at(text, cell)
        assert cells(text[:column]) <= cell
    assert column_at(text, cells(text)) == len(text)
