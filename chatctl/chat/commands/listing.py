"""LIST, with the conditions of ELIST (modern.ircdocs.horse, "LIST message", "ELIST Parameter").

A condition is a room's name or a mask of it; ``!mask`` for those it does not fit; ``>n`` and ``<n`` for the number of
users; ``C>n``, ``C<n`` for how many minutes ago the room was created, ``T>n``, ``T<n`` for its topic. All must
hold, except that of several names and masks one is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from chatctl.chat.commands.base import Command, CommandContext, Long, Reply, Result, line, means_this_server
from chatctl.chat.delivery.session import Session
from chatctl.chat.model.room import Room
from chatctl.protocol import masks, names
from chatctl.protocol import numerics as n
from chatctl.protocol.message import Message

_MAX_CONDITIONS = 20
_MINUTE = 60_000
_SLICE = 100
"""Rooms that are looked at in one tick."""

Condition = Callable[[Room], bool]


def list_rooms(context: CommandContext, session: Session, message: Message) -> Result:
    """LIST [names] [conditions], in any order, or in one parameter; a server may stand last (RFC 2812)."""
    now = context.clock()
    given = [parameter.split(",") for parameter in message.params[:2]]
    if len(given) > 1 and all(_condition(word, now) is None for word in given[1]):
        server = message.param(1)
        if server and not means_this_server(context, server):
            return [line(n.ERR_NOSUCHSERVER, server)]
        del given[1]
    words = [word for parameter in given for word in parameter if word]
    if len(words) > _MAX_CONDITIONS:
        return [line(n.ERR_TOOMANYTARGETS, words[_MAX_CONDITIONS])]
    conditions: list[Condition] = []
    wanted: list[str] = []
    for word in words:
        condition = _condition(word, now)
        if condition is not None:
            conditions.append(condition)
        else:
            wanted.append(names.room_fold(word))

    def shown(rooms: list[Room]) -> list[Reply]:
        me = context.user(session)
        return [
            line(n.RPL_LIST, room.name, str(len(room.members)), text=room.topic)
            for room in rooms
            # A lobby that is empty and unchanged is left out: nothing in it is of use to the reader.
            if (room.members or room.has_settings)
            and room.known_to(me.id)
            and (not wanted or any(masks.matches(mask, room.key) for mask in wanted))
            and all(condition(room) for condition in conditions)
        ]

    def slices(rooms: list[Room]) -> Iterator[list[Reply]]:
        yield [line(n.RPL_LISTSTART, "Room")]
        for first in range(0, len(rooms), _SLICE):
            yield shown(rooms[first : first + _SLICE])
        yield [line(n.RPL_LISTEND)]

    found = slices(list(context.state.rooms.values()))
    return Long(found) if len(context.state.rooms) > _SLICE else [reply for part in found for reply in part]


def _condition(word: str, now: int) -> Condition | None:
    """Return the condition that `word` sets for rooms; None if it is a name or a mask."""
    if not word:
        return None
    if word[0] == "!":
        mask = names.room_fold(word[1:])
        return lambda room: not masks.matches(mask, room.key)
    kind, rest = (word[0].upper(), word[1:]) if word[0] in "CcTt" else ("U", word)
    sign, number = rest[:1], rest[1:]
    if sign not in ("<", ">") or not (number.isascii() and number.isdigit()) or len(number) > len("1000000000"):
        return None
    measure = _MEASURES[kind]
    bound = int(number)
    if kind == "U":
        return (lambda room: measure(room, now) > bound) if sign == ">" else (lambda room: measure(room, now) < bound)
    # ``C>5``: more than five minutes ago. A room without a topic has none of any age.
    bound *= _MINUTE
    if sign == ">":
        return lambda room: measure(room, now) > bound
    return lambda room: 0 <= measure(room, now) < bound


_MEASURES: dict[str, Callable[[Room, int], int]] = {
    "U": lambda room, _: len(room.members),
    "C": lambda room, now: now - room.created,
    "T": lambda room, now: now - room.topic_time if room.topic else -1,
}


COMMANDS = (Command("LIST", list_rooms, shows_state=True),)
