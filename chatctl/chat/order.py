"""The order of one machine: the loop's own, at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chatctl.chat.proposals import Entry, Proposal


class LocalOrder:
    """Numbers proposals as they come. `clock` gives ms since 1970 UTC; `boot` names this start of the server."""

    def __init__(self, clock: Callable[[], int], boot: str, last_seq: int = 0, last_time: int = 0) -> None:
        self._clock = clock
        self._boot = boot
        self._seq = last_seq
        self._time = last_time
        self._ordered: Callable[[Sequence[Entry]], None] = _nobody

    def attach(self, ordered: Callable[[Sequence[Entry]], None]) -> None:
        """Say where entries go."""
        self._ordered = ordered

    def propose(self, proposal: Proposal) -> None:
        """Give `proposal` the next place. Time never goes back, even where the machine's clock does."""
        self._seq += 1
        self._time = max(self._time, self._clock())
        self._ordered((Entry(self._seq, self._time, self._boot, proposal),))


def _nobody(entries: Sequence[Entry]) -> None:
    raise AssertionError("an order was used before it was attached")
