"""What lies over the screen for a moment: keys, a question, a name to be given, a search."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from chatctl.protocol.clean import clean
from chatctl.tui import keys


class KeysOverlay(ModalScreen[None]):
    """All keys; any key closes it, but those that scroll."""

    def compose(self) -> ComposeResult:
        width = max(len(shown) for shown, _ in keys.help_rows())
        rows = [f"{shown:{width}}  {about}" for shown, about in keys.help_rows()]
        with VerticalScroll(classes="box") as box:
            box.border_title = "Keys"
            box.border_subtitle = "Esc closes"
            yield Static(Content("\n".join([*rows, "", *keys.ALSO])))

    def on_key(self, event: events.Key) -> None:
        if event.key not in ("up", "down", "pageup", "pagedown", "home", "end"):
            event.stop()
            self.dismiss(None)


class Question(ModalScreen[bool]):
    """A question that Enter answers with yes and Esc with no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("enter", "answer(True)"),
        ("escape", "answer(False)"),
        ("ctrl+c", "answer(False)"),
    ]

    def __init__(self, title: str, text: str, yes: str) -> None:
        super().__init__()
        self._title, self._text, self._yes = title, text, yes

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box") as box:
            box.border_title = Content(self._title)
            box.border_subtitle = Content(f"Enter: {self._yes} · Esc: no")
            yield Static(Content(self._text))

    def action_answer(self, answer: bool) -> None:
        """Done."""
        self.dismiss(answer)


class Asking(ModalScreen[str | None]):
    """One line to be typed: a name, a password. Esc gives None."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "give_up"), ("ctrl+c", "give_up"), ("ctrl+d", "give_up")]

    def __init__(self, title: str, text: str, *, offered: str = "", trouble: str = "", secret: bool = False) -> None:
        super().__init__()
        self._title, self._text, self._offered, self._trouble, self._secret = title, text, offered, trouble, secret

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content(self._title)
            box.border_subtitle = "Enter · Esc: leave"
            if self._trouble:
                yield Static(Content(clean(self._trouble)), classes="trouble")
            yield Static(Content(clean(self._text)))
            yield Input(value=self._offered, password=self._secret, compact=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        answer = event.value if self._secret else event.value.strip()
        if answer:
            self.dismiss(answer)

    def action_give_up(self) -> None:
        """No answer."""
        self.dismiss(None)
