"""Text in columns of a terminal. For ASCII it loads nothing: `check-name` starts fast."""

from __future__ import annotations

from collections.abc import Sequence


def width(text: str) -> int:
    """Return the columns that a text takes on a terminal, as wcwidth counts them."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth  # it loads tables, which most output does not need

    columns = wcswidth(text)
    return columns if columns >= 0 else len(text)


def counted(number: int, noun: str) -> str:
    """Return ``1 message``, ``2,000 messages``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def padded(text: str, columns: int) -> str:
    """Pad `text` with spaces to this many columns; never cut it."""
    return text + " " * (columns - width(text))


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return one line per row, in columns; all rows have the same number of cells."""
    widths = [max(map(width, cells)) for cells in zip(*rows, strict=True)]
    return ["  ".join(map(padded, row, widths)).rstrip() for row in rows]
