"""Who came and left while we were cut off, as the server plays it back (ircv3.net/specs/extensions/chathistory,
draft/event-playback).

The rules of this file:

1. Only what happened after the last line we had, and before we were back in the room: the rest was seen as it happened.
2. What stands between two messages is told as one, before the second: a night's coming and going is no flood.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatctl.client import events as e
from chatctl.client.history.history_requests import past_events
from chatctl.client.session.query_types import Place
from chatctl.protocol.message import Message

if TYPE_CHECKING:
    from chatctl.client.engine import State

_TOLD = frozenset({"JOIN", "PART", "QUIT", "KICK", "NICK", "TOPIC"})


def tell(state: State, place: Place, room: str, run: list[Message]) -> None:
    """Tell what a page holds between two messages, and empty the list."""
    found: list[e.Event] = []
    for message in run:
        if message.command in _TOLD and "" < place.cut < message.tags.get("time", "") < place.back:
            found += past_events(state, message)
    place.cut = max([place.cut, *(message.tags.get("time", "") for message in run)]) if place.cut else ""
    run.clear()
    if found:
        state.tell(e.Missed(time=found[-1].time, room=room, events=tuple(found)))
