"""A token bucket: a burst, then a steady rate. Used for lines, passwords, accounts and connections."""

from __future__ import annotations


class TokenBucket:
    """A token bucket, as the time up to which its tokens are used (times in any one unit)."""

    __slots__ = ("_owing", "_used")

    def __init__(self) -> None:
        self._used = float("-inf")
        self._owing = float("-inf")  # until then more is used than there was

    def wait(self, now: float, cost: float, depth: float) -> float:
        """Take `cost`, and give 0; or how long until it is there. `depth` is the most there may be: the burst."""
        used = self._so_far(now, depth)
        if now < self._owing <= now + depth:
            return self._owing - now + cost
        if used + cost > now:
            return used + cost - now
        self._used += cost
        return 0.0

    def owe(self, now: float, cost: float, depth: float) -> None:
        """Take `cost` that was not known before: missing tokens become a debt, up to `depth`."""
        used = min(self._so_far(now, depth) + cost, now + depth)
        if used > now:
            self._owing = used
        self._used = min(used, now)

    def debt(self, now: float, depth: float) -> float:
        """Return the time until nothing is owed."""
        return self._owing - now if now < self._owing <= now + depth else 0.0

    def _so_far(self, now: float, depth: float) -> float:
        used = max(min(self._used, now), now - depth)  # a clock that went back owes nothing
        if self._owing <= now:
            used = max(used, self._owing)
        self._used = used
        return used

    def full(self, now: float, depth: float) -> bool:
        """Return whether the bucket is full."""
        return self._used <= now - depth
