"""RENAME: another name for a room (ircv3.net/specs/extensions/channel-rename)."""

from __future__ import annotations

from chatctl.chat.apply.rename_room import IN_USE, may_rename
from chatctl.chat.commands.base import Command, CommandContext, QueryJob, Result, fail, label_of
from chatctl.chat.commands.history import joined_room
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.queries import HistoryPage, HistoryQuery
from chatctl.protocol import names
from chatctl.protocol.message import Message


def rename(view: CommandContext, session: Session, message: Message) -> Result:
    """RENAME #old #new [reason].

    The name of a former room that still has history is refused: two histories cannot be merged. Only sessions that may
    rename the room cause the look-up, so that other sessions do not learn which names have history.
    """
    old, new, reason = message.params[0], message.params[1], message.param(2)
    proposal = p.RenameRoom(session.id, label_of(message), old, new, reason)
    key = names.room_fold(new)
    room = joined_room(view, session, old)
    if room is None or not may_rename(view.user(session), room):
        return proposal
    if key == room.key or names.room_problem(new) is not None or view.state.room_named(new) is not None:
        return proposal

    def looked_up(view: CommandContext, session: Session, page: HistoryPage) -> Result:
        if page.facts:
            return fail("RENAME", "CHANNEL_NAME_IN_USE", room.name, new, text=IN_USE.format(new))
        return proposal

    return QueryJob(lambda upto: HistoryQuery(key, 1, upto), looked_up)


COMMANDS = (Command("RENAME", rename, least=2),)
