"""For operators of the server: KILL, WALLOPS, REHASH; and CONNECT, SQUIT, RESTART, which belong to servers of another
kind (modern.ircdocs.horse, "Operator Messages")."""

from __future__ import annotations

from chatctl.chat.commands.base import Command, CommandContext, Result, Steps, label_of, line, run_task
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.tasks import ReadSettings
from chatctl.chat.model.ids import SessionId
from chatctl.protocol import numerics as n
from chatctl.protocol.message import Message


def kill(context: CommandContext, session: Session, message: Message) -> Result:
    """KILL nick [:reason]."""
    comment = message.param(1) or "no reason was given"
    return p.Kill(session.id, label_of(message), message.params[0], comment)


def wallops(context: CommandContext, session: Session, message: Message) -> Result:
    """WALLOPS :text."""
    if not message.params[0]:
        return [line(n.ERR_NEEDMOREPARAMS, "WALLOPS")]
    return p.Wallops(session.id, label_of(message), message.params[0])


def rehash(context: CommandContext, session: Session, message: Message) -> Steps[Result]:
    """REHASH: a worker reads the settings again; an entry brings what it found into force."""
    found = yield from run_task(ReadSettings())
    if not isinstance(found, ReadSettings):
        return [line(n.ERR_UNKNOWNERROR, "REHASH", text="The server has too much to do; try again in a moment")]
    return reread_proposal(session.id, label_of(message), found)


def reread_proposal(session: SessionId, label: str, found: ReadSettings) -> p.ChangeRules:
    """Return the settings that were read, as a proposal."""
    return p.ChangeRules(session, label, found.changes, found.report, found.file)


def other_servers(context: CommandContext, session: Session, message: Message) -> Result:
    """CONNECT, SQUIT: this server cannot be linked to others."""
    return [line(n.ERR_NOSUCHSERVER, message.params[0])]


def restart(context: CommandContext, session: Session, message: Message) -> Result:
    """RESTART: optional in the document, and refused: no client should be able to stop the server."""
    text = "This server is restarted where it was started, not from a client"
    return [line(n.ERR_UNKNOWNERROR, "RESTART", text=text)]


COMMANDS = (
    Command("CONNECT", other_servers, least=1, operator=True),
    Command("KILL", kill, least=1, operator=True),
    Command("REHASH", rehash, operator=True),
    Command("RESTART", restart, operator=True),
    Command("SQUIT", other_servers, least=1, operator=True),
    Command("WALLOPS", wallops, least=1, operator=True),
)
