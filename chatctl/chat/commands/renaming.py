"""RENAME: another name for a room (ircv3.net/specs/extensions/channel-rename)."""

from __future__ import annotations

from chatctl.chat import proposals as p
from chatctl.chat.commands.history import fail
from chatctl.chat.commands.kinds import Command, Job, Result, View, label_of
from chatctl.chat.history import Page, Query
from chatctl.chat.session import Session
from chatctl.protocol import names
from chatctl.protocol.message import Message


def rename(view: View, session: Session, message: Message) -> Result:
    """RENAME #old #new [reason]. A name under which something was said before, in a room that is gone, is not taken:
    two histories cannot become one."""
    old, new, reason = message.params[0], message.params[1], message.param(2)
    proposal = p.RenameRoom(session.id, label_of(message), old, new, reason)
    key = names.room_fold(new)
    if key == names.room_fold(old) or names.room_problem(new) is not None or view.state.room_named(new) is not None:
        return proposal

    def looked_up(view: View, session: Session, page: Page) -> Result:
        if page.facts:
            text = f"{new} has a history of its own; please choose another name"
            return fail("RENAME", "CHANNEL_NAME_IN_USE", old, new, text=text)
        return proposal

    return Job(lambda upto: Query(key, 1, upto), looked_up)


COMMANDS = (Command("RENAME", rename, least=2),)
