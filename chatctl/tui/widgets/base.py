"""A widget that paints rows itself: what most of the screen is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Region, Size
from textual.screen import ModalScreen, ScreenResultType
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from chatctl.tui.render.cell_width import bared, kept, width_of
from chatctl.tui.render.emoji import drawn
from chatctl.tui.render.theme import DEFAULT, ThemeStyles, ink

if TYPE_CHECKING:
    _Beside = Widget
else:  # Textual takes styles and keys from the first of a widget's parents alone
    _Beside = object


class CachedLines(_Beside):
    """A mixin for Textual's widgets that keeps rows in their columns (:mod:`chatctl.tui.render.cell_width`)."""

    APART = False
    """Whether each part of a row does: a frame, and the title in it."""

    def render_lines(self, crop: Region) -> list[Strip]:
        return as_written(self, super().render_lines(crop), cell_len if self.APART else None)


def as_written(widget: Widget, rows: list[Strip], apart: Callable[[str], int] | None) -> list[Strip]:
    """Return rows as they go to the terminal."""
    if widget.screen is not widget.app.screen:
        return [bared(row) for row in rows]
    return [kept(row, apart) for row in rows]


class TextBlock(CachedLines, Static):
    """A text without markup."""

    def __init__(self, text: str = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(Content(drawn(text)), id=id, classes=classes)

    def say(self, text: str) -> None:
        """Set the text."""
        self.update(Content(drawn(text)))


class ScrollBox(CachedLines, VerticalScroll):
    """The frame of an overlay."""

    APART = True


class Painted(Widget):
    """A widget that paints rows. :meth:`paint` returns them for the current size; :meth:`repaint` invalidates them."""

    can_focus = False
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.ink: ThemeStyles = ink(DEFAULT)
        self._rows: list[Strip] | None = None
        self._painted_for = Size(0, 0)

    def paint(self, width: int, height: int) -> list[Strip]:
        """At most `height` rows of `width` columns."""
        raise NotImplementedError

    def repaint(self) -> None:
        """Paint again, because the content has changed."""
        self._rows = None
        self.refresh()

    def wear(self, look: ThemeStyles) -> None:
        """Set the palette."""
        self.ink = look
        self.repaint()

    def painted(self, y: int) -> Strip:
        """Return the row of that number; paint it if necessary."""
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
        return as_written(self, super().render_lines(crop), width_of)


class BarePainted(Painted):
    """A painted widget without border, padding or style sheet colours: its rows go to the screen as they
    are. That saves most of what drawing a screenful costs."""

    def render_lines(self, crop: Region) -> list[Strip]:
        rows = [self.painted(y) for y in crop.line_range]
        for line_filter in self.get_line_filters():
            rows = [row.apply_filter(line_filter, self.background_colors[1]) for row in rows]
        if crop.column_span != (0, self.size.width):
            rows = [row.crop(*crop.column_span) for row in rows]
        return as_written(self, rows, None)


class Overlay(ModalScreen[ScreenResultType]):
    """A view that covers the screen until it is :meth:`done`."""

    _is_done = False

    def done(self, result: ScreenResultType) -> None:
        """Close, with this answer. Keys that were pressed meanwhile may say so once more: the first one counts."""
        if not self._is_done:
            self._is_done = True
            self.dismiss(result)
