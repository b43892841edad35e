"""Properties of characters, the kind and the script, the same on every Python.

Invariants:

- [frozen-unicode] Unicode is frozen at 14.0, that of the oldest supported Python. A code point that 14.0 does not
  assign has no kind; neither has a private one or a surrogate. Normalization and case folding of assigned characters
  never change again (Unicode's stability policies), so text whose characters all have a kind is treated the same
  everywhere.
- [lazy-tables] The tables are decoded on first use: a server with plain ASCII names never pays for them.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import Enum
from functools import lru_cache
from itertools import accumulate
from unicodedata import category

from chatctl.protocol.unicode_tables import RANGES, SKELETONS


class CharacterKind(Enum):
    """The kind of a code point; the values are those of the generated table."""

    LETTER = "L"
    MARK = "M"
    DIGIT = "D"
    SYMBOL = "S"
    SPACE = "Z"
    CONTROL = "C"
    INVISIBLE = "I"
    UNKNOWN = ""


@lru_cache(maxsize=1)
def _ranges() -> tuple[list[int], list[int], list[tuple[CharacterKind, str]]]:
    """Sorted starts and ends of ranges, with their values, for bisection."""
    rows = []
    for group in RANGES.split(";"):
        head, _, body = group.partition(":")
        kind, _, script = head.partition(" ")
        what = (CharacterKind(kind), script.replace("_", " "))
        # The numbers are distances in turn from end to start and from start to end: their sums are the edges.
        edges = list(accumulate(int(number, 36) for number in body.split()))
        rows += [(edges[i], edges[i + 1], what) for i in range(0, len(edges), 2)]
    rows.sort(key=lambda row: row[0])
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]


_NOTHING = (CharacterKind.UNKNOWN, "")


@lru_cache(maxsize=4096)
def describe(char: str) -> tuple[CharacterKind, str]:
    """Return the kind of one character, and the name of its script (UAX 24) if it is a letter, a mark or a digit,
    else ""."""
    starts, ends, whats = _ranges()
    point = ord(char)
    i = bisect_right(starts, point) - 1
    return whats[i] if point <= ends[i] else _NOTHING


def all_known(text: str) -> bool:
    """Return whether every character has a kind ([frozen-unicode]), so that Python's treatment of `text` will never
    change."""
    return text.isascii() or all(describe(char)[0] is not CharacterKind.UNKNOWN for char in text)


@lru_cache(maxsize=1)
def prototypes() -> dict[int, str]:
    """Return a table for `str.translate`: the skeleton of a character, without its case (UTS 39 section 4; [too-alike]
    in names.py)."""
    table = {}
    for group in SKELETONS.split(";"):
        head, _, body = group.partition(":")
        target = "".join(chr(int(point, 36)) for point in head.split("."))
        for point in accumulate(int(number, 36) for number in body.split()):
            table[point] = target
    return table


_VISIBLE = frozenset({CharacterKind.LETTER, CharacterKind.DIGIT, CharacterKind.SYMBOL})


def shown(char: str) -> str:
    """Return a character for a sentence: itself if it is safe to print and stands alone, and its number if it is not
    ASCII.

    ``'!'``, ``'é' (U+00E9)``, ``U+200B``.
    """
    number = f"U+{ord(char):04X}"
    if describe(char)[0] not in _VISIBLE or category(char) == "Me":
        return number
    return f"'{char}'" if char.isascii() else f"'{char}' ({number})"
