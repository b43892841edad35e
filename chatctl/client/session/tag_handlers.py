"""TAGMSG, REDACT and MARKREAD: typing, reactions, deletions, read markers.

Sources: ircv3.net/specs/client-tags/typing, /reply and /react (the last two with and without ``draft/``),
ircv3.net/specs/extensions/message-redaction and /read-marker (drafts).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chatctl.client import events as e
from chatctl.client.session.message_events import tag_events
from chatctl.protocol.message import Message

if TYPE_CHECKING:
    from chatctl.client.session.engine_port import EnginePort

AUTOMATIC_LABEL = "unasked"
"""Label of automatic commands: their answers are hidden."""


def tagmsg(state: EnginePort, message: Message) -> None:
    """TAGMSG."""
    for event in tag_events(state, message, history=False):
        state.emit(event)


def redact(state: EnginePort, message: Message) -> None:
    """REDACT."""
    for event in tag_events(state, message, history=False):
        state.emit(event)


def send_typing(state: EnginePort, target: str, what: str) -> None:
    """Send our typing state. It is labelled, because a room where we may not speak refuses it, and that must stay
    hidden."""
    label = {"label": AUTOMATIC_LABEL} if "labeled-response" in state.enabled else {}
    state.send_tagged({"+typing": what, **label}, "TAGMSG", target)


def markread(state: EnginePort, message: Message) -> None:
    """MARKREAD <target> <timestamp=... | *>."""
    target, mark = message.param(0), message.param(1)
    state.unstored.marked(state.fold(target))
    room = state.rooms.get(target)
    name = room.name if room is not None else target
    until = None
    if mark.startswith("timestamp="):
        try:
            until = datetime.fromisoformat(mark.removeprefix("timestamp=")).replace(tzinfo=UTC)
        except ValueError:
            return
    if name:
        state.emit(e.ReadUntil(time=state.time_of(message), target=name, until=until))


def send_reaction(state: EnginePort, tags: dict[str, str], target: str) -> None:
    """Send a reaction, if the server relays them."""
    if "message-tags" in state.enabled:
        state.send_tagged(tags, "TAGMSG", target)
    else:
        _cannot(state, "This server does not support reactions")


def delete_message(state: EnginePort, params: tuple[str, ...]) -> None:
    """Ask for a message to be deleted, if the server supports that."""
    if "draft/message-redaction" in state.enabled:
        state.send("REDACT", *params)
    else:
        _cannot(state, "This server does not support deleting messages")


def _cannot(state: EnginePort, text: str) -> None:
    state.emit(e.Failed(time=state.now(), text=text, code="UNKNOWN_COMMAND"))
