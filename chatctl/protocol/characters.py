"""What a character is, for us: its kind and its script, the same on every Python.

The rules of this file:

1. Unicode is frozen at 14.0, that of the oldest Python we run on. A code point that 14.0 does not assign has no kind,
   and neither has a private one or half a surrogate pair. Normalization and case folding of assigned characters never
   change again (Unicode's stability policies), so text in which every character has a kind comes out the same
   everywhere.
2. The tables are decoded at the first question: a server where all names are plain ASCII never pays for them.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import Enum
from functools import lru_cache
from itertools import accumulate
from unicodedata import category

from chatctl.protocol.unicode_tables import RANGES, SKELETONS


class Kind(Enum):
    """What a code point is; the values are those of the generated table."""

    LETTER = "L"
    MARK = "M"
    DIGIT = "D"
    SYMBOL = "S"
    SPACE = "Z"
    CONTROL = "C"
    INVISIBLE = "I"
    UNKNOWN = ""


@lru_cache(maxsize=1)
def _ranges() -> tuple[list[int], list[int], list[tuple[Kind, str]]]:
    """Starts, ends and what is between them, sorted, for bisecting."""
    rows = []
    for group in RANGES.split(";"):
        head, _, body = group.partition(":")
        kind, _, script = head.partition(" ")
        what = (Kind(kind), script.replace("_", " "))
        # The numbers are distances in turn from end to start and from start to end: their sums are the edges.
        edges = list(accumulate(int(number, 36) for number in body.split()))
        rows += [(edges[i], edges[i + 1], what) for i in range(0, len(edges), 2)]
    rows.sort(key=lambda row: row[0])
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]


_NOTHING = (Kind.UNKNOWN, "")


@lru_cache(maxsize=4096)
def describe(char: str) -> tuple[Kind, str]:
    """The kind of one character, and the name of its script (UAX 24) if it is a letter, a mark or a digit, else ""."""
    starts, ends, whats = _ranges()
    point = ord(char)
    i = bisect_right(starts, point) - 1
    return whats[i] if point <= ends[i] else _NOTHING


def all_known(text: str) -> bool:
    """Whether every character has a kind (rule 1), so that what Python makes of `text` will never change."""
    return text.isascii() or all(describe(char)[0] is not Kind.UNKNOWN for char in text)


@lru_cache(maxsize=1)
def prototypes() -> dict[int, str]:
    """For `str.translate`: what a character is drawn like, without its case (UTS 39 section 4; names.py, rule 9)."""
    table = {}
    for group in SKELETONS.split(";"):
        head, _, body = group.partition(":")
        target = "".join(chr(int(point, 36)) for point in head.split("."))
        for point in accumulate(int(number, 36) for number in body.split()):
            table[point] = target
    return table


_VISIBLE = frozenset({Kind.LETTER, Kind.DIGIT, Kind.SYMBOL})


def shown(char: str) -> str:
    """A character in a sentence: as itself if it is safe to print and stands alone, and by number if it is not ASCII.

    ``'!'``, ``'é' (U+00E9)``, ``U+200B``.
    """
    number = f"U+{ord(char):04X}"
    if describe(char)[0] not in _VISIBLE or category(char) == "Me":
        return number
    return f"'{char}'" if char.isascii() else f"'{char}' ({number})"
