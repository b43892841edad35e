"""The input: one line, or several.

Invariants:

- [enter-sends] Enter sends; Alt-Enter, Shift-Enter (if the terminal reports it) and Ctrl-J begin a new line.
- [input-history] Up on the first line and Down on the last go through earlier input; the unsent text comes back.
- [paste-asks] Pasted lines are not sent at once: the screen asks first.
- [deaf] While :attr:`MessageInput.deaf`, keys and pastes are dropped: they were meant for a question that has just been
  answered, and may be a password typed again. A line that is being dropped is dropped up to its Enter, or to a pause.
- [clean-paste] Text of a clipboard or an editor is cleaned: it may come from a malicious page.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.content import Content
from textual.document._document import Location
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widgets import Input, TextArea

from chatctl.client.session.message_split import cluster_ends
from chatctl.protocol.clean import clean
from chatctl.tui.render.cell_width import width_of
from chatctl.tui.render.rows import shortened
from chatctl.tui.widgets.base import CachedLines, as_written
from chatctl.tui.widgets.completion import Completion
from chatctl.tui.widgets.input_layout import ClusterDocument, ClusterNavigator, cells, segments

_NEW_LINE = ("alt+enter", "shift+enter", "ctrl+j")
_MAX_REMEMBERED = 500
_TAB = 4
_PAUSE_SECONDS = 1.0
"""A pause after which a key is not the continuation of a line that is being dropped."""
LONG = 4000
"""Characters that are pasted into the line at most: each key would wait for all of them to be wrapped again."""


def plain(text: str) -> str:
    """Return lines without control and hidden characters ([clean-paste])."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(clean(line.expandtabs(_TAB)) for line in lines)


async def run_binding(widget: Input | TextArea, event: events.Key) -> bool:
    """Do at once what a key is bound to here. Textual does it when the key has come back to the application: by then
    later letters of the same burst have been written."""
    bound = widget._bindings.key_to_bindings.get(event.key)
    if not bound:
        return False
    event.stop()
    event.prevent_default()
    await widget.run_action(bound[0].action)
    return True


class DialogInput(CachedLines, Input):
    """A one-line input in a dialog ([clean-paste]). Ctrl-C closes the dialog instead of copying as in Textual's own."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._bindings.key_to_bindings.pop("ctrl+c", None)

    async def _on_key(self, event: events.Key) -> None:
        if not await run_binding(self, event):
            await super()._on_key(event)

    def _on_paste(self, event: events.Paste) -> None:
        if not self.password:
            event.text = plain(event.text[:LONG])
        event.prevent_default()  # Textual would call the method of the base class once more
        super()._on_paste(event)

    def action_delete_left_all(self) -> None:
        """Ctrl-U: clear the whole field."""
        self.clear()

    def action_delete_left(self) -> None:
        """Delete one grapheme cluster, or the selection."""
        if self.selection.is_empty:
            self.replace("", cluster_start(self.value, self.cursor_position), self.cursor_position)
        else:
            self.delete_selection()

    def action_delete_right(self) -> None:
        """Delete the grapheme cluster after the cursor."""
        if self.selection.is_empty:
            self.delete(self.cursor_position, cluster_end(self.value, self.cursor_position))
        else:
            self.delete_selection()


def cluster_start(text: str, at: int) -> int:
    """Return where the grapheme cluster (an emoji, a letter with its accents) that ends at `at` begins."""
    return max((end for end in cluster_ends(text[:at]) if end < at), default=0)


def cluster_end(text: str, at: int) -> int:
    """Return where the grapheme cluster that begins at `at` ends."""
    return at + next(iter(cluster_ends(text[at:])), 0)


class MessageInput(TextArea):
    """The input, laid out by :mod:`chatctl.tui.widgets.input_layout`.

    Args:
        completing: returns what Tab may make of the text before the cursor.
        typed: gets the text that was entered.
    """

    class Pasted(Message):
        """Several lines were pasted, or one that is very long."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Escaped(Message):
        """Escape was pressed."""

    def __init__(
        self, completing: Callable[[str], Completion], slash_adapter: Callable[[str], None], *, id: str | None = None
    ) -> None:
        super().__init__(
            id=id,
            compact=True,
            highlight_cursor_line=False,
            show_line_numbers=False,
            soft_wrap=True,
            max_checkpoints=200,
        )
        self.deaf = False
        """Whether keys and pastes are dropped ([deaf])."""
        self._dropped_at: float | None = None
        """When the last key of a line was dropped that has not ended."""
        self._hears_soon = False
        """Whether keys are to be taken again after the line that is being dropped."""
        self._completing = completing
        self._typed = slash_adapter
        self._said: list[str] = []
        self._at = 0
        self._draft = ""
        self._where = ""
        self._cycle: tuple[str, Completion, int] | None = None

    # Layout.

    def _set_document(self, text: str, language: str | None) -> None:
        super()._set_document(text, language)
        self.wrapped_document = ClusterDocument(self.document, tab_width=self.indent_width)
        self.navigator = ClusterNavigator(self.wrapped_document)
        self.wrap_again()

    def wrap_again(self) -> None:
        """Lay the text out again, because the widths of letters have changed."""
        self._rewrap_and_refresh_virtual_size()
        self._cursor_offset = self.wrapped_document.location_to_offset(self.cursor_location)
        self.refresh()
        if self.has_focus:
            self.app.cursor_position = self.cursor_screen_offset

    def get_column_width(self, row: int, column: int) -> int:
        """Return the width of a line up to a column."""
        return cells(self.document[row][:column])

    def render_lines(self, crop: Region) -> list[Strip]:
        return as_written(self, super().render_lines(crop), width_of)

    def _render_line(self, y: int) -> Strip:
        theme = self._theme
        base = theme.base_style if theme and theme.base_style is not None else self.rich_style
        at = y + self.scroll_offset.y
        if at >= self.wrapped_document.height:
            return Strip.blank(self.size.width, base)
        row, section = self.wrapped_document._offset_to_line_info[at]
        text = self.wrapped_document.get_sections(row)[section].replace("\t", " ")
        first = sum(self.wrapped_document.get_offsets(row)[section - 1 : section])
        is_last = section == len(self.wrapped_document.get_offsets(row))
        styles = [self._style_at((row, first + column), base) for column in range(len(text) + is_last)]
        drawn = [*segments(text, styles), *([Segment(" ", styles[-1])] if is_last else [])]
        width = cells(text) + is_last
        return Strip(drawn, width).extend_cell_length(self.scrollable_content_region.width, base)

    def _style_at(self, location: Location, base: Style) -> Style:
        """Return the style of a letter: selected, of a pair of brackets, under the cursor."""
        theme, end = self._theme, self.selection.end
        low, high = sorted(self.selection)
        bracket = self._matching_bracket_location
        if theme is None:
            return base
        if low <= location < high:
            base += theme.selection_style
        if bracket is not None and low == high and location in (bracket, end):
            base += theme.bracket_matching_style
        return base + theme.cursor_style if location == end and self._draw_cursor else base

    # Keys and pastes.

    async def _on_key(self, event: events.Key) -> None:
        if self.deaf and self._drops(event):
            event.stop()
            event.prevent_default()
            return
        handler = _KEYS.get(event.key)
        if handler is not None and handler(self):
            event.stop()
            event.prevent_default()
            return
        if event.key != "tab":
            self._cycle = None
        if not await run_binding(self, event):
            await super()._on_key(event)

    async def _on_paste(self, event: events.Paste) -> None:
        if self.deaf:
            event.stop()
            event.prevent_default()
            return
        text = plain(event.text)
        if "\n" in text.strip("\n") or len(text) > LONG:
            event.stop()
            event.prevent_default()
            self.post_message(self.Pasted(text.strip("\n")))
            return
        event.text = text.strip("\n")
        event.prevent_default()  # Textual would call the method of the base class once more
        await super()._on_paste(event)

    def listen(self, mid_line: bool = False) -> None:
        """Take keys again, after those that are queued ([deaf]). `mid_line`: some were dropped before, and their line
        has not ended."""

        def hear() -> None:
            if mid_line:
                self._dropped_at = monotonic()
            self.deaf, self._hears_soon = self._dropped_at is not None, True

        self.call_later(hear)

    def _drops(self, event: events.Key) -> bool:
        """Return whether a key is dropped ([deaf])."""
        ended, now = event.key == "enter", monotonic()
        paused = self._dropped_at is not None and now - self._dropped_at > _PAUSE_SECONDS
        self._dropped_at = None if ended else now
        if self._hears_soon and (ended or paused):
            self.deaf, self._dropped_at = False, None
            return not paused
        return True

    def ignore(self) -> None:
        """Drop keys until :meth:`listen`."""
        self.deaf, self._hears_soon, self._dropped_at = True, False, None

    def get_cursor_left_location(self) -> tuple[int, int]:
        """Return the position one step to the left: before a whole grapheme cluster."""
        row, column = self.cursor_location
        if not column:
            return super().get_cursor_left_location()
        return row, cluster_start(self.document.get_line(row), column)

    def get_cursor_right_location(self) -> tuple[int, int]:
        """Return where the grapheme cluster right of the cursor ends."""
        row, column = self.cursor_location
        line = self.document.get_line(row)
        if column >= len(line):
            return super().get_cursor_right_location()
        return row, cluster_end(line, column)

    def write(self, text: str) -> None:
        """Set the text, with the cursor at its end."""
        self.load_text(plain(text))
        self.move_cursor(self.document.end)

    def invite(self, where: str) -> None:
        """Show the recipient while the input is empty."""
        self._where = where
        words = shortened(f"write to {where}", self.size.width - 1) if where else ""
        if str(self.placeholder) != words:
            self.placeholder = Content(words)

    def on_resize(self) -> None:
        self.invite(self._where)

    # Keys: whether the key was taken.

    def _enter(self) -> bool:
        text = self.text
        self._cycle = None
        self.remember(text)
        self.load_text("")
        self._typed(text)  # at once: the next key may be here already, and belongs where this one leads
        return True

    def remember(self, text: str) -> None:
        """Remember a line for Up ([input-history])."""
        if text.strip() and len(text) <= 5 * LONG and self._said[-1:] != [text]:
            self._said.append(text)
            del self._said[:-_MAX_REMEMBERED]
        self._at = len(self._said)

    def _new_line(self) -> bool:
        self.insert("\n")
        return True

    def _up(self) -> bool:
        if self.wrapped_document.location_to_offset(self.cursor_location).y > 0:
            return False
        return self._recall(-1)

    def _down(self) -> bool:
        if self.wrapped_document.location_to_offset(self.cursor_location).y < self.wrapped_document.height - 1:
            return False
        return self._recall(1)

    def _recall(self, by: int) -> bool:
        at = self._at + by
        if not 0 <= at <= len(self._said):
            return True
        if self._at == len(self._said):
            self._draft = self.text
        self._at = at
        self.write(self._said[at] if at < len(self._said) else self._draft)
        return True

    def _tab(self) -> bool:
        row, column = self.cursor_location
        before = self.document.get_line(row)[:column]
        if self._cycle is not None and self._cycle[0] == before:
            _, found, number = self._cycle
            number += 1
        else:
            found, number = self._completing(before if row == 0 else f" {before}"), 0
            if row:
                found = Completion(found.start - 1, found.words)
        if not found.words:
            return True
        word = found.words[number % len(found.words)]
        result = self.replace(word, (row, found.start), (row, column))
        self.move_cursor(result.end_location)
        self._cycle = (f"{before[: found.start]}{word}", found, number)
        return True

    def _clear(self) -> bool:
        self.replace("", (0, 0), self.document.end)  # an edit, so that it can be undone
        return True

    def _escape(self) -> bool:
        self.post_message(self.Escaped())
        return True


_KEYS: dict[str, Callable[[MessageInput], bool]] = {
    "enter": MessageInput._enter,
    **dict.fromkeys(_NEW_LINE, MessageInput._new_line),
    "up": MessageInput._up,
    "down": MessageInput._down,
    "tab": MessageInput._tab,
    "shift+tab": lambda _: True,
    "escape": MessageInput._escape,
    "ctrl+u": MessageInput._clear,
}
