"""The rooms we are in, and who is in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from chatctl.client.isupport import Isupport

MAX_LISTED = 100_000
"""Names kept of listings that a server began and never ended: far above any room, and a bound."""


class JoinedRoom:
    """One room: `name` as the server writes it, `members` by folded name, each a nick and its standing's symbols."""

    __slots__ = ("members", "name", "topic")

    def __init__(self, name: str) -> None:
        self.name = name
        self.topic = ""
        self.members: dict[str, tuple[str, str]] = {}


class JoinedRooms:
    """Rooms by folded name."""

    def __init__(self, isupport: Isupport) -> None:
        self._isupport = isupport
        self._rooms: dict[str, JoinedRoom] = {}
        self._listings: dict[str, dict[str, tuple[str, str]]] = {}
        self._listed = 0
        """Names and listings in them."""

    def __iter__(self) -> Iterator[JoinedRoom]:
        return iter(self._rooms.values())

    def __contains__(self, name: str) -> bool:
        return self._fold(name) in self._rooms

    @property
    def _fold(self) -> Callable[[str], str]:
        return self._isupport.fold

    def get(self, name: str) -> JoinedRoom | None:
        """Return the room if it is joined."""
        return self._rooms.get(self._fold(name))

    def open(self, name: str) -> JoinedRoom:
        """Add a joined room; earlier knowledge of it is dropped."""
        room = self._rooms[self._fold(name)] = JoinedRoom(name)
        return room

    def close(self, name: str) -> None:
        """Remove a room that was left."""
        self._rooms.pop(self._fold(name), None)

    def clear(self) -> None:
        """Forget all rooms, after a connection loss."""
        self._rooms.clear()
        self._forget_listings()

    def refold(self) -> None:
        """Bring rooms and members under the server's new rule for spellings."""
        self._rooms = {self._fold(room.name): room for room in self}
        for room in self:
            room.members = {self._fold(nick): (nick, symbols) for nick, symbols in room.members.values()}
        self._listings = {
            self._fold(key): {self._fold(nick): (nick, symbols) for nick, symbols in listing.values()}
            for key, listing in self._listings.items()
        }
        self._listed = len(self._listings) + sum(map(len, self._listings.values()))

    def _forget_listings(self) -> None:
        self._listings.clear()
        self._listed = 0

    def enter(self, name: str, nick: str) -> None:
        """Add a member."""
        room = self.get(name)
        if room is not None:
            room.members[self._fold(nick)] = (nick, "")

    def leave(self, name: str, nick: str) -> None:
        """Remove a member of one room."""
        room = self.get(name)
        if room is not None:
            room.members.pop(self._fold(nick), None)

    def vanish(self, nick: str) -> tuple[str, ...]:
        """Remove a user who left the chat from all rooms; return these rooms."""
        key = self._fold(nick)
        return tuple(room.name for room in self if room.members.pop(key, None) is not None)

    def rename(self, old: str, new: str) -> None:
        """Follow a nick change."""
        key = self._fold(old)
        for room in self:
            member = room.members.pop(key, None)
            if member is not None:
                room.members[self._fold(new)] = (new, member[1])

    def standing(self, name: str, add: bool, letter: str, nick: str) -> None:
        """Note that a member got or lost a prefix mode (``+o``)."""
        room = self.get(name)
        symbol = self._isupport.prefixes.get(letter)
        member = room.members.get(self._fold(nick)) if room is not None else None
        if room is None or member is None or symbol is None:
            return
        held = set(member[1]) - {symbol} | ({symbol} if add else set())
        order = self._isupport.prefixes.values()
        room.members[self._fold(nick)] = (member[0], "".join(found for found in order if found in held))

    def listed(self, name: str, items: Iterable[str]) -> None:
        """Add a part of the list of members (353). The room need not be joined."""
        if self._listed >= MAX_LISTED:
            self._forget_listings()
            return
        key = self._fold(name)
        self._listed += key not in self._listings
        listing = self._listings.setdefault(key, {})
        before = len(listing)
        for item in items:
            symbols, nick = self._isupport.split_member(item)
            listing[self._fold(nick)] = (nick, symbols)
        self._listed += len(listing) - before

    def listing_ended(self, name: str) -> list[tuple[str, str]]:
        """Return the complete list of (nick, symbols); if the room is joined, these are its members now (366)."""
        key = self._fold(name)
        self._listed -= len(self._listings[key]) + 1 if key in self._listings else 0
        listing = self._listings.pop(key, {})
        room = self.get(name)
        if room is not None and listing:
            room.members = listing
        return list(listing.values())
