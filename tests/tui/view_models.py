"""A view model without a screen, and a client that records requests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from textual.strip import Strip

from chatctl.client import events as e
from chatctl.client.events.folding import fold_words
from chatctl.tui.model.buffers import Buffer
from chatctl.tui.model.view_model import ViewModel
from chatctl.tui.render.cell_width import text_of

NOW = datetime(2026, 11, 22, 15, 41, 13, tzinfo=UTC)


def plain_rows(strips: Iterable[Strip]) -> list[str]:
    """Rows as text, without the spaces at their ends."""
    return [text_of(row).rstrip() for row in strips]


class Speaker:
    """Records the requests to the client."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []

    def fold(self, name: str) -> str:
        return name.lower()

    def is_room(self, target: str) -> bool:
        return target.startswith("#")

    def look_back(
        self,
        target: str,
        which: Literal["BEFORE", "AFTER", "AROUND"],
        time: datetime,
        id: str | None = None,
        limit: int = 100,
    ) -> int:
        self.asked.append((which, target, id))
        return len(self.asked)

    def watch(self, name: str) -> None:
        self.asked.append(("WATCH", name))

    def mark_read(self, target: str, until: datetime | None) -> None:
        self.asked.append(("READ", target, until))


def said(text: str, room: str = "#lobby", name: str = "bob", seconds: int = 0, **more: object) -> e.RoomMessage:
    event = e.RoomMessage(time=NOW + timedelta(seconds=seconds), room=room, name=name, text=text)
    return replace(event, **more)  # type: ignore[arg-type]


class World:
    """Ann is in #lobby and #dev, and looks at #lobby."""

    def __init__(self) -> None:
        self.client = Speaker()
        self.model = ViewModel(self.client, "ann")
        self.model.going = "#lobby"
        self.handle(e.Connected(time=NOW, name="ann", server="s", network="net"))
        for room in ("#lobby", "#dev"):
            self.handle(e.Joined(time=NOW, room=room, name="ann", own=True))

    def handle(self, *events: e.Event) -> None:
        for event in events:
            self.model.event(event)

    def buffer(self, name: str) -> Buffer:
        found = self.model.buffers.get(name)
        assert found is not None
        return found

    def texts(self, name: str = "#lobby") -> list[str]:
        shown = self.buffer(name).shown
        return [
            item.text or fold_words(item.moves or []) for item in shown.items if not item.text.startswith("You are")
        ]


def page(number: int, *events: e.Event, ends: bool = False, failed: bool = False) -> e.HistoryReceived:
    return e.HistoryReceived(time=NOW, number=number, target="#lobby", events=events, ends=ends, failed=failed)
