"""RENAME: another name for a room (ircv3.net/specs/extensions/channel-rename)."""

from __future__ import annotations

from chatctl.chat.apply.rename_room import IN_USE, may_rename
from chatctl.chat.commands.base import Command, CommandContext, HistoryRead, Result, Steps, fail, label_of, read_history
from chatctl.chat.commands.history import joined_room
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.queries import HistoryQuery
from chatctl.chat.model.room import Room
from chatctl.protocol import names
from chatctl.protocol.message import Message


def rename(context: CommandContext, session: Session, message: Message) -> Result:
    """RENAME #old #new [reason].

    The name of a former room that still has history is refused: two histories cannot be merged. Only sessions that may
    rename the room cause the look-up, so that other sessions do not learn which names have history.
    """
    old, new, reason = message.params[0], message.params[1], message.param(2)
    proposal = p.RenameRoom(session.id, label_of(message), old, new, reason)
    key = names.room_fold(new)
    room = joined_room(context, session, old)
    if room is None or not may_rename(context.user(session), room):
        return proposal
    if key == room.key or names.room_problem(new) is not None or context.state.room_named(new) is not None:
        return proposal
    return _rename_if_unused(room, key, proposal)


def _rename_if_unused(room: Room, key: str, proposal: p.RenameRoom) -> Steps[Result]:
    page = yield from read_history(HistoryRead(HistoryQuery(key, 1, 0)))
    if page.facts:
        text = IN_USE.format(proposal.name)
        return fail("RENAME", "CHANNEL_NAME_IN_USE", room.name, proposal.name, text=text)
    return proposal


COMMANDS = (Command("RENAME", rename, least=2),)
