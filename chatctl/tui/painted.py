"""A widget that paints rows itself: what most of the screen is made of."""

from __future__ import annotations

from rich.segment import Segment
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from chatctl.tui.drawing import bared
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

    def painted(self, y: int) -> Strip:
        """The row of that number, painted where it is not."""
        size = self.size
        if self._rows is None or self._painted_for != size:
            self._rows = self.paint(size.width, size.height) if size.width > 0 else []
            self._painted_for = size
        if y < len(self._rows):
            return self._rows[y]
        return Strip([Segment(" " * size.width, self.ink.plain)], size.width)

    def render_line(self, y: int) -> Strip:
        return self.painted(y)

    def render_lines(self, crop: Region) -> list[Strip]:
        return self.seen(super().render_lines(crop))

    def seen(self, rows: list[Strip]) -> list[Strip]:
        """Rows as they are while something lies over the screen, and else."""
        return rows if self.screen is self.app.screen else [bared(row) for row in rows]


class Bare(Painted):
    """One without border or padding, which is told no colours by the style sheet: its rows go to the screen as they
    are. That saves most of what drawing a screenful costs."""

    def render_lines(self, crop: Region) -> list[Strip]:
        rows = [self.painted(y) for y in crop.line_range]
        for line_filter in self.get_line_filters():
            rows = [row.apply_filter(line_filter, self.background_colors[1]) for row in rows]
        if crop.column_span != (0, self.size.width):
            rows = [row.crop(*crop.column_span) for row in rows]
        return self.seen(rows)
