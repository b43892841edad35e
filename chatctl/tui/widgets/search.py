"""Search in the history: words, a list of results, and one of them to go to."""

from __future__ import annotations

import time as clock
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widgets import Input

from chatctl.protocol.clean import clean
from chatctl.tui.model.items import Item
from chatctl.tui.model.page_items import PageItems
from chatctl.tui.render.cell_width import Piece, strip, width_of
from chatctl.tui.render.rows import shortened
from chatctl.tui.render.theme import ThemeStyles
from chatctl.tui.widgets.base import Overlay, Painted, ScrollBox, TextBlock
from chatctl.tui.widgets.input import DialogInput

Hit = tuple[str, Item]


class SearchHits(Painted):
    """The results, the latest first, one row each; one of them is selected."""

    class Clicked(Message):
        """The user clicked on a hit."""

    def __init__(self) -> None:
        super().__init__(id="hits")
        self.hits: list[Hit] = []
        self.at = 0

    def choose(self, by: int) -> None:
        """Choose the next result, or the one before."""
        self.at = max(0, min(len(self.hits) - 1, self.at + by))
        self.repaint()

    def paint(self, width: int, height: int) -> list[Strip]:
        first = max(0, min(self.at - height // 2, len(self.hits) - height))
        return [
            self._row(hit, number == self.at, width)
            for number, hit in enumerate(self.hits[first : first + height], first)
        ]

    def _row(self, hit: Hit, chosen: bool, width: int) -> Strip:
        where, item = hit
        ink = self.ink
        moment = clock.strftime("%d %b %H:%M", clock.localtime(item.time))
        lead = f"{'▸' if chosen else ' '}{moment} {clean(where)} "
        text = f"[{clean(item.name)}]: {clean(item.text)}"
        style = ink.chosen if chosen else ink.plain
        lead = shortened(lead, width)
        pieces: list[Piece] = [(lead, style if chosen else ink.quiet)]
        pieces.append((shortened(text, width - width_of(lead)), style))
        return strip(pieces, width, style)

    def on_click(self, event: events.Click) -> None:
        first = max(0, min(self.at - self.size.height // 2, len(self.hits) - self.size.height))
        if first + event.y < len(self.hits):
            self.at = first + event.y
            self.post_message(self.Clicked())


class SearchOverlay(Overlay[Hit | None]):
    """The search overlay; its result is the selected hit."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "close"), ("ctrl+c,ctrl+d", "close")]

    class Wanted(Message):
        """A request to search for a text."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, text: str, look: ThemeStyles) -> None:
        super().__init__()
        self._text = text
        self._asked = ""
        self.hits = SearchHits()
        self.hits.ink = look

    def compose(self) -> ComposeResult:
        with ScrollBox(classes="box", id="search", can_focus=False) as box:
            box.border_title = "Search"
            box.border_subtitle = "Enter: look, then go there · Esc closes"
            yield DialogInput(value=clean(self._text), placeholder="words, or from:ann tea", compact=True)
            yield TextBlock(id="found")
            yield self.hits

    def on_mount(self) -> None:
        if self._text:
            self._ask(self._text)

    def _ask(self, text: str) -> None:
        self._asked = text
        self.query_one("#found", TextBlock).say("Looking …")
        self.app.post_message(self.Wanted(text))

    def show(self, found: PageItems) -> None:
        """Show the results."""
        self.hits.hits = list(reversed(found.items))
        self.hits.at = 0
        self.hits.repaint()
        count = len(found.items)
        words = f"{count} found" if count else "Nothing found"
        if found.failed:
            words = "This server cannot be searched, or did not answer"
        self.query_one("#found", TextBlock).say(words)

    def on_key(self, event: events.Key) -> None:
        if event.key in ("up", "down"):
            event.stop()
            self.hits.choose(-1 if event.key == "up" else 1)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        text = event.value.strip()
        if text and text != self._asked:
            self._ask(text)
        elif self.hits.hits:
            self.done(self.hits.hits[self.hits.at])

    def on_search_hits_clicked(self) -> None:
        self.done(self.hits.hits[self.hits.at])

    def action_close(self) -> None:
        """Close the search without a choice."""
        self.done(None)


def parsed(text: str) -> tuple[str, str, str]:
    """``from:ann in:#dev tea`` as (words, room, name)."""
    words: list[str] = []
    room = name = ""
    for word in text.split():
        key, colon, value = word.partition(":")
        if colon and value and key == "from":
            name = value
        elif colon and value and key == "in":
            room = value
        else:
            words.append(word)
    return " ".join(words), room, name
