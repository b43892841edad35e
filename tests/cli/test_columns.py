"""Text in columns, whatever it is written in."""

from __future__ import annotations

import pytest

from chatctl.cli.columns import table, width
from chatctl.tui.render.cell_width import width_of


def test_what_is_wide_and_what_has_marks_takes_its_columns() -> None:
    assert table([("美咲", "here"), ("ann", "here"), ("e\u0301va", "here")]) == [
        "美咲  here",
        "ann   here",
        "e\u0301va   here",
    ]


def test_of_no_rows_there_is_nothing() -> None:
    assert table([]) == []


@pytest.mark.parametrize(
    "text", ["ann", "美咲", "e\u0301va", "😀", "👍", "한글", "ไทย", "กี้", "שלום", "🇩🇪", "a\tb", "é\tb", ""]
)
def test_commands_and_full_screen_agree_on_widths(text: str) -> None:
    assert width(text) == width_of(text)


def test_emoji_with_a_skin_tone_is_one() -> None:
    assert table([("👍🏽", "here"), ("ann", "here")]) == ["👍🏽   here", "ann  here"]
