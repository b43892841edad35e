"""A widget that paints rows itself: what most of the screen is made of."""

from __future__ import annotations

from rich.segment import Segment
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from chatctl.tui.look import DEFAULT, Ink, ink


class Painted(Widget):
    """:meth:`paint` gives the rows, for the size the widget has; they are asked for again after :meth:`repaint`."""

    can_focus = False
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.ink: Ink = ink(DEFAULT)
        self._rows: list[Strip] | None = None
        self._painted_for = Size(0, 0)

    def paint(self, width: int, height: int) -> list[Strip]:
        """At most `height` rows of `width` columns."""
        raise NotImplementedError

    def repaint(self) -> None:
        """Something that is shown has changed."""
        self._rows = None
        self.refresh()

    def wear(self, look: Ink) -> None:
        """Another look."""
        self.ink = look
        self.repaint()

    def render_line(self, y: int) -> Strip:
        size = self.size
        if self._rows is None or self._painted_for != size:
            self._rows = self.paint(size.width, size.height) if size.width > 0 else []
            self._painted_for = size
        if y < len(self._rows):
            return self._rows[y]
        return Strip([Segment(" " * size.width, self.ink.plain)], size.width)
