"""Other people: WHO, WHOIS, ISON, USERHOST, AWAY (modern.ircdocs.horse, "User-Based Queries")."""

from __future__ import annotations

from chatctl.chat import proposals as p
from chatctl.chat.commands.kinds import Command, Reply, Result, View, label_of, line, packed
from chatctl.chat.modes import symbols
from chatctl.chat.session import Session
from chatctl.chat.state import Room, User
from chatctl.protocol import masks, names
from chatctl.protocol import numerics as n
from chatctl.protocol.capabilities import MULTI_PREFIX
from chatctl.protocol.message import MAX_LINE, Message

_WHOIS_TARGETS = 4


def _visible(me: User, other: User) -> bool:
    """Whether `other` is shown to somebody who did not name them: not with ``+i``, unless they share a room."""
    return other is me or "i" not in other.modes or not me.rooms.keys().isdisjoint(other.rooms.keys())


def who(view: View, session: Session, message: Message) -> Result:
    """WHO #room, WHO nick, WHO mask."""
    mask = message.param(0) or "*"
    me = view.user(session)
    replies: list[Reply] = []
    if mask[:1] == "#":
        room = view.state.room_named(mask)
        if room is not None:
            inside = session.id in room.members
            for other, standing in view.state.members_of(room):
                if inside or "i" not in other.modes:
                    replies.append(_who_line(view, session, other, room, standing))
    else:
        folded = names.fold(mask)
        exact = view.state.user_named(mask)
        found = (
            [exact]
            if exact is not None
            else (
                [
                    other
                    for other in view.state.users.values()
                    if _visible(me, other) and (masks.matches(folded, other.key) or mask == "0")
                ]
            )
        )
        replies += [_who_line(view, session, other, None, 0) for other in found]
    return [*replies, line(n.RPL_ENDOFWHO, mask)]


def _who_line(view: View, session: Session, other: User, room: Room | None, standing: int) -> Reply:
    flags = "G" if other.away else "H"
    flags += symbols(standing, every=bool(session.caps & MULTI_PREFIX))
    where = room.name if room is not None else "*"
    server = view.rules.server_name
    return line(
        n.RPL_WHOREPLY, where, other.username, other.host, server, other.nick, flags, text=f"0 {other.realname}"
    )


def whois(view: View, session: Session, message: Message) -> Result:
    """WHOIS [server] nick,nick."""
    asked = message.param(1) or message.param(0)
    if not asked:
        return [line(n.ERR_NONICKNAMEGIVEN)]
    replies: list[Reply] = []
    for nick in asked.split(",")[:_WHOIS_TARGETS]:
        other = view.state.user_named(nick)
        replies += _whois_lines(view, session, other) if other is not None else [line(n.ERR_NOSUCHNICK, nick)]
    return [*replies, line(n.RPL_ENDOFWHOIS, asked)]


def _whois_lines(view: View, session: Session, other: User) -> list[Reply]:
    rules, me = view.rules, view.user(session)
    replies: list[Reply] = [
        line(n.RPL_WHOISUSER, other.nick, other.username, other.host, "*", text=other.realname),
        line(n.RPL_WHOISSERVER, other.nick, rules.server_name, text=rules.network),
    ]
    shown = [
        symbols(room.members[other.id], every=bool(session.caps & MULTI_PREFIX)) + room.name
        for room in other.rooms.values()
        if _visible(me, other) or room.key in me.rooms
    ]
    space = MAX_LINE - 2 - len(f":{rules.server_name} 319 {view.called(session)} {other.nick} :".encode())
    replies += [line(n.RPL_WHOISCHANNELS, other.nick, text=text) for text in packed(shown, space)]
    theirs = view.sessions.get(other.id)
    if other is me and theirs is not None:
        text = f"is connecting from {other.host} {theirs.address}"
        replies.append(line(n.RPL_WHOISHOST, other.nick, text=text))
    if other.operator:
        replies.append(line(n.RPL_WHOISOPERATOR, other.nick))
    if other.away:
        replies.append(line(n.RPL_AWAY, other.nick, text=other.away))
    if theirs is not None:
        idle = max(0, view.clock() - theirs.last_spoke) // 1000
        replies.append(line(n.RPL_WHOISIDLE, other.nick, str(idle), str(other.signed_on // 1000)))
    return replies


def ison(view: View, session: Session, message: Message) -> Result:
    """ISON nick nick: those of them who are here."""
    asked = " ".join(message.params).split()
    here = (found.nick for found in map(view.state.user_named, asked) if found is not None)
    space = MAX_LINE - 2 - len(f":{view.rules.server_name} 303 {view.called(session)} :".encode())
    return [line(n.RPL_ISON, text=text) for text in packed(here, space) or [""]]


def userhost(view: View, session: Session, message: Message) -> Result:
    """USERHOST nick nick: up to five."""
    replies = []
    for nick in message.params[:5]:
        other = view.state.user_named(nick)
        if other is not None:
            replies.append(f"{other.nick}={'-' if other.away else '+'}{other.username}@{other.host}")
    space = MAX_LINE - 2 - len(f":{view.rules.server_name} 302 {view.called(session)} :".encode())
    return [line(n.RPL_USERHOST, text=text) for text in packed(replies, space) or [""]]


def away(view: View, session: Session, message: Message) -> Result:
    """AWAY [:reason]; without one: back again."""
    return p.SetAway(session.id, label_of(message), message.param(0))


COMMANDS = (
    Command("AWAY", away),
    Command("ISON", ison, least=1),
    Command("USERHOST", userhost, least=1),
    Command("WHO", who),
    Command("WHOIS", whois),
)
