"""The messages of a buffer, drawn by line: only the visible part is rendered.

Invariants:

- [scroll-anchor] The position is the last row on the screen: a row of an item. Changes above or below do not move it.
  At the end it stays at the end.
- [constant-time] The time of an update depends on the height of the screen, never on the number of messages.
- [cached-rows] Rendered rows are cached: a message looks the same until it, the message it replies to, or the screen
  changes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip

from chatctl.tui.model.items import Item
from chatctl.tui.model.mentions import pattern
from chatctl.tui.model.message_log import MessageLog
from chatctl.tui.render import cell_width
from chatctl.tui.render import rows as drawing
from chatctl.tui.render.emoji import TERMINAL
from chatctl.tui.render.rows import RowContext
from chatctl.tui.widgets.base import BarePainted

_KEPT = 2000
_WHEEL = 3
_NEAR = 50
"""Items from the first one at which older ones are asked for."""


class MessageList(BarePainted):
    """The message list, which shows one log at a time."""

    class NearTop(Message):
        """Earlier messages are needed."""

    class NearBottom(Message):
        """Later messages are needed, in a view of the past."""

    class Moved(Message):
        """The wheel was turned."""

    class LinkClicked(Message):
        """The user clicked on a link."""

        def __init__(self, url: str) -> None:
            super().__init__()
            self.url = url

    def __init__(self, fold: Callable[[str], str], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.log_shown = MessageLog()
        self.me = ""
        self.marked: Item | None = None
        """A message that was jumped to."""
        self._fold = fold
        self._at: Item | None = None
        """The item of the last visible row; None: the end ([scroll-anchor])."""
        self._row = 0
        self._hint = 0
        self._length = 0
        self._positions: dict[int, tuple[MessageLog, Item | None, int]] = {}
        self._blocks: OrderedDict[int, tuple[Item, object, list[Strip]]] = OrderedDict()

    # Content.

    def show(self, log: MessageLog) -> None:
        """Show another log, at its last position."""
        if log is not self.log_shown:
            self._positions[id(self.log_shown)] = (self.log_shown, self._at, self._row)
            found = self._positions.pop(id(log), None)
            _, self._at, self._row = found if found is not None else (log, None, 0)
            if len(self._positions) > _KEPT:
                self._positions.clear()
            self.log_shown = log
            self.marked = None
        self.repaint()

    @property
    def below(self) -> int:
        """The number of messages below the visible part."""
        if self._at is None:
            return 0
        return len(self.log_shown.items) - 1 - self._index()

    def _around(self, width: int) -> RowContext:
        mention = pattern(self.me) if self.me else None
        return RowContext(self.ink, max(width, drawing.MIN_WIDTH), mention, self._fold, self.log_shown.find)

    def _block(self, at: int, around: RowContext) -> list[Strip]:
        """Return the rows of the item at `at`, with the day and the line of unread messages above it."""
        items = self.log_shown.items
        item = items[at]
        new_day = at == 0 or drawing.day_of(items[at - 1].time) != drawing.day_of(item.time)
        is_unread = self.log_shown.unread is item
        above = is_unread and self.log_shown.unread_above
        begins = at == 0 and self.log_shown.begins
        answered = around.find(item.reply) if item.reply is not None else None
        looks = (around.width, around.ink, around.mention, TERMINAL.joins)
        key = (
            item.version,
            answered and answered.version,
            looks,
            new_day,
            is_unread,
            above,
            begins,
            item is self.marked,
        )
        kept = self._blocks.get(id(item))
        if kept is not None and kept[0] is item and kept[1] == key:
            self._blocks.move_to_end(id(item))
            return kept[2]
        rows: list[Strip] = []
        if begins:
            rows.append(drawing.ruled("the beginning", around, around.ink.quiet))
        if new_day:
            rows.append(drawing.day_row(item.time, around))
        if is_unread:
            rows.append(drawing.unread_row(around, above=above))
        drawn = drawing.rows(item, around)
        rows += [row.apply_style(Style(reverse=True)) for row in drawn] if item is self.marked else drawn
        self._blocks[id(item)] = (item, key, rows)
        if len(self._blocks) > _KEPT:
            self._blocks.popitem(last=False)
        return rows

    def _index(self) -> int:
        """Return the index of the anchor item; insertions above and below have moved it."""
        items, item = self.log_shown.items, self._at
        if item is None:
            return len(items) - 1
        for hint in (self._hint, self._hint + len(items) - self._length):
            if 0 <= hint < len(items) and items[hint] is item:
                self._hint, self._length = hint, len(items)
                return hint
        found = self.log_shown.index(item)
        if found < 0:  # it is gone: items dropped at the beginning, or an own message that was removed
            self._at, found = None, len(items) - 1
        self._hint, self._length = found, len(items)
        return found

    def paint(self, width: int, height: int) -> list[Strip]:
        items = self.log_shown.items
        if not items:
            self._want_more()
            return []
        around = self._around(width)
        at = self._index()
        block = self._block(at, around)
        last = len(block) if self._at is None else min(self._row, len(block) - 1) + 1
        rows = block[:last]
        blocks = [rows]
        count = len(rows)
        while count < height and at > 0:
            at -= 1
            blocks.append(self._block(at, around))
            count += len(blocks[-1])
        rows = [row for block in reversed(blocks) for row in block][-height:]
        blank = cell_width.strip([], width, self.ink.plain)
        if at < _NEAR:
            self._want_more()
        if width < drawing.MIN_WIDTH:
            rows = [cell_width.bared(row).crop(0, width) for row in rows]
        return [blank] * (height - len(rows)) + rows

    def _want_more(self) -> None:
        if not self.log_shown.begins:
            # Later: a message posted during drawing counts as the screen's own, and would not bubble.
            self.call_later(lambda: self.post_message(self.NearTop()))

    # Moving.

    def move(self, by: int) -> None:
        """Scroll this many rows down (or, below 0, up)."""
        items = self.log_shown.items
        if not items or self.size.width <= 0:
            return
        around = self._around(self.size.width)
        at = self._index()
        block = self._block(at, around)
        row = (len(block) - 1 if self._at is None else min(self._row, len(block) - 1)) + by
        while row < 0 and at > 0:
            at -= 1
            row += len(self._block(at, around))
        while at < len(items) - 1 and row >= len(self._block(at, around)):
            row -= len(self._block(at, around))
            at += 1
        if by > 0 and at == len(items) - 1 and row >= len(self._block(at, around)) - 1:
            self.to_end()
            return
        self._set(at, max(0, row))
        self._keep_full(around)
        self.repaint()

    def _set(self, at: int, row: int) -> None:
        self._at = self.log_shown.items[at]
        self._row, self._hint, self._length = row, at, len(self.log_shown.items)

    def _keep_full(self, around: RowContext) -> None:
        """Keep the first row at or above the top of the screen."""
        height = self.size.height
        at = self._index()
        count = self._row + 1
        while count < height and at > 0:
            at -= 1
            count += len(self._block(at, around))
        missing = height - count
        if at > 0 or missing <= 0:
            return
        at, row = self._index(), self._row + missing
        items = self.log_shown.items
        while at < len(items) - 1 and row >= len(self._block(at, around)):
            row -= len(self._block(at, around))
            at += 1
        if at == len(items) - 1 and row >= len(self._block(at, around)) - 1:
            self._at = None
        else:
            self._set(at, row)

    def page(self, by: int) -> None:
        """Scroll a screenful up or down, less two rows."""
        self.move(by * max(1, self.size.height - 2))

    def to_end(self) -> None:
        """Scroll to the last message."""
        self._at = None
        if not self.log_shown.live:
            self.post_message(self.NearBottom())
        self.repaint()

    def to_item(self, item: Item) -> None:
        """Show an item in the middle, marked."""
        at = self.log_shown.index(item)
        if at < 0 or self.size.width <= 0:
            return
        self.marked = item
        self._set(at, 0)
        self.move(self.size.height // 2)
        self.repaint()

    # The mouse.

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.move(-_WHEEL)
        self.post_message(self.Moved())

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.move(_WHEEL)
        self.post_message(self.Moved())

    def on_click(self, event: events.Click) -> None:
        link = event.style.link if event.style is not None else None
        if link:
            self.post_message(self.LinkClicked(link))
