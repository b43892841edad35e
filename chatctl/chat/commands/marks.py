"""MARKREAD: read markers (ircv3.net/specs/extensions/read-marker)."""

from __future__ import annotations

from chatctl.chat.apply.marks import marker
from chatctl.chat.commands.base import Command, CommandContext, Result, fail, label_of, line
from chatctl.chat.commands.history import milliseconds
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries import proposals as p
from chatctl.protocol import names
from chatctl.protocol import numerics as n
from chatctl.protocol.capabilities import READ_MARKER
from chatctl.protocol.message import Message


def markread(context: CommandContext, session: Session, message: Message) -> Result:
    """MARKREAD target [timestamp=...]: without a time it asks."""
    if not session.caps & READ_MARKER:
        return [line(n.ERR_UNKNOWNCOMMAND, "MARKREAD")]
    if not message.params:
        return fail("MARKREAD", "NEED_MORE_PARAMS", text="Missing parameters")
    target, given = message.params[0], message.param(1)
    problem = names.room_problem(target) if target[:1] == "#" else names.problem(target)
    if problem is not None:
        return fail("MARKREAD", "INVALID_PARAMS", target, text="That is not a valid room or name")
    if not given:
        return [marker(context.state, context.user(session), target)]
    kind, _, value = given.partition("=")
    time = milliseconds(value) if kind == "timestamp" else None
    if time is None or time <= 0:
        return fail(
            "MARKREAD",
            "INVALID_PARAMS",
            given,
            text="That is not a valid time, such as timestamp=2026-11-22T15:41:13.123Z",
        )
    return p.MarkRead(session.id, label_of(message), target, time)


COMMANDS = (Command("MARKREAD", markread, shows_state=True),)
