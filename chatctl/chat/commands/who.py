"""WHO and WHOX (modern.ircdocs.horse, "WHO message"; ircv3.net/specs/extensions/whox)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from chatctl.chat.commands.base import Command, CommandContext, NumericReply, Reply, Result, line
from chatctl.chat.delivery.session import Session
from chatctl.chat.model.modes import BOT, symbols
from chatctl.chat.model.room import Room
from chatctl.chat.model.user import User
from chatctl.protocol import masks, names
from chatctl.protocol import numerics as n
from chatctl.protocol.capabilities import MULTI_PREFIX
from chatctl.protocol.message import Message

_TOKEN_LENGTH = 3
_NO_ADDRESS = "255.255.255.255"
"""Shown by WHOX in place of an address that is hidden."""


class _Row(NamedTuple):
    """One user of an answer, with the room they are shown in (if any) and their standing there."""

    context: CommandContext
    session: Session
    user: User
    room: Room | None
    standing: int


def visible(me: User, other: User) -> bool:
    """Return whether `other` is listed without being named: not with ``+i``, unless they share a room."""
    return other is me or "i" not in other.modes or not me.rooms.keys().isdisjoint(other.rooms.keys())


def shared_room(me: User, other: User) -> Room | None:
    """Return the first room of `other` that `me` may know of."""
    for room in other.rooms.values():
        if room.key in me.rooms or not (room.secret or "i" in other.modes):
            return room
    return None


def who(context: CommandContext, session: Session, message: Message) -> Result:
    """WHO #room, WHO nick, WHO mask; with ``o`` operators alone; with ``%fields,token`` as WHOX."""
    mask = message.param(0) or "*"
    options, percent, rest = message.param(1).partition("%")
    fields, _, token = rest.partition(",")
    only_operators = "o" in options
    if percent and (len(token) > _TOKEN_LENGTH or not (token == "" or (token.isascii() and token.isdigit()))):
        token = ""
    replies: list[Reply] = []
    for row in _found(context, session, mask):
        if only_operators and not row.user.operator:
            continue
        replies.append(_whox_line(row, fields, token) if percent else _who_line(row))
    return [*replies, line(n.RPL_ENDOFWHO, mask)]


def _found(context: CommandContext, session: Session, mask: str) -> Iterator[_Row]:
    me = context.user(session)
    if mask[:1] == "#":
        room = context.state.room_named(mask)
        inside = room is not None and room.admits(me.id)
        if room is not None and (inside or not room.secret):
            for other, standing in context.state.members_of(room):
                if inside or "i" not in other.modes:
                    yield _Row(context, session, other, room, standing)
        return
    exact = context.state.user_or_service(mask)
    if exact is not None:
        yield _in_some_room(context, session, me, exact)
        return
    folded = "*" if mask == "0" else names.fold(mask)
    for other in context.state.users.values():
        if visible(me, other) and (masks.matches(folded, other.key) or masks.matches(folded, other.host.lower())):
            yield _in_some_room(context, session, me, other)


def _in_some_room(context: CommandContext, session: Session, me: User, other: User) -> _Row:
    room = shared_room(me, other)
    return _Row(context, session, other, room, room.members[other.id] if room is not None else 0)


def flags(row: _Row) -> str:
    """``H`` here or ``G`` gone, ``*`` for an operator, the symbols of the standing, ``B`` for a bot."""
    presence = "G" if row.user.away else "H"
    every = bool(row.session.caps & MULTI_PREFIX)
    standing = symbols(row.standing, every=every)
    return presence + "*" * bool(row.user.operator) + standing + BOT * (BOT in row.user.modes)


def _who_line(row: _Row) -> Reply:
    user, server = row.user, row.context.rules.server_name
    where = row.room.name if row.room is not None else "*"
    text = f"0 {user.realname}"
    return line(n.RPL_WHOREPLY, where, user.username, user.host, server, user.nick, flags(row), text=text)


def _address(row: _Row) -> str:
    theirs = next(iter(row.context.sessions_of(row.user)), None)
    me = row.context.user(row.session)
    return theirs.address if theirs is not None and (me is row.user or me.operator) else _NO_ADDRESS


def _idle(row: _Row) -> str:
    theirs = next(iter(row.context.sessions_of(row.user)), None)
    return str(max(0, row.context.clock() - theirs.last_spoke) // 1000 if theirs is not None else 0)


_FIELDS: dict[str, Callable[[_Row], str]] = {
    "c": lambda row: row.room.name if row.room is not None else "*",
    "u": lambda row: row.user.username,
    "i": _address,
    "h": lambda row: row.user.host,
    "s": lambda row: row.context.rules.server_name,
    "n": lambda row: row.user.nick,
    "f": flags,
    "d": lambda row: "0",
    "l": _idle,
    "a": lambda row: row.user.account or "0",
    "o": lambda row: "n/a",
    "r": lambda row: row.user.realname,
}
"""The fields of WHOX in the order in which they are answered; ``t`` (the token) comes before them."""


def _whox_line(row: _Row, fields: str, token: str) -> NumericReply:
    words = [token or "0"] if "t" in fields else []
    words += [field(row) for letter, field in _FIELDS.items() if letter in fields]
    # The last one may hold spaces (a real name); an address that begins with a colon is for the encoder to guard.
    guarded = [f"0{word}" if word[:1] == ":" else word for word in words[:-1]]
    return NumericReply(n.RPL_WHOSPCRPL, tuple(guarded), words[-1] if words else "")


COMMANDS = (Command("WHO", who, shows_state=True),)
