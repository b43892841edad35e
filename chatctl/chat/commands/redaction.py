"""REDACT: deleting a message (ircv3.net/specs/extensions/message-redaction).

The message is looked up in history first; permission is decided by the entry (:mod:`chatctl.chat.apply.redaction`).
"""

from __future__ import annotations

from chatctl.chat.commands.base import (
    Command,
    CommandContext,
    HistoryRead,
    Result,
    Steps,
    fail,
    label_of,
    line,
    read_history,
)
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.queries import HistoryQuery, Mark, private_place
from chatctl.protocol import numerics as n
from chatctl.protocol.capabilities import MESSAGE_REDACTION
from chatctl.protocol.message import Message

_KINDS = ("PRIVMSG", "NOTICE", "TAGMSG")


def redact(context: CommandContext, session: Session, message: Message) -> Result:
    """REDACT target msgid [reason]."""
    if not session.caps & MESSAGE_REDACTION:
        return [line(n.ERR_UNKNOWNCOMMAND, "REDACT")]
    target = message.params[0]
    place = _place(context, session, target)
    return _redact(context, session, message, place) if place else _refuse_target(target)


def _redact(context: CommandContext, session: Session, message: Message, place: str) -> Steps[Result]:
    target, message_id, reason = message.params[0], message.params[1], message.param(2)
    room = context.state.rooms.get(place)
    query = HistoryQuery(place, 1, 0, around=Mark(message_id), kinds=_KINDS)
    page = yield from read_history(HistoryRead(query))
    if room is not None and room.key != place:  # the room was renamed meanwhile, and its messages with it
        return _refuse_target(target)
    fact = page.facts[0] if page.facts else None
    if fact is None or fact.message_id != message_id:
        text = "There is no such message there, or none any more"
        return fail("REDACT", "UNKNOWN_MSGID", target, message_id, text=text)
    found = p.DeletableMessage(message_id, fact.seq, fact.time, fact.source, fact.account)
    return p.Redact(session.id, label_of(message), target, place, found, reason)


def _refuse_target(target: str) -> Result:
    return fail("REDACT", "INVALID_TARGET", target, text="You cannot delete messages there")


def _place(context: CommandContext, session: Session, target: str) -> str:
    """Return the place of the message; ``""`` if this session cannot have read it."""
    if target[:1] == "#":
        room = context.state.room_named(target)
        return room.key if room is not None and context.user(session).id in room.members else ""
    other = context.state.user_named(target)
    return private_place(context.user(session).identity, other.identity) if other is not None else ""


COMMANDS = (Command("REDACT", redact, least=2),)
