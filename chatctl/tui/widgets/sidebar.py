"""Rooms and private conversations, with unread counts."""

from __future__ import annotations

from textual import events
from textual.message import Message
from textual.strip import Strip

from chatctl.protocol.clean import clean
from chatctl.tui.model.buffers import HOME, Buffer, Buffers
from chatctl.tui.render.cell_width import Piece, strip, width_of
from chatctl.tui.render.rows import fitting, shortened
from chatctl.tui.widgets.base import Painted

_NUMBERED = 9
"""Places that Alt and a digit go to."""
_MAX_COUNT = 9999


def _few(count: int) -> str:
    """Return a count that leaves room for the name beside it."""
    return str(count) if count <= _MAX_COUNT else f"{_MAX_COUNT}+"


class Sidebar(Painted):
    """The list of buffers: ``▸1 #lobby    3`` marks the current one; digit, name, unread count (``@`` before
    mentions)."""

    class BufferChosen(Message):
        """The user clicked on a buffer."""

        def __init__(self, buffer: Buffer) -> None:
            super().__init__()
            self.buffer = buffer

    def __init__(self, buffers: Buffers, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.buffers = buffers
        self._first = 0
        self._followed: Buffer | None = None
        """The place that was scrolled to: only another one is scrolled to again, so that the wheel has its say."""

    def paint(self, width: int, height: int) -> list[Strip]:
        shown = self.buffers.ordered()
        current = shown.index(self.buffers.current) if self.buffers.current in shown else 0
        if self._followed is not self.buffers.current or self._painted_for.height != height:
            self._followed = self.buffers.current
            if not self._first <= current < self._first + height:
                self._first = current - height // 2
        self._first = max(0, min(self._first, len(shown) - height))
        return [
            self._row(buffer, number, width)
            for number, buffer in enumerate(shown[self._first : self._first + height], self._first + 1)
        ]

    def _row(self, buffer: Buffer, number: int, width: int) -> Strip:
        ink = self.ink
        looked_at = buffer is self.buffers.current
        count = f" @{_few(buffer.mentions)}" if buffer.mentions else f" {_few(buffer.unread)}" if buffer.unread else ""
        if count and buffer.log.unread_above and count[-1] != "+":
            count += "+"
        digit = f"{number} " if number <= _NUMBERED else "  "
        name = clean(buffer.name) if buffer.name != HOME else "server"
        room = width - 1 - len(digit) - len(count) - 1
        name = shortened(name, room)
        style = ink.bold if looked_at or buffer.unread else ink.plain
        if not buffer.joined or buffer.online is False:
            style = ink.quiet
        pieces: list[Piece] = [("▸" if looked_at else " ", ink.accent), (digit, ink.quiet), (name, style)]
        pieces.append((" " * max(0, room - width_of(name)), ink.plain))
        pieces.append((count, ink.mention if buffer.mentions else ink.bold))
        return strip(fitting(pieces, width), width, ink.plain)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self._first -= 3
        self.repaint()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self._first += 3
        self.repaint()

    def on_click(self, event: events.Click) -> None:
        shown = self.buffers.ordered()
        at = self._first + event.y
        if 0 <= at < len(shown):
            self.post_message(self.BufferChosen(shown[at]))
