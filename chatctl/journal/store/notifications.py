"""Notifications of the journal's thread to the thread that owns the chat state, and statistics for an operator.

Invariants:

- [owner-thread] The owner's functions are called through `call_soon`, on its own thread, never on this one.
- [generations] Facts are decided on the assumption that all earlier ones are stored. A generation is what the owner
  appends between two failures that it was told of: after a failure, all facts of an older generation fail too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from chatctl.chat.ports import JournalListener

T = TypeVar("T")
CallSoon = Callable[[Callable[[], None]], None]


class CompletionNotifier:
    """Notifies the owner of commits. `generation` belongs to the owner's thread, all else to the journal's."""

    def __init__(self) -> None:
        self.listener: JournalListener | None = None
        self.call_soon: CallSoon = _not_started
        self.generation = 0  # of the owner: how many failures it has heard of
        self._needed = 0  # how many there were

    def outdated(self, generation: int) -> bool:
        """Return whether a failure outdated this generation ([generations])."""
        return generation < self._needed

    def failing(self) -> None:
        """Note a failure: pending facts are outdated."""
        self._needed += 1

    def durable(self, seq: int) -> None:
        """Note that everything up to `seq` is durable."""
        if self.listener is not None:
            self.call_soon(partial(self.listener.durable, seq))

    def failed(self, first: int, last: int, reason: str) -> None:
        """Report that the entries `first` to `last` are not stored; 0 and 0 if the batch belongs to none."""
        self.call_soon(partial(self._heard, self._needed, first, last, reason))

    def _heard(self, needed: int, first: int, last: int, reason: str) -> None:
        """Deliver the notifications. Runs on the owner's thread."""
        self.generation = max(self.generation, needed)
        if last and self.listener is not None:
            self.listener.failed(first, last, reason)

    def fatal(self, reason: str) -> None:
        """Note that nothing can be stored from now on."""
        if self.listener is not None:
            self.call_soon(partial(self.listener.fatal, reason))

    def result(self, done: Callable[[T], None], result: T) -> None:
        """Deliver the result of a request."""
        self.call_soon(partial(done, result))


class CommitStats:
    """Statistics of commits. Written by the journal's thread, read by any."""

    def __init__(self) -> None:
        self.waiting_since: float | None = None
        """Monotonic: since when the oldest fact waits that is not durable."""
        self._batches = self._facts = 0
        self._last_ms = self._worst_ms = 0.0
        self._last_at: int | None = None

    def kept(self, facts: int, at: int) -> None:
        """Count a stored batch, at this time (ms since 1970 UTC)."""
        self._batches += 1
        self._facts += facts
        self._last_at = at

    def took(self, seconds: float) -> None:
        """Record the duration of a commit, whatever its outcome."""
        self._last_ms = seconds * 1000
        self._worst_ms = max(self._worst_ms, self._last_ms)

    def status(self) -> dict[str, object]:
        """Durations in ms. `lag_ms`: the age of the oldest fact that is not durable yet; `last_commit`: when one
        succeeded, in ms since 1970 UTC, None for never since the start."""
        since = self.waiting_since
        return {
            "batches": self._batches,
            "facts": self._facts,
            "last_commit": self._last_at,
            "last_commit_ms": round(self._last_ms, 3),
            "worst_commit_ms": round(self._worst_ms, 3),
            "lag_ms": 0.0 if since is None else round((time.monotonic() - since) * 1000, 3),
        }


def _not_started(call: Callable[[], None]) -> None:
    raise AssertionError("a journal was used before it was started")
