"""Which sessions are on short visits, and to which rooms. The rules are in :mod:`chatctl.chat.apply.short_visits`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from chatctl.chat.model.ids import SessionId, UserId
from chatctl.chat.model.room import Room, ShortVisit

_NONE: Mapping[str, Room] = MappingProxyType({})


class ShortVisits:
    """The rooms that transient sessions visit, by session, and by room in `Room.short_visits`."""

    def __init__(self) -> None:
        self._rooms: dict[SessionId, dict[str, Room]] = {}

    def __contains__(self, session: SessionId) -> bool:
        """Return whether this is a registered transient session."""
        return session in self._rooms

    def of(self, session: SessionId) -> Mapping[str, Room]:
        """Return the rooms that a session visits, by room key."""
        return self._rooms.get(session, _NONE)

    def register(self, session: SessionId) -> None:
        """Add a transient session, which visits no room yet."""
        self._rooms[session] = {}

    def forget(self, session: SessionId) -> None:
        """Remove a session that has ended."""
        self._rooms.pop(session, None)

    def begin(self, session: SessionId, user_id: UserId, room: Room, *, hears: bool) -> Room:
        """Begin a visit to `room`, and return that."""
        if room.short_visits is None:
            room.short_visits = {}
        room.short_visits[session] = ShortVisit(user_id, hears)
        self._rooms.setdefault(session, {})[room.key] = room
        return room

    def end(self, session: SessionId, room: Room) -> None:
        """End a visit."""
        self._rooms[session].pop(room.key, None)
        if room.short_visits is not None:
            room.short_visits.pop(session, None)
            room.short_visits = room.short_visits or None

    def renamed(self, room: Room) -> None:
        """Follow a room that has got another key."""
        for session in room.short_visits or ():
            self._rooms[session] = {each.key: each for each in self._rooms[session].values()}
