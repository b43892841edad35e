"""The order of a single machine: entries are ordered at once, by the event loop.

Invariants:

- [one-order] Every change of shared state is an entry. Entries have one order, which `seq` counts.
- [monotonic] The time of an entry is the clock's, and never decreases.
- [clock-behind] If the clock is behind the last entry (it was set back), time advances by 1 ms whenever the clock
  moves, until the clock has caught up: it neither stands still nor runs further ahead. Facts of one ms still have times
  of their own ([distinct-times] in outcome.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chatctl.chat.entries.proposals import Entry, Proposal


class LocalOrder:
    """Numbers proposals as they come. `clock` gives ms since 1970 UTC; `boot` names this start of the server."""

    def __init__(self, clock: Callable[[], int], boot: str, last_seq: int = 0, last_time: int = 0) -> None:
        self._clock = clock
        self._boot = boot
        self._seq = last_seq
        self._time = last_time
        self._now = 0
        self._ordered: Callable[[Sequence[Entry]], None] = _nobody

    def attach(self, ordered: Callable[[Sequence[Entry]], None]) -> None:
        """Set the receiver of the entries."""
        self._ordered = ordered

    def propose(self, proposal: Proposal) -> None:
        """Give `proposal` the next place in the order."""
        self._seq += 1
        now = self._clock()
        if now != self._now:
            self._now = now
            self._time = max(now, self._time + 1)
        self._ordered((Entry(self._seq, self._time, self._boot, proposal),))


def _nobody(entries: Sequence[Entry]) -> None:
    raise AssertionError("an order was used before it was attached")
