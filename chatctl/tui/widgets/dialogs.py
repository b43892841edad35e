"""Views over the screen: keys, a question, a name to enter, a search."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import wrap
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Input

from chatctl.protocol.clean import clean
from chatctl.tui import keys
from chatctl.tui.widgets.base import Overlay, ScrollBox, TextBlock
from chatctl.tui.widgets.input import DialogInput

Rows = list[tuple[str, str]]
_LEAST_ABOUT = 30
"""Minimum width of the right column; on a narrower screen it is placed below the left one."""


def in_columns(rows: Rows, width: int) -> str:
    """(what, about it) as lines of `width` columns."""
    left = max((len(what) for what, _ in rows), default=0) + 2
    beside = width - left >= _LEAST_ABOUT
    indent = " " * (left if beside else 2)
    lines: list[str] = []
    for what, about in rows:
        found = wrap(about, max(10, width - len(indent))) or [""]
        if beside:
            lines.append(f"{what:{left}}{found[0]}".rstrip())
        else:
            lines += [*wrap(what, max(10, width)), *([f"{indent}{found[0]}"] if about else [])]
        lines += [f"{indent}{line}" for line in found[1:]]
    return "\n".join(lines)


class _Columns(TextBlock):
    """Rows of two columns, laid out for the available width."""

    def __init__(self, rows: Rows, after: str) -> None:
        super().__init__()
        self._rows, self._after = rows, after

    def on_resize(self, event: events.Resize) -> None:
        after = "".join(f"\n\n{line}" for line in (self._after,) if line)
        self.say(f"{in_columns(self._rows, event.size.width)}{after}")


class TextOverlay(Overlay[None]):
    """A text to read; any key closes it except those that scroll."""

    def __init__(self, title: str, rows: Rows, after: str = "") -> None:
        super().__init__()
        self._title, self._shown, self._after = title, rows, after

    def compose(self) -> ComposeResult:
        with ScrollBox(classes="box wide") as box:
            box.border_title = self._title
            box.border_subtitle = "Up, Down · Esc closes"
            yield _Columns(self._shown, self._after)

    def on_mount(self) -> None:
        self.query_one(ScrollBox).focus()

    def on_key(self, event: events.Key) -> None:
        if event.key not in ("up", "down", "pageup", "pagedown", "home", "end"):
            event.stop()
            self.done(None)


class KeysOverlay(TextOverlay):
    """The table of all keys."""

    def __init__(self) -> None:
        super().__init__("Keys", keys.help_rows(), keys.ALSO)


class QuestionDialog(Overlay[bool]):
    """A question: Enter answers yes and Esc no. `careful`: only the key y answers yes, so that it is not answered by
    accident."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("enter", "pass_over"),
        ("y", "answer(True)"),
        ("n", "answer(False)"),
        ("escape", "answer(False)"),
        ("ctrl+c,ctrl+d", "answer(False)"),
    ]

    def __init__(self, title: str, text: str, yes: str, *, careful: bool = False) -> None:
        super().__init__()
        self._title, self._text, self._yes, self._careful = title, text, yes, careful

    def compose(self) -> ComposeResult:
        with ScrollBox(classes="box") as box:
            box.border_title = Content(self._title)
            box.border_subtitle = Content(f"{'y' if self._careful else 'Enter'}: {self._yes} · Esc: no")
            yield TextBlock(self._text)

    def action_pass_over(self) -> None:
        """Enter, which may have been typed ahead."""
        if not self._careful:
            self.done(True)

    def action_answer(self, answer: bool) -> None:
        """Done."""
        self.done(answer)


class ErrorDialog(Overlay[None]):
    """An error in place of a password prompt. Only Esc closes it: other keys may be a password typed ahead."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,ctrl+c,ctrl+d", "close")]

    def __init__(self, why: str) -> None:
        super().__init__()
        self._why = why

    def compose(self) -> ComposeResult:
        with ScrollBox(classes="box") as box:
            box.border_title = "No password is asked for"
            box.border_subtitle = "Esc: go on"
            yield TextBlock(clean(self._why))

    def action_close(self) -> None:
        """Go on."""
        self.done(None)


AGAIN = "The same password once more"
NOT_THE_SAME = "The two passwords are not the same"


class InputDialog(Overlay[str | None]):
    """A prompt for one line, such as a name or a password; `wanted` is its placeholder. Esc returns None.

    With `twice` the line is asked for again, in the same overlay: between two overlays keys go to the message line.
    `refuse` returns why the first answer is refused, or None.
    """

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "give_up"), ("ctrl+c", "give_up"), ("ctrl+d", "give_up")]

    def __init__(
        self,
        title: str,
        text: str,
        *,
        wanted: str = "password",
        offered: str = "",
        trouble: str = "",
        secret: bool = False,
        twice: bool = False,
        refuse: Callable[[str], str | None] = lambda answer: None,
        escape: str = "leave",
    ) -> None:
        super().__init__()
        self._twice, self._first, self._refuse = twice, "", refuse
        self._escape, self._wanted = escape, wanted
        self._title, self._text, self._offered, self._trouble, self._secret = title, text, offered, trouble, secret

    def compose(self) -> ComposeResult:
        with ScrollBox(classes="box", can_focus=False) as box:
            box.border_title = Content(self._title)
            box.border_subtitle = f"Enter: go on · Esc: {self._escape}"
            if self._trouble or self._twice:
                yield TextBlock(
                    clean(self._trouble), id="trouble", classes="trouble" if self._trouble else "trouble hidden"
                )
            yield TextBlock(clean(self._text))
            yield DialogInput(self._offered, self._wanted, password=self._secret, compact=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        answer = event.value if self._secret else event.value.strip()
        if answer and self._twice:
            self._answer_twice(answer)
        elif answer:
            self.done(answer)

    def _answer_twice(self, answer: str) -> None:
        """Ask for the same line once more, or begin again if it is another one."""
        if answer == self._first:
            self.done(answer)
            return
        trouble = NOT_THE_SAME if self._first else self._refuse(answer) or ""
        self._first = "" if self._first or trouble else answer
        self.query_one(DialogInput).clear()
        self.query_one(ScrollBox).border_title = Content(AGAIN if self._first else self._title)
        words = self.query_one("#trouble", TextBlock)
        words.say(trouble)
        words.set_class(not trouble, "hidden")

    def action_give_up(self) -> None:
        """Close the dialog without an answer."""
        self.done(None)
