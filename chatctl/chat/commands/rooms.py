"""Rooms: JOIN, PART, TOPIC, NAMES, LIST, KICK, MODE (modern.ircdocs.horse, "Channel Operations", "MODE message")."""

from __future__ import annotations

from chatctl.chat import proposals as p
from chatctl.chat.commands.kinds import Command, Job, Reply, Result, View, label_of, line, packed
from chatctl.chat.history import Page, Query
from chatctl.chat.modes import ROOM_MODES, USER_MODES, Kind, symbols
from chatctl.chat.session import Session
from chatctl.chat.state import Room, User
from chatctl.protocol import masks, names
from chatctl.protocol import numerics as n
from chatctl.protocol.capabilities import CHATHISTORY, MULTI_PREFIX, SERVER_TIME, USERHOST_IN_NAMES
from chatctl.protocol.message import MAX_LINE, Message

_MAX_CHANGES = 20
"""Mode changes of one command (MODES in ISUPPORT): a bound on work, far above what fits in a sensible line."""


def _listed(parameter: str) -> tuple[str, ...]:
    """``a,b,,c`` as its items."""
    return tuple(item for item in parameter.split(",") if item)


def join(view: View, session: Session, message: Message) -> Result:
    """JOIN #a,#b; ``JOIN 0`` leaves every room."""
    if message.params[0] == "0":
        rooms = tuple(room.name for room in view.user(session).rooms.values())
        return p.Part(session.id, label_of(message), rooms, "") if rooms else None
    wanted = _listed(message.params[0])
    if not wanted:
        return [line(n.ERR_NEEDMOREPARAMS, "JOIN")]
    if session.caps & (SERVER_TIME | CHATHISTORY) == SERVER_TIME:
        for name in wanted[: view.rules.max_rooms]:
            key = names.room_fold(name)
            if names.room_problem(name) is None and not view.tails.knows(key):
                return _load_tail(view, key, message)
    return p.Join(session.id, label_of(message), wanted)


def _load_tail(view: View, key: str, message: Message) -> Job:
    """Before somebody enters whose client cannot ask for history: fetch the last messages, where they are not held."""

    asked_upto = 0

    def query(upto: int) -> Query:
        nonlocal asked_upto
        asked_upto = upto
        return Query(key, view.tails.length, upto)

    def loaded(view: View, session: Session, page: Page) -> Result:
        view.tails.load(key, page.facts, asked_upto)
        return join(view, session, message)

    return Job(query, loaded)


def part(view: View, session: Session, message: Message) -> Result:
    """PART #a,#b [:reason]."""
    rooms = _listed(message.params[0])
    if not rooms:
        return [line(n.ERR_NEEDMOREPARAMS, "PART")]
    return p.Part(session.id, label_of(message), rooms, message.param(1))


def kick(view: View, session: Session, message: Message) -> Result:
    """KICK #room nick,nick [:reason], or as many rooms as nicks (RFC 2812, section 3.2.8)."""
    where, nicks = _listed(message.params[0]), _listed(message.params[1])
    if len(where) == 1:
        where *= len(nicks)
    if len(where) != len(nicks) or not nicks:
        return [line(n.ERR_NEEDMOREPARAMS, message.command)]
    return p.Kick(session.id, label_of(message), tuple(zip(where, nicks, strict=True)), message.param(2))


def topic(view: View, session: Session, message: Message) -> Result:
    """TOPIC #room [:text]: without a text it asks, with an empty one it clears."""
    name = message.params[0]
    if len(message.params) > 1:
        return p.SetTopic(session.id, label_of(message), name, message.params[1])
    room = view.state.room_named(name)
    if room is None:
        return [line(n.ERR_NOSUCHCHANNEL, name)]
    return list(topic_lines(room)) or [line(n.RPL_NOTOPIC, room.name)]


def topic_lines(room: Room) -> list[Reply]:
    """332 and 333 for a room that has a topic."""
    if not room.topic:
        return []
    return [
        line(n.RPL_TOPIC, room.name, text=room.topic),
        line(n.RPL_TOPICWHOTIME, room.name, room.topic_by, text=str(room.topic_time // 1000)),
    ]


def names_of(view: View, session: Session, message: Message) -> Result:
    """NAMES #a,#b. Without a room there is nothing to list: all names of all rooms would be a flood."""
    if not message.params:
        return [line(n.RPL_ENDOFNAMES, "*")]
    replies: list[Reply] = []
    for name in _listed(message.params[0])[: view.rules.max_targets]:
        room = view.state.room_named(name)
        replies += names_lines(view, session, room) if room is not None else [line(n.RPL_ENDOFNAMES, name)]
    return replies


def names_lines(view: View, session: Session, room: Room) -> list[Reply]:
    """353 and 366: who is in `room`, as `session` may see it."""
    every = bool(session.caps & MULTI_PREFIX)
    whole = bool(session.caps & USERHOST_IN_NAMES)
    inside = session.id in room.members
    nicks = (
        symbols(standing, every=every) + (user.prefix if whole else user.nick)
        for user, standing in view.state.members_of(room)
        if inside or "i" not in user.modes
    )
    space = MAX_LINE - 2 - len(f":{view.rules.server_name} 353 {view.called(session)} = {room.name} :".encode())
    replies: list[Reply] = [line(n.RPL_NAMREPLY, "=", room.name, text=text) for text in packed(nicks, space)]
    return [*replies, line(n.RPL_ENDOFNAMES, room.name)]


def described(view: View, session: Session, room: Room) -> list[Reply]:
    """What somebody who just entered is told."""
    return [*topic_lines(room), *names_lines(view, session, room)]


def list_rooms(view: View, session: Session, message: Message) -> Result:
    """LIST [names or masks]."""
    wanted = [names.room_fold(item) for item in _listed(message.param(0))][: view.rules.max_rooms]
    replies: list[Reply] = [line(n.RPL_LISTSTART, "Room")]
    for room in view.state.rooms.values():
        if not room.members:
            continue  # the lobby stays when it is empty, but a list of rooms is a list of where people are
        if not wanted or any(masks.matches(mask, room.key) for mask in wanted):
            replies.append(line(n.RPL_LIST, room.name, str(len(room.members)), text=room.topic))
    return [*replies, line(n.RPL_LISTEND)]


def mode(view: View, session: Session, message: Message) -> Result:
    """MODE of a room or of oneself: without changes it asks."""
    target = message.params[0]
    if target[:1] == "#":
        room = view.state.room_named(target)
        if room is None:
            return [line(n.ERR_NOSUCHCHANNEL, target)]
        if len(message.params) == 1:
            return [
                line(n.RPL_CHANNELMODEIS, room.name, text=room.mode_string),
                line(n.RPL_CREATIONTIME, room.name, text=str(room.created // 1000)),
            ]
        return _room_changes(session, room, message)
    me = view.user(session)
    other = view.state.user_named(target)
    if other is None:
        return [line(n.ERR_NOSUCHNICK, target)]
    if other is not me:
        return [line(n.ERR_USERSDONTMATCH)]
    return _user_changes(session, me, message)


def _letters(word: str) -> list[tuple[bool, str]]:
    """``+o-v`` as ``[(True, "o"), (False, "v")]``."""
    add = True
    letters: list[tuple[bool, str]] = []
    for letter in word:
        if letter in "+-":
            add = letter == "+"
        else:
            letters.append((add, letter))
    return letters


def _room_changes(session: Session, room: Room, message: Message) -> Result:
    parameters = iter(message.params[2:])
    changes: list[p.ModeChange] = []
    unknown: dict[str, None] = {}
    for add, letter in _letters(message.params[1])[:_MAX_CHANGES]:
        row = ROOM_MODES.get(letter)
        if row is None:
            unknown[letter] = None
            continue
        takes = row.kind in (Kind.PREFIX, Kind.ALWAYS, Kind.LIST) or (row.kind is Kind.SETTING and add)
        parameter = next(parameters, "") if takes else ""
        if takes and not parameter:
            continue
        changes.append(p.ModeChange(add, letter, parameter))
    if unknown:
        # All or nothing: half of what was asked would be a surprise.
        return [line(n.ERR_UNKNOWNMODE, letter) for letter in unknown]
    return p.SetRoomModes(session.id, label_of(message), room.name, tuple(changes)) if changes else None


def _user_changes(session: Session, me: User, message: Message) -> Result:
    if len(message.params) == 1:
        return [line(n.RPL_UMODEIS, text=f"+{me.modes}")]
    letters = _letters(message.params[1])[:_MAX_CHANGES]
    if any(letter not in USER_MODES for _, letter in letters):
        return [line(n.ERR_UMODEUNKNOWNFLAG)]
    changes = tuple(p.ModeChange(add, letter, "") for add, letter in letters)
    return p.SetUserModes(session.id, label_of(message), changes) if changes else None


COMMANDS = (
    Command("JOIN", join, least=1),
    Command("KICK", kick, least=2),
    Command("LIST", list_rooms),
    Command("MODE", mode, least=1),
    Command("NAMES", names_of),
    Command("PART", part, least=1),
    Command("TOPIC", topic, least=1),
)
