"""Up to which time users were in rooms, so that replay on join does not repeat what they have been sent.

A position is the time of the latest fact (ms since 1970 UTC) when the user left the room: all facts up to it were sent.

Invariants:

[visits-bounded] At most MAX_ROOMS rooms of a user are remembered, and at most MAX_GUESTS guests; the oldest go.
[visits-restart] Positions of accounts are records and outlive the server, also after a crash. Those of guests do not.
[visits-deny-only] Positions only shorten a replay. They grant nothing, so a guest may be recognised by name and host.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

PRIVATE = ""
"""The key, in place of a room's, for the position in all private conversations."""

MAX_ROOMS = 100
MAX_GUESTS = 2000
GUEST_MS = 24 * 3600 * 1000
"""How long a guest is recognised."""


@dataclass(frozen=True, slots=True)
class ReplayPositions:
    """The rooms of one account: its positions by room key, and the rooms it is in. `key` is the account's identity."""

    key: str
    left: Mapping[str, int]
    inside: tuple[str, ...] = ()

    def entering(self, room: str) -> ReplayPositions:
        """Return these visits after joining `room`."""
        return self if room in self.inside else replace(self, inside=(*self.inside, room))

    def leaving(self, rooms: Iterable[str], position: int, *, stays: bool = False) -> ReplayPositions:
        """Return these visits after leaving `rooms`; with `stays` another session of the account remains in them."""
        gone = dict.fromkeys(rooms, position)
        kept = {room: time for room, time in self.left.items() if room not in gone}
        left = dict([*kept.items(), *gone.items()][-MAX_ROOMS:])
        inside = self.inside if stays else tuple(room for room in self.inside if room not in gone)
        return ReplayPositions(self.key, left, inside)

    def renamed(self, old: str, new: str) -> ReplayPositions:
        """Return these visits after the room `old` was renamed to `new`.

        A position in an earlier room of that name is dropped, because it would hide messages of this one.
        """
        left = {new if room == old else room: time for room, time in self.left.items() if room != new}
        return ReplayPositions(self.key, left, tuple(new if room == old else room for room in self.inside))


class GuestPositions:
    """Positions of guests, by what they are recognised by and by room key, in memory."""

    def __init__(self) -> None:
        self._guests: OrderedDict[str, dict[str, tuple[int, int]]] = OrderedDict()

    def put(self, guest: str, rooms: Iterable[str], position: int, now: int) -> None:
        """Remember that `guest` left `rooms` now."""
        visits = self._guests.setdefault(guest, {})
        self._guests.move_to_end(guest)
        for room in rooms:
            visits.pop(room, None)
            visits[room] = (position, now)
        while len(visits) > MAX_ROOMS:
            del visits[next(iter(visits))]
        while len(self._guests) > MAX_GUESTS:
            self._guests.popitem(last=False)

    def position(self, guest: str, room: str, now: int) -> int:
        """Return the position of `guest` in `room`; 0 if it is unknown or too old."""
        position, left = self._guests.get(guest, {}).get(room, (0, 0))
        return position if now - left <= GUEST_MS else 0

    def rename(self, old: str, new: str) -> None:
        """Move the positions in the room `old` to `new`, and drop those in an earlier room `new`."""
        for visits in self._guests.values():
            visits.pop(new, None)
            if old in visits:
                visits[new] = visits.pop(old)
