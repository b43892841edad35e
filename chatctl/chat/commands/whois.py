"""WHOIS and WHOWAS (modern.ircdocs.horse, "User-Based Queries")."""

from __future__ import annotations

from chatctl.chat.commands.base import Command, CommandContext, Reply, Result, line, means_this_server, packed
from chatctl.chat.commands.isupport import MAX_WHOIS_NAMES
from chatctl.chat.commands.metadata import shown as shown_metadata
from chatctl.chat.commands.who import visible
from chatctl.chat.delivery.session import Session
from chatctl.chat.model.modes import BOT, symbols
from chatctl.chat.model.user import User
from chatctl.protocol import names
from chatctl.protocol import numerics as n
from chatctl.protocol.capabilities import MULTI_PREFIX
from chatctl.protocol.message import MAX_LINE_BYTES, Message
from chatctl.protocol.timestamps import timestamp

_MAX_WHOWAS = 20


def whois(context: CommandContext, session: Session, message: Message) -> Result:
    """WHOIS [server] nick,nick."""
    asked = message.param(1) or message.param(0)
    if not asked:
        return [line(n.ERR_NONICKNAMEGIVEN)]
    if message.param(1) and not means_this_server(context, message.param(0)):
        return [line(n.ERR_NOSUCHSERVER, message.param(0))]
    nicks = [nick for nick in asked.split(",") if nick]
    if len(nicks) > MAX_WHOIS_NAMES:
        return [line(n.ERR_TOOMANYTARGETS, nicks[MAX_WHOIS_NAMES])]
    replies: list[Reply] = []
    for nick in nicks:
        other = context.state.user_or_service(nick)
        replies += _whois_lines(context, session, other) if other is not None else [line(n.ERR_NOSUCHNICK, nick)]
    return [*replies, line(n.RPL_ENDOFWHOIS, asked)]


def _whois_lines(context: CommandContext, session: Session, other: User) -> list[Reply]:
    rules, me = context.rules, context.user(session)
    nick = other.nick
    replies: list[Reply] = [
        line(n.RPL_WHOISUSER, nick, other.username, other.host, "*", text=other.realname),
        line(n.RPL_WHOISSERVER, nick, rules.server_name, text=rules.description),
    ]
    if other.operator:
        replies.append(line(n.RPL_WHOISOPERATOR, nick))
    if BOT in other.modes:
        replies.append(line(n.RPL_WHOISBOT, nick))
    if other.account:
        replies.append(line(n.RPL_WHOISACCOUNT, nick, other.account))
    seen = visible(me, other)
    shown = [
        symbols(room.members[other.id], every=bool(session.caps & MULTI_PREFIX)) + room.name
        for room in other.rooms.values()
        if room.key in me.rooms or (seen and not room.secret)
    ]
    space = MAX_LINE_BYTES - 2 - len(f":{rules.server_name} 319 {context.called(session)} {nick} :".encode())
    replies += [line(n.RPL_WHOISCHANNELS, nick, text=text) for text in packed(shown, space)]
    theirs = next(iter(context.sessions_of(other)), None)
    if theirs is not None and all(each.encrypted for each in context.sessions_of(other)):
        replies.append(line(n.RPL_WHOISSECURE, nick))
    if other is me or me.operator:
        if theirs is not None:
            replies.append(line(n.RPL_WHOISHOST, nick, text=f"is connecting from {other.host} {theirs.address}"))
        if other.modes:
            replies.append(line(n.RPL_WHOISMODES, nick, text=f"is using modes +{other.modes}"))
    if other.away:
        replies.append(line(n.RPL_AWAY, nick, text=other.away))
    replies += shown_metadata(context, session, other)
    if theirs is not None:
        idle = max(0, context.clock() - theirs.last_spoke) // 1000
        replies.append(line(n.RPL_WHOISIDLE, nick, str(idle), str(other.signed_on // 1000)))
    return replies


def whowas(context: CommandContext, session: Session, message: Message) -> Result:
    """WHOWAS nick [count [server]]: former holders of a name, the latest first. It takes no mask, which would list all
    recent users."""
    if message.param(2) and not means_this_server(context, message.param(2)):
        return [line(n.ERR_NOSUCHSERVER, message.param(2))]
    asked = message.param(0)
    if not asked:
        return [line(n.ERR_NONICKNAMEGIVEN)]
    word = message.param(1)
    count = int(word) if word.isascii() and word.isdigit() and len(word) < len("1000") else 0
    most = min(count, _MAX_WHOWAS) if count > 0 else _MAX_WHOWAS
    key = names.fold(asked)
    replies: list[Reply] = []
    found = 0
    for past in reversed(context.state.former_nicks):
        if found == most:
            break
        if past.key == key:
            found += 1
            replies.append(line(n.RPL_WHOWASUSER, past.nick, past.username, past.host, "*", text=past.realname))
            replies.append(line(n.RPL_WHOISSERVER, past.nick, context.rules.server_name, text=timestamp(past.left)))
    if not found:
        replies.append(line(n.ERR_WASNOSUCHNICK, asked))
    return [*replies, line(n.RPL_ENDOFWHOWAS, asked)]


COMMANDS = (Command("WHOIS", whois, shows_state=True), Command("WHOWAS", whowas, shows_state=True))
