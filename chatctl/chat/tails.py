"""The last messages of each room, in memory, so that showing them to somebody who enters needs no disk."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Set

from chatctl.chat.facts import Fact, renamed
from chatctl.chat.history import MESSAGES, REDACT, RENAME
from chatctl.protocol.names import room_fold

_ROOMS = 2000
"""Rooms whose last messages are held; those not used for longest are asked for again when somebody enters."""

_RECENT = 1000
"""Messages of all rooms that may be said while a room's last ones are fetched from disk."""


class Tails:
    """The last `length` messages of rooms, by room key. A room is known when it is here, even if it has none."""

    def __init__(self, length: int) -> None:
        self.length = length
        self._tails: OrderedDict[str, deque[Fact]] = OrderedDict()
        self._recent: deque[Fact] = deque(maxlen=_RECENT)

    def knows(self, key: str) -> bool:
        """Whether the room's last messages are held."""
        return not self.length or key in self._tails

    def load(self, key: str, older: Iterable[Fact], upto: int) -> None:
        """What history holds of a room up to the entry `upto`; what has been said since is known here. Where the room
        is known already, that counts."""
        if key not in self._tails:
            newer = (fact for fact in self._recent if fact.place == key and fact.seq > upto)
            self._tails[key] = deque((*older, *newer), maxlen=self.length)
            if len(self._tails) > _ROOMS:
                self._tails.popitem(last=False)

    def add(self, facts: Iterable[Fact]) -> None:
        """What an entry gave: something was said, or taken back."""
        for fact in facts:
            if fact.kind in MESSAGES:
                self._recent.append(fact)
                if (tail := self._tails.get(fact.place)) is not None:
                    tail.append(fact)
                    self._tails.move_to_end(fact.place)
            elif fact.kind == REDACT:
                self._take_back(fact.text.partition(" ")[0])
            elif fact.kind == RENAME:
                self._rename(fact)

    def forget(self) -> None:
        """History has changed behind the last messages: whoever enters next has them fetched from there."""
        self._tails.clear()

    def _rename(self, fact: Fact) -> None:
        tail = self._tails.pop(fact.place, None)
        if tail is not None:
            self._tails[room_fold(fact.text.split(" ")[1])] = deque(renamed(fact, tail), self.length)
        self._recent = deque(renamed(fact, self._recent), _RECENT)

    def _take_back(self, message_id: str) -> None:
        for facts in (self._recent, *self._tails.values()):
            if any(fact.message_id == message_id for fact in facts):
                kept = [fact for fact in facts if fact.message_id != message_id]
                facts.clear()
                facts.extend(kept)

    def refuse(self, seqs: Set[int]) -> None:
        """What these entries gave was not kept: it was never said."""
        for facts in (self._recent, *self._tails.values()):
            if any(fact.seq in seqs for fact in facts):
                kept = [fact for fact in facts if fact.seq not in seqs]
                facts.clear()
                facts.extend(kept)

    def of(self, key: str) -> list[Fact]:
        """The last messages, oldest first."""
        return list(self._tails.get(key, ()))
