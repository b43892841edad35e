"""Text in columns of a terminal. It loads nothing: `check-name` starts fast."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def width(text: str) -> int:
    """Columns on a terminal: wide East Asian characters take two, marks none (Unicode's UAX #11)."""
    return sum(
        0 if unicodedata.category(char)[0] == "M" else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def counted(number: int, noun: str) -> str:
    """Return ``1 message``, ``2,000 messages``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def padded(text: str, columns: int) -> str:
    """`text` with spaces behind it to fill so many columns; never cut."""
    return text + " " * (columns - width(text))


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """One line for each row, its cells below those of the others; the rows have as many cells each."""
    widths = [max(map(width, cells)) for cells in zip(*rows, strict=True)]
    return ["  ".join(map(padded, row, widths)).rstrip() for row in rows]
