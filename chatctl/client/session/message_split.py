"""Splits long text into parts that each fit into a line.

Invariants:

- [bounded] A part has at most `limit` bytes of UTF-8. No character is ever cut.
- [at-spaces] Text is split at a space, which is dropped; a word longer than a line at the last whole grapheme cluster
  (one visible character: an accent stays on its letter, a family emoji stays together).
- [huge-clusters] Only a cluster that is itself longer than a line is split inside (some users pile up accents).
- [complete] The parts, in order, hold every character of the text except the spaces at the cuts. No part is blank.

Clusters follow Unicode's UAX #29 closely enough for chat: marks, joiners, variation selectors, skin tones, flags, tags,
conjoining Hangul. The few omitted Indic rules only affect how pretty a cut is.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

ZWJ = "\u200d"
MIN_PART_BYTES = 4
"""Bytes of the longest character: less would violate [bounded]."""

_L, _V, _T = range(0x1100, 0x1160), range(0x1160, 0x11A8), range(0x11A8, 0x1200)
_SYLLABLES = range(0xAC00, 0xD7A4)
_FLAGS = range(0x1F1E6, 0x1F200)
_SKIN = range(0x1F3FB, 0x1F400)
_TAGS = range(0xE0020, 0xE0080)


def split(text: str, limit: int) -> list[str]:
    """`text` in parts of at most `limit` bytes. Raises ValueError where `limit` is under 4."""
    if limit < MIN_PART_BYTES:
        raise ValueError(f"a line must have room for {MIN_PART_BYTES} bytes of text at least")
    parts: list[str] = []
    start = 0
    while start < len(text):
        # A character has a byte at least, so no more than this can fit; one more shows whether a cut is needed.
        head = text[start : start + limit + 1]
        cut = following = _fitting(head, limit)
        if cut < len(head):
            cut, following = _place(head, cut)
        part = head[:cut]
        start += following
        if part.strip():
            parts.append(part)
    return parts


def _fitting(text: str, limit: int) -> int:
    """Return how many characters of `text` fit into `limit` bytes."""
    if len(text) * 4 <= limit:
        return len(text)
    return len(text.encode()[:limit].decode(errors="ignore"))


def _place(text: str, fitting: int) -> tuple[int, int]:
    """Return where to cut `text`, of which the first `fitting` characters fit, and where the next part begins."""
    space = text.rfind(" ", 1, fitting + 1)
    if space > 0 and text[:space].strip():
        return space, space + 1
    cut = 0
    for end in cluster_ends(text, fitting):
        cut = end
    cut = cut or fitting
    return cut, cut


def cluster_ends(text: str, upto: int | None = None) -> Iterator[int]:
    """Yield where the clusters of `text` end, up to the place `upto` (None: all)."""
    upto = len(text) if upto is None else upto
    flags = 0
    for at in range(1, upto + 1):
        flags = flags + 1 if ord(text[at - 1]) in _FLAGS else 0
        if at == len(text) or not _joined(text[at - 1], text[at], flags):
            yield at


def _joined(before: str, after: str, flags: int) -> bool:
    """Return whether a cut between two characters is not allowed; `flags`: number of flag letters at the end of
    `before`."""
    a, b = ord(before), ord(after)
    if b < 0x300:
        return False
    if after == ZWJ or b in _SKIN or b in _TAGS or unicodedata.category(after)[0] == "M":
        return True
    if before == ZWJ:
        return unicodedata.category(after) == "So"
    if a in _FLAGS and b in _FLAGS:
        return flags % 2 == 1
    return _hangul(a, b)


def _hangul(a: int, b: int) -> bool:
    """Return whether two code points are parts of one syllable (UAX #29, GB6 to GB8)."""
    if b in _T:
        return a in _V or a in _T or a in _SYLLABLES
    if b in _V:
        return a in _L or a in _V or (a in _SYLLABLES and (a - _SYLLABLES.start) % 28 == 0)
    return a in _L and (b in _L or b in _SYLLABLES)
