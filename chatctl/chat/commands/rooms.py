"""Rooms: JOIN, PART, TOPIC, NAMES, INVITE, KICK (modern.ircdocs.horse, "Channel Operations")."""

from __future__ import annotations

from operator import attrgetter

from chatctl.chat.apply.admission import invited
from chatctl.chat.apply.marks import marker
from chatctl.chat.commands.base import (
    Command,
    CommandContext,
    HistoryRead,
    Reply,
    Result,
    Steps,
    label_of,
    line,
    packed,
    read_history,
)
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.queries import HistoryQuery
from chatctl.chat.model.modes import symbols
from chatctl.chat.model.room import Room
from chatctl.chat.model.user import User
from chatctl.protocol import names
from chatctl.protocol import numerics as n
from chatctl.protocol.capabilities import (
    CHATHISTORY,
    EXTENDED_JOIN,
    MULTI_PREFIX,
    NO_IMPLICIT_NAMES,
    READ_MARKER,
    SERVER_TIME,
    USERHOST_IN_NAMES,
)
from chatctl.protocol.message import MAX_LINE_BYTES, Message

_NICK, _PREFIX = attrgetter("nick"), attrgetter("prefix")

MAX_NAMES_WITHOUT_ROOM = 1000
"""Users that NAMES without a room lists at most; if there are more, it lists none."""


def listed(parameter: str) -> tuple[str, ...]:
    """``a,b,,c`` as its items."""
    return tuple(item for item in parameter.split(",") if item)


def join(context: CommandContext, session: Session, message: Message) -> Result:
    """JOIN #a,#b [key,key]; ``JOIN 0`` leaves every room."""
    if message.params[0] == "0":
        rooms = tuple(room.name for room in context.user(session).rooms.values())
        return p.Part(session.id, label_of(message), rooms, "") if rooms else None
    wanted = listed(message.params[0])
    if not wanted:
        return [line(n.ERR_NEEDMOREPARAMS, "JOIN")]
    replayed = session.caps & (SERVER_TIME | CHATHISTORY) == SERVER_TIME and not session.transient
    if replayed and _room_to_load(context, wanted):
        return _load_and_join(context, session, message, wanted)
    return _join_proposal(session, message, wanted)


def _join_proposal(session: Session, message: Message, wanted: tuple[str, ...]) -> p.Join:
    # An empty key stands for none, so that a room without one can come before a room that has one.
    keys = tuple(message.param(1).split(","))
    return p.Join(session.id, label_of(message), wanted, keys, session.transient, session.console)


def _load_and_join(
    context: CommandContext, session: Session, message: Message, wanted: tuple[str, ...]
) -> Steps[Result]:
    """Fetch the recent messages that are not in memory, then join: the client cannot request history."""
    while key := _room_to_load(context, wanted):
        read = HistoryRead(HistoryQuery(key, context.recent.length, 0), settled=key not in context.state.rooms)
        page = yield from read_history(read)
        context.recent.load(key, page.facts, read.upto)
    return _join_proposal(session, message, wanted)


def _room_to_load(context: CommandContext, wanted: tuple[str, ...]) -> str:
    """Return the key of the first room whose recent messages are not in memory, or ``""``."""
    keys = (names.room_fold(name) for name in wanted[: context.rules.max_rooms] if names.room_problem(name) is None)
    return next((key for key in keys if not context.recent.knows(key)), "")


def part(context: CommandContext, session: Session, message: Message) -> Result:
    """PART #a,#b [:reason]."""
    rooms = listed(message.params[0])
    if not rooms:
        return [line(n.ERR_NEEDMOREPARAMS, "PART")]
    return p.Part(session.id, label_of(message), rooms, message.param(1))


def kick(context: CommandContext, session: Session, message: Message) -> Result:
    """KICK #room nick,nick [:reason], or as many rooms as nicks (RFC 2812, section 3.2.8)."""
    where, nicks = listed(message.params[0]), listed(message.params[1])
    if len(where) == 1:
        where *= len(nicks)
    if len(where) != len(nicks) or not nicks:
        return [line(n.ERR_NEEDMOREPARAMS, message.command)]
    return p.Kick(session.id, label_of(message), tuple(zip(where, nicks, strict=True)), message.param(2))


def topic(context: CommandContext, session: Session, message: Message) -> Result:
    """TOPIC #room [:text]: without a text it asks, with an empty one it clears."""
    name = message.params[0]
    if len(message.params) > 1:
        return p.SetTopic(session.id, label_of(message), name, message.params[1])
    room = shown_room(context, session, name)
    if room is None:
        return [line(n.ERR_NOSUCHCHANNEL, name)]
    return list(topic_lines(room)) or [line(n.RPL_NOTOPIC, room.name)]


def shown_room(context: CommandContext, session: Session, name: str) -> Room | None:
    """Return the room of this name, unless it is secret to this session."""
    return context.state.known_room(name, context.user(session).id)


def topic_lines(room: Room) -> list[Reply]:
    """332 and 333 for a room that has a topic."""
    if not room.topic:
        return []
    return [
        line(n.RPL_TOPIC, room.name, text=room.topic),
        line(n.RPL_TOPICWHOTIME, room.name, room.topic_by, text=str(room.topic_time // 1000)),
    ]


def names_of(context: CommandContext, session: Session, message: Message) -> Result:
    """NAMES #a,#b; without a room those of all rooms, unless they are too many."""
    if message.params:
        wanted = tuple(dict.fromkeys(listed(message.params[0])))
    else:
        shown = [
            room for room in context.state.rooms.values() if shown_room(context, session, room.name) and room.members
        ]
        wanted = (
            tuple(room.name for room in shown)
            if sum(len(room.members) for room in shown) <= MAX_NAMES_WITHOUT_ROOM
            else ()
        )
    replies: list[Reply] = []
    for name in wanted:
        room = shown_room(context, session, name)
        if room is not None:
            lines = names_lines(context, session, room)
            replies += lines if message.params else lines[:-1]
        else:
            replies.append(line(n.RPL_ENDOFNAMES, name))
    return replies if message.params else [*replies, line(n.RPL_ENDOFNAMES, "*")]


def names_lines(context: CommandContext, session: Session, room: Room) -> list[Reply]:
    """353 and 366: who is in `room`, as `session` may see it."""
    every = bool(session.caps & MULTI_PREFIX)
    whole = bool(session.caps & USERHOST_IN_NAMES)
    # Without a line of Python for each who is nothing special: a thousand who enter are told of a thousand.
    users = list(map(context.state.users.__getitem__, room.members))
    nicks = list(map(_PREFIX if whole else _NICK, users))
    for at, standing in enumerate(room.members.values()):
        if standing:
            nicks[at] = symbols(standing, every=every) + nicks[at]
    if not room.admits(context.user(session).id):
        nicks = [nick for nick, user in zip(nicks, users, strict=True) if "i" not in user.modes]
    space = (
        MAX_LINE_BYTES - 2 - len(f":{context.rules.server_name} 353 {context.called(session)} = {room.name} :".encode())
    )
    replies: list[Reply] = [
        line(n.RPL_NAMREPLY, "@" if room.secret else "=", room.name, text=text) for text in packed(nicks, space)
    ]
    return [*replies, line(n.RPL_ENDOFNAMES, room.name)]


def own_join(session: Session, user: User, room: Room) -> Message:
    """Return the JOIN of `user` as `session`, one of the user's, reads it (extended-join)."""
    more = (user.account or "*", user.realname) if session.caps & EXTENDED_JOIN else ()
    return Message("JOIN", (room.name, *more), user.prefix)


def snapshot_replies(context: CommandContext, session: Session, room: Room) -> list[Reply]:
    """Return the lines about a room for a joining session."""
    replies = topic_lines(room)
    if not session.caps & NO_IMPLICIT_NAMES:
        replies += names_lines(context, session, room)
    if session.caps & READ_MARKER:
        # Before the end of the names (read-marker, "Command flows").
        end = len(replies) - (not session.caps & NO_IMPLICIT_NAMES)
        replies.insert(end, marker(context.state, context.user(session), room.name))
    return replies


def invite(context: CommandContext, session: Session, message: Message) -> Result:
    """INVITE nick #room; without parameters: the rooms one is invited to."""
    if not message.params:
        me = context.user(session)
        rooms = (context.state.rooms.get(key) for key in me.invited or ())
        replies: list[Reply] = [
            line(n.RPL_INVITELIST, room.name) for room in rooms if room is not None and invited(room, me)
        ]
        return [*replies, line(n.RPL_ENDOFINVITELIST)]
    if len(message.params) == 1:
        return [line(n.ERR_NEEDMOREPARAMS, "INVITE")]
    return p.InviteUser(session.id, label_of(message), message.params[0], message.params[1])


COMMANDS = (
    Command("INVITE", invite, shows_state=True),
    Command("JOIN", join, least=1),
    Command("KICK", kick, least=2),
    Command("NAMES", names_of, shows_state=True),
    Command("PART", part, least=1),
    Command("TOPIC", topic, least=1, shows_state=True),
)
