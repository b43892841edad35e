"""Deadlines of connections: one heap entry each, moved lazily.

A connection's deadline changes with every line it sends; moving its entry each time would cost more than the line. So
an entry stays, and when its time comes the owner returns the current deadline.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

_NEVER = (float("inf"), 0)
_FEW = 64


class Deadlines(Generic[K]):
    """Keys and their times, in seconds of whatever clock the owner uses."""

    def __init__(self) -> None:
        # Keys are kept beside the heap: a removed key must not stay alive in it until its time comes.
        self._heap: list[tuple[float, int]] = []
        self._when: dict[K, tuple[float, int]] = {}
        self._keys: dict[int, K] = {}
        self._count = 0

    def set(self, key: K, when: float) -> None:
        """Look at `key` at `when` at the latest; a later time than the one it has is ignored until that has come."""
        if when < self._when.get(key, _NEVER)[0]:
            self.drop(key)
            self._count += 1
            self._when[key] = (when, self._count)
            self._keys[self._count] = key
            heapq.heappush(self._heap, (when, self._count))

    def drop(self, key: K) -> None:
        """Forget `key`."""
        _, number = self._when.pop(key, _NEVER)
        self._keys.pop(number, None)
        if len(self._heap) > _FEW + 2 * len(self._keys):  # most entries belong to removed keys
            self._heap = [entry for entry in self._heap if entry[1] in self._keys]
            heapq.heapify(self._heap)

    def next(self) -> float | None:
        """Return when :meth:`expire` has something to do; None for never."""
        return self._heap[0][0] if self._heap else None

    def expire(self, now: float, look: Callable[[K], float | None]) -> None:
        """Call `look` for each key whose time has come; it gives the key's next time, or None to forget it."""
        while self._heap and self._heap[0][0] <= now:
            _, number = heapq.heappop(self._heap)
            if number not in self._keys:
                continue  # moved to an earlier time since, or dropped
            key = self._keys[number]
            self.drop(key)
            following = look(key)
            if following is not None:
                # Never in the past, or this loop would not end.
                self.set(key, max(following, now + 0.001))
