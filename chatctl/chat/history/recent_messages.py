"""The recent messages of each room, in memory, so that joining needs no disk."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Set

from chatctl.chat.entries.facts import AnyFact, Fact, MessageRun, each_fact, renamed
from chatctl.chat.entries.queries import MESSAGES, REDACT, RENAME
from chatctl.protocol.names import room_fold

_ROOMS = 2000
"""Rooms with recent messages in memory. Of those least recently used, they are read again when a user joins."""

_RECENT = 1000
"""Messages of all rooms that may be said while a room's last ones are fetched from disk."""


class _RoomMessages:
    """The last `length` messages of a room, as they were added. To trim rarely instead of at each message, it holds up
    to twice as many, and a few that the oldest bring with them."""

    __slots__ = ("count", "kept", "length")

    def __init__(self, length: int, kept: Iterable[AnyFact] = ()) -> None:
        self.length = length
        self.kept: deque[AnyFact] = deque()
        self.count = 0
        for item in kept:
            self.add(item)

    def add(self, item: AnyFact) -> None:
        self.kept.append(item)
        self.count += item.count
        if self.count > 2 * self.length:
            while self.count - self.kept[0].count >= self.length:
                self.count -= self.kept.popleft().count

    def facts(self) -> list[Fact]:
        return list(each_fact(self.kept))[-self.length :]


class RecentMessages:
    """The last `length` messages of rooms, by room key. A room may be known and have none."""

    def __init__(self, length: int) -> None:
        self.length = length
        self._rooms: OrderedDict[str, _RoomMessages] = OrderedDict()
        self._latest = _RoomMessages(_RECENT)

    def knows(self, key: str) -> bool:
        """Return whether the room's last messages are held."""
        return not self.length or key in self._rooms

    def load(self, key: str, older: Iterable[Fact], upto: int) -> None:
        """Add the stored history of a room up to the entry `upto`; later messages are known here already. If the room
        is known, nothing changes."""
        if key not in self._rooms:
            newer = each_fact(item for item in self._latest.kept if item.place == key and item.seq > upto)
            self._rooms[key] = _RoomMessages(self.length, (*older, *newer))
            if len(self._rooms) > _ROOMS:
                self._rooms.popitem(last=False)

    def add(self, kept: Iterable[AnyFact]) -> None:
        """Add the messages of an entry, and apply its deletions."""
        for item in kept:
            if isinstance(item, MessageRun) or item.kind in MESSAGES:
                self._latest.add(item)
                if (tail := self._rooms.get(item.place)) is not None:
                    tail.add(item)
                    self._rooms.move_to_end(item.place)
            elif item.kind == REDACT:
                self._take_back(item.place, item.text.partition(" ")[0])
            elif item.kind == RENAME:
                self._rename(item)

    def forget(self) -> None:
        """Forget everything, because stored messages changed. The next join reads them again."""
        self._rooms.clear()

    def of(self, key: str) -> list[Fact]:
        """Return the last messages, oldest first."""
        tail = self._rooms.get(key)
        return tail.facts() if tail is not None else []

    def refuse(self, seqs: Set[int]) -> None:
        """Remove the messages of refused entries."""
        self._latest = _RoomMessages(_RECENT, (item for item in self._latest.kept if item.seq not in seqs))
        for key, tail in self._rooms.items():
            if any(item.seq in seqs for item in tail.kept):
                self._rooms[key] = _RoomMessages(self.length, (fact for fact in tail.facts() if fact.seq not in seqs))

    def _take_back(self, place: str, message_id: str) -> None:
        """Remove a message of `place`."""
        recent: list[AnyFact] = []
        for item in self._latest.kept:
            here = item.each() if item.place == place else ()
            if any(fact.message_id == message_id for fact in here):
                recent += [fact for fact in here if fact.message_id != message_id]
            else:
                recent.append(item)
        self._latest = _RoomMessages(_RECENT, recent)
        if (tail := self._rooms.get(place)) is not None:
            self._rooms[place] = _RoomMessages(self.length, (f for f in tail.facts() if f.message_id != message_id))

    def _rename(self, fact: Fact) -> None:
        tail = self._rooms.pop(fact.place, None)
        if tail is not None:
            self._rooms[room_fold(fact.text.split(" ")[1])] = _RoomMessages(self.length, renamed(fact, tail.facts()))
        self._latest = _RoomMessages(_RECENT, renamed(fact, self._latest.kept))
