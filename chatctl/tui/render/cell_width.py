"""Rows that keep their columns, however wide a terminal draws a text.

Invariants:

- [widest] Terminals disagree: a spacing mark (category Mc: vowels of India's scripts and others) takes no column in one
  and one in the next; so do parts of Hangul, and characters newer than the terminal's Unicode. The widest is counted,
  so that no letter is pushed off its row.
- [anchored] A row with other characters than those of undisputed width is anchored: its cells are blanked first, and
  afterwards the cursor is placed at its end. So nothing to the right of it is moved (DECSC, DECRC and CUF, which all
  terminals know).
- [overlaid] A row that is partly covered cannot be anchored: then its disputed characters are drawn as dots.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from wcwidth import wcswidth, wcwidth

from chatctl.tui.render.emoji import FLAG_LETTERS, JOINED, TERMINAL, drawn

Piece = tuple[str, Style]

ISOLATE, END_ISOLATE = "\u2068", "\u2069"
_BARED = str.maketrans("", "", ISOLATE + END_ISOLATE)
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe\U00010800-\U00010fff\U0001e800-\U0001efff]")

# Latin, Greek, Cyrillic, Armenian; punctuation, arrows, frames; kana, Han and Hangul syllables.
_SURE = re.compile(
    "[ -~\xa1-\xac\xae-\u02ff\u0370-\u0482\u048a-\u0588\u1e00-\u1fff\u2010-\u2027\u2030-\u205e\u2190-\u21ff"
    "\u2500-\u259f\u3001-\u3029\u3041-\u3096\u30a1-\u30fe\u4e00-\u9fd5\uac00-\ud7a3\uff01-\uff5e]*"
)
_MARKS = re.compile(
    "[\u0903-\u1cff\u302e\u302f\ua823-\uabff\U00011000-\U00011fff\U00016100-\U00016fff\U0001d165-\U0001d172]"
)
"""The blocks that hold spacing marks, among others."""

_DOUBTFUL = re.compile(
    "[\u1160-\u11ff\ud7b0-\ud7ff\U0001f6d3-\U0001f6df\U0001f6f4-\U0001f6ff\U0001f7d5-\U0001f7ff\U0001f900-\U0001f90f"
    "\U0001f91f\U0001f928-\U0001f92f\U0001f931-\U0001f93f\U0001f94c-\U0001f94f\U0001f95f-\U0001f97f"
    "\U0001f992-\U0001f9bf\U0001f9c1-\U0001faff]"
)
"""Parts of Hangul, and emoji that came after Unicode 9."""

_SAVE, _RESTORE = "\x1b7", "\x1b8"


def width_of(text: str) -> int:
    """Return the columns that a text takes ([widest])."""
    if text.isascii():
        return len(text)
    text = drawn(text)
    width = wcswidth(text)
    if width < 0:
        return len(text)
    if _SURE.fullmatch(text):
        return width
    return max(width, sum(map(_alone, text)) if not (TERMINAL.joins and JOINED.search(text)) else 0)


@lru_cache(maxsize=4096)
def _alone(letter: str) -> int:
    """Return the width of a cluster in a terminal that adds up its characters."""
    if _is_mark(letter) or letter in FLAG_LETTERS:
        return 1
    return max(0, wcwidth(letter))


def _is_mark(letter: str) -> bool:
    return unicodedata.category(letter) == "Mc"


def is_sure(text: str) -> bool:
    """Return whether `text` holds nothing but letters of which all terminals think the same, each a cluster."""
    return _SURE.fullmatch(text) is not None


def is_disputed(cluster: str) -> bool:
    """Return whether terminals disagree about the width of a cluster ([widest])."""
    if _SURE.fullmatch(cluster):
        return False
    shown = drawn(cluster)
    return any(map(_is_mark, shown)) or bool(JOINED.search(shown) or _DOUBTFUL.search(shown) or FLAG_LETTERS & {*shown})


def strip(pieces: list[Piece], width: int, ground: Style) -> Strip:
    """Return a row of exactly `width` columns; `pieces` must fit."""
    pieces = [(drawn(text), style) for text, style in pieces]
    used = sum(width_of(text) for text, _ in pieces)
    row = "".join(text for text, _ in pieces)
    segments = _joined(pieces)
    if not row.isascii() and _RIGHT_TO_LEFT.search(row):
        segments = _isolated(segments)
    if used < width:
        segments.append(Segment(" " * (width - used), ground))
    return Strip(segments, width)


def _joined(pieces: list[Piece]) -> list[Segment]:
    """Return pieces as segments; those that look the same are one, so that words of one script stay together."""
    found: list[Segment] = []
    for text, style in pieces:
        if found and found[-1].style == style:
            found[-1] = Segment(found[-1].text + text, style)
        elif text:
            found.append(Segment(text, style))
    return found


def _isolated(segments: list[Segment]) -> list[Segment]:
    """Return each piece that holds right-to-left text between isolates, so that it moves nothing else."""
    found: list[Segment] = []
    for segment in segments:
        text, style, _ = segment
        if not _RIGHT_TO_LEFT.search(text):
            found.append(segment)
            continue
        bare = text.lstrip(" ")
        found.append(Segment(f"{' ' * (len(text) - len(bare))}{ISOLATE}{bare}{END_ISOLATE}", style))
    return found


class AnchoredStrip(Strip):
    """A strip that is drawn as [anchored] requires. Parts cut from it are ordinary strips. `apart`: the segments, each
    with its width."""

    def __init__(self, row: Strip, apart: Callable[[str], int] | None = None) -> None:
        super().__init__([*row], row.cell_length)
        self._apart = apart
        self._written: str | None = None

    def render(self, console: Console) -> str:
        if self._written is None:
            parts = [self] if self._apart is None else [Strip([segment]) for segment in self]
            self._written = "".join(self._anchored(part, console) for part in parts)
        return self._written

    def _anchored(self, part: Strip, console: Console) -> str:
        segments, ground = [*part], Style.null()
        text = "".join(segment.text for segment in segments)
        if _SURE.fullmatch(text):
            return Strip(segments).render(console)
        width = self.cell_length if self._apart is None else self._apart(text)
        while segments and not segments[-1].text.strip(" "):
            ground = segments.pop().style or ground
        blank = Strip([Segment(" " * width, ground)]).render(console)
        return f"{_SAVE}{blank}{_RESTORE}{Strip(segments).render(console)}{_RESTORE}\x1b[{width}C"


def kept(row: Strip, apart: Callable[[str], int] | None = None) -> Strip:
    """Return a row to write, anchored if necessary."""
    return row if all(_SURE.fullmatch(segment.text) for segment in row) else AnchoredStrip(row, apart)


def bared(row: Strip) -> Strip:
    """Return a row without isolates and disputed characters, for rows that are partly covered ([overlaid])."""
    if all(_SURE.fullmatch(segment.text) for segment in row):
        return row
    segments = [Segment(_dotted(segment.text.translate(_BARED)), segment.style) for segment in row]
    return Strip(segments, row.cell_length)


def _dotted(text: str) -> str:
    if not (_MARKS.search(text) or _DOUBTFUL.search(text)):
        return text
    return "".join(
        "·" if _is_mark(letter) else "·" * max(0, wcwidth(letter)) if _DOUBTFUL.match(letter) else letter
        for letter in text
    )


def text_of(row: Iterable[Segment]) -> str:
    """Return the text of a row."""
    return "".join(segment.text for segment in row)
