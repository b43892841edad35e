"""The journal that keeps nothing beyond the server's own life: bounded, in memory, durable the moment it is told."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from chatctl.chat.facts import Fact


class MemoryJournal:
    """Keeps the last `keep` facts."""

    def __init__(self, keep: int = 10_000) -> None:
        self.facts: deque[Fact] = deque(maxlen=keep)
        self._durable: Callable[[int], None] | None = None

    def attach(self, durable: Callable[[int], None]) -> None:
        """Say who hears of durable facts."""
        self._durable = durable

    def append(self, facts: Sequence[Fact]) -> None:
        """Keep `facts`; in memory, that is as durable as it gets."""
        self.facts.extend(facts)
        if self._durable is not None:
            self._durable(facts[-1].seq)

    def last_seq(self) -> int:
        """Nothing is left of an earlier start."""
        return 0
