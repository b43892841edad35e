"""Joins and parts while the client was disconnected, as the server plays them back
(ircv3.net/specs/extensions/chathistory, draft/event-playback).

Invariants:

- [only-missed] Only events between the last line received and the own JOIN: all others were seen live.
- [summarised] Events between two messages form one event, before the second: a night of joins is not a flood.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatctl.client import events as e
from chatctl.client.history.history_requests import past_events
from chatctl.client.session.query_types import PlaceHistory
from chatctl.protocol.message import Message

if TYPE_CHECKING:
    from chatctl.client.session.engine_port import EnginePort

_TOLD = frozenset({"JOIN", "PART", "QUIT", "KICK", "NICK", "TOPIC"})


def emit(state: EnginePort, place: PlaceHistory, room: str, run: list[Message]) -> None:
    """Tell what a page holds between two messages, and empty the list."""
    found: list[e.Event] = []
    for message in run:
        if message.command in _TOLD and "" < place.cut < message.tags.get("time", "") < place.back:
            found += past_events(state, message)
    place.cut = max([place.cut, *(message.tags.get("time", "") for message in run)]) if place.cut else ""
    run.clear()
    if found:
        state.emit(e.Missed(time=found[-1].time, room=room, events=tuple(found)))
