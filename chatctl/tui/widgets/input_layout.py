"""Where the letters of the input stand: its wrapping, cursor and drawing by the program's own cell widths.

Textual counts code points by its own table. Terminals disagree with it about emoji joined by U+FE0F or skin tones, and
about spacing vowels, so the cursor stood beside the place where the next letter appeared.

Invariants:

- [same-width] Wrapping, cursor, mouse and drawing use :func:`clusters`, and nothing else, for the width of a text.
- [whole-clusters] A row ends, and the cursor stands, between grapheme clusters only.
- [own-piece] A cluster whose width terminals dispute is drawn as a piece of its own, which `cell_width` anchors. The
  letters behind it therefore stand in their columns on every terminal.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.document._document import Location
from textual.document._document_navigator import DocumentNavigator
from textual.document._wrapped_document import WrappedDocument
from textual.geometry import Offset

from chatctl.client.session.message_split import cluster_ends
from chatctl.tui.render.cell_width import is_disputed, is_sure, width_of
from chatctl.tui.render.emoji import TERMINAL, drawn


class Cluster(NamedTuple):
    """A grapheme cluster: from column `start` to `end` of its text, `width` cells."""

    start: int
    end: int
    width: int


def clusters(text: str) -> tuple[Cluster, ...]:
    """Return the clusters of `text` with their widths ([same-width])."""
    return _clusters(text, TERMINAL.joins)


@lru_cache(maxsize=256)
def _clusters(text: str, joins: bool) -> tuple[Cluster, ...]:
    if text.isascii():
        return tuple(Cluster(at, at + 1, 1) for at in range(len(text)))
    ends = range(1, len(text) + 1) if is_sure(text) else cluster_ends(text)
    found, start = [], 0
    for end in ends:
        found.append(Cluster(start, end, width_of(text[start:end])))
        start = end
    return tuple(found)


def cells(text: str) -> int:
    """Return the width of `text` in the input."""
    return len(text) if text.isascii() else sum(cluster.width for cluster in clusters(text))


def column_at(text: str, cell: int) -> int:
    """Return the column of the cluster that covers `cell`; the end of `text` for a cell behind it."""
    used = 0
    for cluster in clusters(text):
        used += cluster.width
        if used > cell:
            return cluster.start
    return len(text)


def wrap_offsets(text: str, width: int) -> list[int]:
    """Return the columns at which `text` is broken into rows of at most `width` cells, between words if possible."""
    return list(_wrap_offsets(text, width, TERMINAL.joins))


@lru_cache(maxsize=256)
def _wrap_offsets(text: str, width: int, joins: bool) -> tuple[int, ...]:
    offsets: list[int] = []
    used = 0
    for word in _words(text):
        size = sum(cluster.width for cluster in word)
        if used + size <= width:
            used += size
            continue
        if word[0].start:
            offsets.append(word[0].start)
        used = 0
        for cluster in word:  # one that is longer than a row takes several
            if used and used + cluster.width > width:
                offsets.append(cluster.start)
                used = 0
            used += cluster.width
    return tuple(offsets)


def _words(text: str) -> Iterator[list[Cluster]]:
    """Yield the words of `text`, each with the spaces behind it."""
    word: list[Cluster] = []
    after_space = False
    for cluster in clusters(text):
        is_space = text[cluster.start].isspace()
        if word and after_space and not is_space:
            yield word
            word = []
        word.append(cluster)
        after_space = is_space
    if word:
        yield word


def segments(text: str, styles: list[Style]) -> Iterator[Segment]:
    """Return `text` as it is drawn, with a style for each column ([own-piece])."""
    piece, piece_style = "", Style.null()
    for start, end, _ in clusters(text):
        cluster, style = text[start:end], styles[start]
        disputed = is_disputed(cluster)
        if piece and (disputed or style != piece_style):
            yield Segment(piece, piece_style)
            piece = ""
        if disputed:
            yield Segment(drawn(cluster), style)
        else:
            piece, piece_style = piece + drawn(cluster), style
    if piece:
        yield Segment(piece, piece_style)


class ClusterDocument(WrappedDocument):
    """A text, wrapped into rows of whole clusters."""

    def wrap(self, width: int, tab_width: int | None = None) -> None:
        """Wrap all lines at `width` cells; 0 wraps none."""
        super().wrap(0, tab_width)
        self._width = width
        if not width:
            return
        self._wrap_offsets = [wrap_offsets(line, width) for line in self.document.lines]
        self._offset_to_line_info = []
        self._line_index_to_offsets = []
        for index, offsets in enumerate(self._wrap_offsets):
            first = len(self._offset_to_line_info)
            count = len(offsets) + 1
            self._offset_to_line_info += [(index, section) for section in range(count)]
            self._line_index_to_offsets.append(list(range(first, first + count)))

    def wrap_range(self, start: Location, old_end: Location, new_end: Location) -> None:
        """Wrap again after an edit. The input is short, and lines that did not change are cached."""
        self.wrap(self._width)

    def offset_to_location(self, offset: Offset) -> Location:
        """Return the location at a place on the screen."""
        y = min(max(0, offset.y), len(self._offset_to_line_info) - 1)
        line, section = self._offset_to_line_info[y]
        return line, self.get_target_document_column(line, max(0, offset.x), section)

    def location_to_offset(self, location: Location) -> Offset:
        """Return the place on the screen of a location."""
        line, column = min(location[0], len(self._wrap_offsets) - 1), location[1]
        offsets = self.get_offsets(line)
        section = bisect_right(offsets, column)
        start = offsets[section - 1] if section else 0
        before = self.get_sections(line)[section][: column - start]
        return Offset(cells(before), self._line_index_to_offsets[line][section])

    def get_target_document_column(self, line_index: int, x_offset: int, y_offset: int) -> int:
        """Return the column of a line at cell `x_offset` of its row `y_offset`."""
        sections = self.get_sections(line_index)
        section = sections[y_offset]
        start = sum(map(len, sections[: y_offset % len(sections)]))
        column = column_at(section, x_offset)
        if column == len(section) and y_offset not in (len(sections) - 1, -1):
            column = clusters(section)[-1].start  # behind it begins the next row
        return start + column


class ClusterNavigator(DocumentNavigator):
    """Computes cursor movements."""

    def get_location_above(self, location: Location) -> Location:
        """Return the location one row up."""
        x, y = self._wrapped_document.location_to_offset(location)
        if y == 0:
            return 0, 0
        return self._wrapped_document.offset_to_location(Offset(max(x, self.last_x_offset), y - 1))

    def get_location_below(self, location: Location) -> Location:
        """Return the location one row down."""
        x, y = self._wrapped_document.location_to_offset(location)
        if y == self._wrapped_document.height - 1:
            return self._document.end
        return self._wrapped_document.offset_to_location(Offset(max(x, self.last_x_offset), y + 1))
