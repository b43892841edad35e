"""Text in columns, whatever it is written in."""

from __future__ import annotations

import pytest

from chatctl.cli.columns import table, width
from chatctl.tui.render.cell_width import width_of


def test_wide_letters_and_marks_have_their_width() -> None:
    assert table([("美咲", "here"), ("ann", "here"), ("e\u0301va", "here")]) == [
        "美咲  here",
        "ann   here",
        "e\u0301va   here",
    ]


def test_table_without_rows_is_empty() -> None:
    assert table([]) == []


@pytest.mark.parametrize(
    "text", ["ann", "美咲", "e\u0301va", "😀", "👍", "한글", "ไทย", "กี้", "שלום", "🇩🇪", "a\tb", "é\tb", ""]
)
def test_commands_and_full_screen_agree_on_widths(text: str) -> None:
    assert width(text) == width_of(text)


def test_emoji_with_a_skin_tone_has_the_width_of_one() -> None:
    assert table([("👍🏽", "here"), ("ann", "here")]) == ["👍🏽   here", "ann  here"]
