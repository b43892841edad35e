"""From lines to events: messages, reactions, typing and deletions, as an application reads them.

Lines are handled in one direction: the handlers of this package parse them, :mod:`chatctl.client.history.backfill` puts
messages in order and drops those shown before, and this module makes the events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatctl.client import events as e
from chatctl.protocol.message import Message

if TYPE_CHECKING:
    from chatctl.client.session.engine_port import EnginePort

TYPING = ("active", "paused", "done")
REPLY = ("+reply", "+draft/reply")
_REACT = ("+draft/react", "+react")
_UNREACT = ("+draft/unreact", "+unreact")
_MAX_REACTION_CHARACTERS = 64
"""The tag may hold anything: a longer text is not shown as a reaction."""

_CTCP = "\x01"
_ACTION = "\x01ACTION"
_HISTSERV = "HistServ!HistServ@localhost"
"""The service by which Ergo plays joins and the like back to clients without draft/event-playback, as messages."""


def emit_message(state: EnginePort, message: Message, own: bool, *, history: bool = False) -> None:
    """Emit a message (`history`: an earlier one), and the reaction that it may carry."""
    found = message_event(state, message, own, history=history)
    if found is None or state.fold(message.nick) in state.presence.ignored:
        return
    state.emit(found)
    for event in reaction_events(state, message, conversation_of(state, message), own):
        state.emit(event)


def message_event(
    state: EnginePort, message: Message, own: bool, *, history: bool = False
) -> e.RoomMessage | e.PrivateMessage | None:
    """Return a message as an event. CTCP ACTION is ``/me``; other CTCP is between programs and gives None."""
    target, text = message.params[0], message.params[1]
    if message.source == _HISTSERV and state.isupport.is_room(target):
        return None
    kind: e.Kind = "notice" if message.command == "NOTICE" else "message"
    if text[:1] == _CTCP:
        if text[: len(_ACTION)].upper() != _ACTION or kind == "notice":
            return None
        text = text[len(_ACTION) :].removesuffix(_CTCP).removeprefix(" ")
        kind = "action"
    time, name, id_ = state.time_of(message), message.nick, message.tags.get("msgid") or None
    account, reply = message.tags.get("account") or None, first_tag(message, REPLY) or None
    ticket = state.in_flight.tickets.pop(id_ or str(id(message)), None) or None if own else None
    if state.isupport.is_room(target):
        return e.RoomMessage(
            time=time, room=conversation_of(state, message), name=name, text=text, kind=kind, own=own, id=id_,
            history=history, reply=reply, account=account, ticket=ticket,
            audience=target.removesuffix(state.isupport.plain(target)) or None,
        )  # fmt: skip
    return e.PrivateMessage(
        time=time, name=name, to=target, text=text, kind=kind, own=own, id=id_,
        history=history, reply=reply, account=account, ticket=ticket,
    )  # fmt: skip


def first_tag(message: Message, keys: tuple[str, ...]) -> str:
    """Return the value of the first of these tags that has one; ``""`` if none has."""
    for key in keys:
        value = message.tags.get(key)
        if value:
            return value
    return ""


def reply_tags(id: str) -> dict[str, str]:
    """Return the tags that make a message a reply to another."""
    return dict.fromkeys(REPLY, id)


def reaction_tags(id: str, reaction: str, *, remove: bool) -> dict[str, str]:
    """Return the tags of a reaction, or of its removal."""
    return {**reply_tags(id), (_UNREACT if remove else _REACT)[0]: reaction}


def conversation_of(state: EnginePort, message: Message) -> str:
    """Return the room that a message with a target belongs to, or the other person in a private one."""
    target = message.param(0)
    if state.isupport.is_room(target):
        plain = state.isupport.plain(target)
        room = state.rooms.get(plain)
        return room.name if room is not None else plain
    return target if state.is_me(message.nick) else message.nick


def tag_events(state: EnginePort, message: Message, *, history: bool) -> list[e.Event]:
    """Return the events of a TAGMSG or REDACT; none if it has no meaning here."""
    if not message.nick or not message.param(0) or state.fold(message.nick) in state.presence.ignored:
        return []
    time, target, own = state.time_of(message), conversation_of(state, message), state.is_me(message.nick)
    if message.command == "REDACT":
        if not message.param(1):
            return []
        by, reason = message.nick, message.param(2)
        return [e.Deleted(time=time, target=target, id=message.param(1), name=by, reason=reason, own=own)]
    typing = message.tags.get("+typing", "")
    if typing in TYPING and not own and not history:
        return [e.Typing(time=time, target=target, name=message.nick, state=typing)]
    return reaction_events(state, message, target, own)


def reaction_events(state: EnginePort, message: Message, target: str, own: bool) -> list[e.Event]:
    """Return the reaction that a message carries, if it does."""
    id, added, taken = first_tag(message, REPLY), first_tag(message, _REACT), first_tag(message, _UNREACT)
    text = added or taken
    if not id or not text or len(text) > _MAX_REACTION_CHARACTERS:
        return []
    time = state.time_of(message)
    return [e.Reacted(time=time, target=target, id=id, name=message.nick, reaction=text, removed=not added, own=own)]
