"""The rooms we are in, and who is in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from chatctl.client.isupport import Isupport


class Room:
    """One room: `name` as the server writes it, `members` by folded name, each a nick and its standing's symbols."""

    __slots__ = ("listing", "members", "name", "topic")

    def __init__(self, name: str) -> None:
        self.name = name
        self.topic = ""
        self.members: dict[str, tuple[str, str]] = {}
        self.listing: dict[str, tuple[str, str]] = {}
        """What 353 has told so far; 366 makes it the members."""


class Rooms:
    """Rooms by folded name."""

    def __init__(self, isupport: Isupport) -> None:
        self._isupport = isupport
        self._rooms: dict[str, Room] = {}

    def __iter__(self) -> Iterator[Room]:
        return iter(self._rooms.values())

    def __contains__(self, name: str) -> bool:
        return self._fold(name) in self._rooms

    @property
    def _fold(self) -> Callable[[str], str]:
        return self._isupport.fold

    def get(self, name: str) -> Room | None:
        """The room, where we are in it."""
        return self._rooms.get(self._fold(name))

    def open(self, name: str) -> Room:
        """We entered: whatever was known of it is old."""
        room = self._rooms[self._fold(name)] = Room(name)
        return room

    def close(self, name: str) -> None:
        """We left."""
        self._rooms.pop(self._fold(name), None)

    def clear(self) -> None:
        """The connection is gone."""
        self._rooms.clear()

    def enter(self, name: str, nick: str) -> None:
        """Somebody entered."""
        room = self.get(name)
        if room is not None:
            room.members[self._fold(nick)] = (nick, "")

    def leave(self, name: str, nick: str) -> None:
        """Somebody left one room."""
        room = self.get(name)
        if room is not None:
            room.members.pop(self._fold(nick), None)

    def vanish(self, nick: str) -> tuple[str, ...]:
        """Somebody left the chat: the rooms they were in."""
        key = self._fold(nick)
        return tuple(room.name for room in self if room.members.pop(key, None) is not None)

    def rename(self, old: str, new: str) -> None:
        """Somebody changed their name."""
        key = self._fold(old)
        for room in self:
            member = room.members.pop(key, None)
            if member is not None:
                room.members[self._fold(new)] = (new, member[1])

    def standing(self, name: str, add: bool, letter: str, nick: str) -> None:
        """Somebody was given a standing (``+o``), or it was taken."""
        room = self.get(name)
        symbol = self._isupport.prefixes.get(letter)
        member = room.members.get(self._fold(nick)) if room is not None else None
        if room is None or member is None or symbol is None:
            return
        held = set(member[1]) - {symbol} | ({symbol} if add else set())
        order = self._isupport.prefixes.values()
        room.members[self._fold(nick)] = (member[0], "".join(found for found in order if found in held))
