"""Events from the client's thread to the screen's, in batches.

Invariants:

- [never-wait] :meth:`EventQueue.put` runs on the client's thread, does almost nothing, and never waits.
- [one-wakeup] The screen is woken once when events arrive, and not again before it has taken them.
- [slices] Drawings are at least DRAW_PAUSE_SECONDS apart. In between events are handled in slices of SLICE_SECONDS,
  with BREATH_SECONDS after each, so a key never waits for thousands of messages.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from time import perf_counter

from chatctl.client import events as e

DRAW_PAUSE_SECONDS = 1 / 30
SLICE_SECONDS = 0.004
BREATH_SECONDS = 0.002
_AT_A_TIME = 20
"""Events between two looks at the clock."""


class EventQueue:
    """Events from the client's thread to the screen's. `wake` is called on the client's thread; it may be set later."""

    def __init__(self) -> None:
        self.wake: Callable[[], object] = lambda: None
        self._events: deque[e.Event] = deque()
        self._told = False
        self._lock = threading.Lock()

    def put(self, event: e.Event) -> None:
        """Add an event."""
        with self._lock:
            self._events.append(event)
            told, self._told = self._told, True
        if not told:
            self.wake()

    def take(self, most: int) -> list[e.Event]:
        """Return the first events, at most this many."""
        with self._lock:
            batch = [self._events.popleft() for _ in range(min(most, len(self._events)))]
            self._told = bool(self._events)
        return batch


class EventSlices:
    """Passes queued events to `hear` in slices, on the screen's thread; `now` is a clock in seconds."""

    def __init__(
        self, feed: EventQueue, hear: Callable[[e.Event], object], now: Callable[[], float] = perf_counter
    ) -> None:
        self._feed = feed
        self._hear = hear
        self._now = now
        self._undrawn = False
        self._drawn = now() - DRAW_PAUSE_SECONDS

    def slice(self) -> tuple[bool, float]:
        """Handle some events ([slices]). Return whether to draw, and the seconds until the next slice: 0 to wait for
        a wake-up."""
        end = self._now() + SLICE_SECONDS
        more = True
        while more and self._now() < end:
            batch = self._feed.take(_AT_A_TIME)
            for event in batch:
                self._hear(event)
            self._undrawn = self._undrawn or bool(batch)
            more = len(batch) == _AT_A_TIME
        left = DRAW_PAUSE_SECONDS - (self._now() - self._drawn)
        if self._undrawn and left <= 0:
            self._undrawn, self._drawn = False, self._now()
            return True, BREATH_SECONDS if more else DRAW_PAUSE_SECONDS
        return False, BREATH_SECONDS if more else left if self._undrawn else 0.0
