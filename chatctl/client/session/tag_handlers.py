"""TAGMSG, REDACT and MARKREAD: typing, reactions, deletions, read markers.

Sources: ircv3.net/specs/client-tags/typing, /reply and /react (the last two with and without ``draft/``),
ircv3.net/specs/extensions/message-redaction and /read-marker (drafts).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chatctl.client import events as e
from chatctl.protocol.message import Message

if TYPE_CHECKING:
    from chatctl.client.session.engine_port import EnginePort

TYPING = ("active", "paused", "done")
REPLY = ("+reply", "+draft/reply")
AUTOMATIC_LABEL = "unasked"
"""Label of automatic commands: their answers are hidden."""

_REACT = ("+draft/react", "+react")
_UNREACT = ("+draft/unreact", "+unreact")
_MAX_REACTION_BYTES = 64
"""Characters of a reaction that is taken for one; the tag may hold anything."""


def first(message: Message, keys: tuple[str, ...]) -> str:
    """The first of these tags that says something."""
    for key in keys:
        value = message.tags.get(key)
        if value:
            return value
    return ""


def reply_tags(id: str) -> dict[str, str]:
    """Tags that make a message an answer to another."""
    return dict.fromkeys(REPLY, id)


def reaction_tags(id: str, reaction: str, *, remove: bool) -> dict[str, str]:
    """Tags of a reaction, or of taking it back."""
    return {**reply_tags(id), (_UNREACT if remove else _REACT)[0]: reaction}


def where(state: EnginePort, message: Message) -> str:
    """The room, or the person on the other side, that a message with a target concerns."""
    target = message.param(0)
    if state.isupport.is_room(target):
        plain = state.isupport.plain(target)
        room = state.rooms.get(plain)
        return room.name if room is not None else plain
    return target if state.is_me(message.nick) else message.nick


def tagmsg(state: EnginePort, message: Message) -> None:
    """TAGMSG."""
    for event in events_of(state, message, history=False):
        state.emit(event)


def events_of(state: EnginePort, message: Message, *, history: bool) -> list[e.Event]:
    """Return TAGMSG and REDACT as events; none if they are unknown."""
    if not message.nick or not message.param(0) or state.fold(message.nick) in state.presence.ignored:
        return []
    time, target, own = state.time_of(message), where(state, message), state.is_me(message.nick)
    if message.command == "REDACT":
        if not message.param(1):
            return []
        by, reason = message.nick, message.param(2)
        return [e.Deleted(time=time, target=target, id=message.param(1), name=by, reason=reason, own=own)]
    typing = message.tags.get("+typing", "")
    if typing in TYPING and not own and not history:
        return [e.Typing(time=time, target=target, name=message.nick, state=typing)]
    return reactions(state, message, target, own)


def reactions(state: EnginePort, message: Message, target: str, own: bool) -> list[e.Event]:
    """The reaction that a message carries, if it does."""
    id, added, taken = first(message, REPLY), first(message, _REACT), first(message, _UNREACT)
    text = added or taken
    if not id or not text or len(text) > _MAX_REACTION_BYTES:
        return []
    time = state.time_of(message)
    return [e.Reacted(time=time, target=target, id=id, name=message.nick, reaction=text, removed=not added, own=own)]


def redacted(state: EnginePort, message: Message) -> None:
    """REDACT."""
    for event in events_of(state, message, history=False):
        state.emit(event)


def send_typing(state: EnginePort, target: str, what: str) -> None:
    """Send our typing state. It is labelled, because a room where we may not speak refuses it, and that must stay
    hidden."""
    label = {"label": AUTOMATIC_LABEL} if "labeled-response" in state.enabled else {}
    state.send_tagged({"+typing": what, **label}, "TAGMSG", target)


def marked_read(state: EnginePort, message: Message) -> None:
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


def react(state: EnginePort, tags: dict[str, str], target: str) -> None:
    """Send a reaction, where the server hands such on."""
    if "message-tags" in state.enabled:
        state.send_tagged(tags, "TAGMSG", target)
    else:
        _cannot(state, "This server has no reactions")


def take_back(state: EnginePort, params: tuple[str, ...]) -> None:
    """Ask for a message to be deleted, where the server does that."""
    if "draft/message-redaction" in state.enabled:
        state.send("REDACT", *params)
    else:
        _cannot(state, "This server cannot take messages back")


def _cannot(state: EnginePort, text: str) -> None:
    state.emit(e.Failed(time=state.now(), text=text, code="UNKNOWN_COMMAND"))
