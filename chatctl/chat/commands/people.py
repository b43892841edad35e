"""Other people: ISON, USERHOST, AWAY (modern.ircdocs.horse, "User-Based Queries")."""

from __future__ import annotations

from chatctl.chat.commands.base import Command, CommandContext, Result, label_of, line, packed
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries import proposals as p
from chatctl.chat.model.line_lengths import away_length
from chatctl.protocol import numerics as n
from chatctl.protocol.capabilities import PRE_AWAY
from chatctl.protocol.message import MAX_LINE_BYTES, Message


def ison(context: CommandContext, session: Session, message: Message) -> Result:
    """ISON nick nick: those of them who are here."""
    asked = " ".join(message.params).split()
    here = (found.nick for found in map(context.state.user_or_service, asked) if found is not None)
    space = MAX_LINE_BYTES - 2 - len(f":{context.rules.server_name} 303 {context.called(session)} :".encode())
    return [line(n.RPL_ISON, text=text) for text in packed(here, space) or [""]]


def userhost(context: CommandContext, session: Session, message: Message) -> Result:
    """USERHOST nick nick: up to five."""
    replies = []
    for nick in message.params[:5]:
        other = context.state.user_or_service(nick)
        if other is not None:
            replies.append(
                f"{other.nick}{'*' * bool(other.operator)}={'-' if other.away else '+'}{other.username}@{other.host}"
            )
    space = MAX_LINE_BYTES - 2 - len(f":{context.rules.server_name} 302 {context.called(session)} :".encode())
    return [line(n.RPL_USERHOST, text=text) for text in packed(replies, space) or [""]]


def away(context: CommandContext, session: Session, message: Message) -> Result:
    """AWAY [:reason]; without one: back again. With draft/pre-away one may say so while registering."""
    if not session.registered and not session.registering:
        if not session.caps & PRE_AWAY:
            return [line(n.ERR_NOTREGISTERED)]
        if len(message.param(0).encode()) > away_length(context.rules):
            return [line(n.ERR_INPUTTOOLONG)]
        session.away = message.param(0)
        return [line(n.RPL_NOWAWAY if session.away else n.RPL_UNAWAY)]
    return p.SetAway(session.id, label_of(message), message.param(0))


def setname(context: CommandContext, session: Session, message: Message) -> Result:
    """SETNAME :real name (ircv3.net/specs/extensions/setname)."""
    return p.SetRealname(session.id, label_of(message), message.params[0])


COMMANDS = (
    Command("AWAY", away, before=True),
    Command("ISON", ison, least=1, shows_state=True),
    Command("SETNAME", setname, least=1),
    Command("USERHOST", userhost, least=1, shows_state=True),
)
