"""Renders items as rows of a given width.

Invariants:

- [message-row] A message is ``12:41 [ann]: text``; the rest continues below, indented two columns more than the name.
- [marks] Between time and name there is a mark if it concerns us (``»``), or if it is not delivered (``…`` is pending,
  ``!`` has failed).
- [whole-words] Words are kept whole if they fit into a row; nothing is cut off.
- [own-columns] A row does not shift its neighbours (`cell_width`); sequences of disputed width are drawn in parts
  (:mod:`chatctl.tui.render.emoji`).
"""

from __future__ import annotations

import re
import time as clock
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

from rich.style import Style
from textual.strip import Strip

from chatctl.client.events.folding import fold_words
from chatctl.client.events.sentences import audience_words
from chatctl.client.session.message_split import cluster_ends
from chatctl.protocol.clean import clean
from chatctl.tui.model.items import Item
from chatctl.tui.render.cell_width import Piece, strip, width_of
from chatctl.tui.render.emoji import drawn
from chatctl.tui.render.runs import PLAIN, RunStyle, runs
from chatctl.tui.render.theme import ThemeStyles

TIME_WIDTH = 6
MIN_WIDTH = 20
"""Minimum width that is rendered; a narrower screen shows a part of the rows."""

_HANG = 2
_SNIPPET = 60
_MARKS = {True: "»", False: " "}
_MIN_START = 4
"""Columns that must be left on a row for the beginning of a word that goes on below."""
_WIDE = (
    "\u2e80-\u2fff\u3001-\u30ff\u3100-\u312f\u31a0-\u31bf"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uffef\U00020000-\U0003ffff"
)
"""Ideographs, kana and their punctuation, which are written without spaces and broken anywhere. Hangul has spaces."""
_WORDS = re.compile(f" +|[{_WIDE}]+|[^ {_WIDE}]+")
_IDEOGRAPH = re.compile(f"[{_WIDE}]")
_NO_START = frozenset("、。，．！？；：）」』】〉》〕］｝ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ")
"""Characters that must not begin a row (kinsoku)."""


@dataclass(frozen=True, slots=True)
class RowContext:
    """The context for rendering an item."""

    ink: ThemeStyles
    width: int
    mention: re.Pattern[str] | None
    fold: Callable[[str], str]
    find: Callable[[str], Item | None]
    """A message by its id: what a reply answers."""


def wrapped(pieces: list[Piece], first: int, rest: int) -> list[list[Piece]]:
    """Split into rows of at most `first` (the first one) and `rest` columns, at spaces ([whole-words])."""
    rows: list[list[Piece]] = [[]]
    room = first
    for text, style in pieces:
        for word in _WORDS.findall(drawn(text)):
            width = width_of(word)
            if width > room and word[0] == " ":
                if rows[-1] or len(rows) == 1:
                    rows.append([])
                    room = rest
                continue
            if width > room and (rows[-1] and room < rest) and not _starts_here(word, width, room, rest):
                _trim(rows[-1])
                rows.append([])
                room = rest
            while width > room:
                head, word = _cut(word, room)  # noqa: PLW2901  # the rest of a word that is longer than a row
                rows[-1].append((head, style))
                rows.append([])
                room, width = rest, width_of(word)
            if word:
                rows[-1].append((word, style))
                room -= width
    if len(rows) > 1 and not rows[-1]:
        rows.pop()
    return rows


def _starts_here(word: str, width: int, room: int, rest: int) -> bool:
    """Return whether a word that does not fit on its row begins there, because it can or must be broken."""
    return room >= _MIN_START and (width > rest or _IDEOGRAPH.match(word) is not None)


def _trim(row: list[Piece]) -> None:
    """Spaces at the end of a row go."""
    while row and not row[-1][0].strip():
        row.pop()


def _cut(word: str, room: int) -> tuple[str, str]:
    """Split a word; the first part is at most `room` columns wide, and no grapheme cluster is cut."""
    room = max(1, room)
    if word.isascii():
        return word[:room], word[room:]
    last = 0
    for end in cluster_ends(word):
        if width_of(word[:end]) > room:
            break
        last = end
    if not last:  # one cluster that is wider than a row
        last = max(1, bisect_right(range(1, len(word)), room, key=lambda at: width_of(word[:at])))
    if word[last : last + 1] in _NO_START and word[last:]:
        ends = [0, *(end for end in cluster_ends(word[:last]) if end < last)]
        last = ends[-1] if _IDEOGRAPH.match(word[ends[-1] : last]) and ends[-1] else last
    return word[:last], word[last:]


def style_of(look: RunStyle, ink: ThemeStyles, base: Style) -> Style:
    """Return the style of a run."""
    if look is PLAIN:
        return base
    style = base
    if look.colour is not None:
        style += ink.irc[look.colour]
    if look.code:
        style += ink.code
    if look.mention:
        style += ink.mention
    return style + Style(
        bold=look.bold or None, italic=look.italic or None, underline=look.underline or None,
        strike=look.strike or None, reverse=look.reverse or None, link=look.link or None,
    )  # fmt: skip


def rows(item: Item, around: RowContext) -> list[Strip]:
    """Return an item as rows."""
    return _DRAWERS.get(item.kind, _said)(item, around)


def _said(item: Item, around: RowContext) -> list[Strip]:
    ink = around.ink
    base = ink.quiet if item.ticket or item.kind == "notice" else ink.plain
    name = clean(item.name)
    name_style = ink.name(around.fold(item.name))
    only = [(f" -> {clean(audience_words(item.audience))}", ink.quiet)] if item.audience else []
    if item.kind == "action":
        lead: list[Piece] = [("* ", ink.quiet), (name, name_style), *only, (" ", base)]
    else:
        notice = [(" (notice)", ink.quiet)] if item.kind == "notice" else []
        lead = [("[", ink.quiet), (name, name_style), *only, *notice, ("]: ", ink.quiet)]
    drawn = _reply_rows(item, around)
    if item.deleted:
        by = "" if around.fold(item.deleted) == around.fold(item.name) else f" by {clean(item.deleted)}"
        drawn += _body([*lead, (f"deleted{by}", ink.quiet + Style(italic=True))], item, around)
        return drawn
    for number, line in enumerate(item.text.split("\n")):
        pieces = [(text, style_of(look, ink, base)) for text, look in runs(line, around.mention)]
        drawn += _body([*lead, *pieces], item, around) if number == 0 else _more(pieces, around)
    if item.problem:
        drawn += _more([(f"not delivered: {clean(item.problem)} ", ink.trouble), ("(/resend)", ink.quiet)], around)
    if item.reactions:
        shown = [
            f"{clean(reaction)} {len(who)}" if len(who) > 1 else f"{clean(reaction)} {clean(who[0])}"
            for reaction, who in item.reactions.items()
        ]
        drawn += _more([("  ".join(shown), ink.quiet)], around)
    return drawn


def _reply_rows(item: Item, around: RowContext) -> list[Strip]:
    """Return the row with the message that is replied to."""
    if item.reply is None:
        return []
    answered = around.find(item.reply)
    if answered is None:
        return []
    ink = around.ink
    room = around.width - TIME_WIDTH - 2
    text = "deleted" if answered.deleted else clean(answered.text.split("\n")[0])
    snippet = f"{clean(answered.name)}: {text}"
    limit = min(room, _SNIPPET)
    if width_of(snippet) > limit:
        snippet = _cut(snippet, max(1, limit - 1))[0] + "…"
    pieces = [(" " * TIME_WIDTH, ink.plain), ("┌ ", ink.quiet), (snippet, ink.quiet)]
    return [strip(pieces, around.width, ink.plain)]


def _body(pieces: list[Piece], item: Item, around: RowContext) -> list[Strip]:
    """Return a message's first line, with its time and mark."""
    ink, width = around.ink, around.width
    if item.problem:
        mark: Piece = ("!", ink.trouble + Style(bold=True))
    elif item.ticket:
        mark = ("…", ink.quiet)
    else:
        mark = (_MARKS[item.mention], ink.mention)
    hang = TIME_WIDTH + _HANG
    found = wrapped(pieces, width - TIME_WIDTH, width - hang)
    first: list[Piece] = [(clock.strftime("%H:%M", clock.localtime(item.time)), ink.quiet), mark, *found[0]]
    return [strip(first, width, ink.plain), *(_indented(row, hang, around) for row in found[1:])]


def _more(pieces: list[Piece], around: RowContext) -> list[Strip]:
    hang = TIME_WIDTH + _HANG
    found = wrapped(pieces, around.width - hang, around.width - hang)
    return [_indented(row, hang, around) for row in found]


def _indented(row: list[Piece], by: int, around: RowContext) -> Strip:
    return strip([(" " * by, around.ink.plain), *row], around.width, around.ink.plain)


def _fold(item: Item, around: RowContext) -> list[Strip]:
    return _quiet(clean(fold_words(item.moves or [])), "·", around, around.ink.quiet, item)


def _news(item: Item, around: RowContext) -> list[Strip]:
    return _quiet(clean(item.text), "·", around, around.ink.quiet, item)


def _trouble(item: Item, around: RowContext) -> list[Strip]:
    return _quiet(clean(item.text), "!", around, around.ink.trouble, item)


def _quiet(text: str, sign: str, around: RowContext, style: Style, item: Item) -> list[Strip]:
    ink, width = around.ink, around.width
    found = wrapped([(text, style)], width - TIME_WIDTH - _HANG, width - TIME_WIDTH - _HANG)
    time = clock.strftime("%H:%M", clock.localtime(item.time))
    first: list[Piece] = [(f"{time} ", ink.quiet), (f"{sign} ", style), *found[0]]
    return [strip(first, width, ink.plain), *(_indented(row, TIME_WIDTH + _HANG, around) for row in found[1:])]


_DRAWERS: dict[str, Callable[[Item, RowContext], list[Strip]]] = {"fold": _fold, "news": _news, "trouble": _trouble}


def day_of(time: float) -> tuple[int, int]:
    """Return the year and the day of the year, in local time."""
    local = clock.localtime(time)
    return local.tm_year, local.tm_yday


def day_row(time: float, around: RowContext) -> Strip:
    """``──── Sunday, 22 November 2026 ────``"""
    local = clock.localtime(time)
    text = f"{clock.strftime('%A', local)}, {local.tm_mday} {clock.strftime('%B %Y', local)}"
    return ruled(text, around, around.ink.quiet)


def unread_row(around: RowContext, *, above: bool = False) -> Strip:
    """Return the unread marker; `above`: there are more unread messages, which scrolling up loads."""
    return ruled("new, and more above" if above else "new", around, around.ink.mention)


def ruled(text: str, around: RowContext, style: Style) -> Strip:
    """Return a horizontal line with words in it."""
    text = f" {text} " if width_of(text) + 2 <= around.width else ""
    left = min(TIME_WIDTH + _HANG, max(0, around.width - width_of(text)))
    right = max(0, around.width - left - width_of(text))
    return strip([("─" * left, around.ink.line), (text, style), ("─" * right, around.ink.line)], around.width, style)


def shortened(text: str, room: int) -> str:
    """Shorten `text` to at most `room` columns; ``…`` stands for the rest. For names and titles, never for messages."""
    if width_of(text) <= room:
        return text
    text = drawn(text)
    if room <= 1:
        return "…"[: max(0, room)]
    head = _cut(text, room - 1)[0]
    return f"{head if width_of(head) < room else ''}…"


def fitting(pieces: list[Piece], width: int) -> list[Piece]:
    """Return pieces of a title or a list, shortened at the right edge."""
    found: list[Piece] = []
    for text, style in pieces:
        kept = shortened(text, width)
        found.append((kept, style))
        width -= width_of(kept)
    return found
