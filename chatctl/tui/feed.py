"""Events from the client's thread to the screen's, in batches.

The rules of this file:

1. :meth:`Feed.put` is called on the client's thread, does next to nothing, and never waits.
2. The screen is told once that there is something, and not again before it has taken what there is.
3. Batches are at least PAUSE apart, and no longer than MOST: a key pressed meanwhile is never behind thousands of
   messages.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from chatctl.client import events as e

PAUSE = 1 / 30
MOST = 1000


class Feed:
    """`wake` is called on the client's thread when there is something to take; it may be set later."""

    def __init__(self) -> None:
        self.wake: Callable[[], object] = lambda: None
        self._events: deque[e.Event] = deque()
        self._told = False
        self._lock = threading.Lock()

    def put(self, event: e.Event) -> None:
        """Something happened."""
        with self._lock:
            self._events.append(event)
            told, self._told = self._told, True
        if not told:
            self.wake()

    def take(self) -> tuple[list[e.Event], bool]:
        """What happened, and whether there is more of it."""
        with self._lock:
            batch = [self._events.popleft() for _ in range(min(MOST, len(self._events)))]
            self._told = bool(self._events)
        return batch, self._told
