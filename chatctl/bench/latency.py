"""Latencies: collected cheaply, summed up afterwards."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

SLICES = 120
BUCKETS = 60


class Latencies:
    """Samples, with the time each one ended. `begin`: the start of the run, by the same clock, in seconds."""

    def __init__(self, begin: float) -> None:
        self._begin = begin
        self._samples = array("d")
        self._at = array("d")
        self._sorted: list[float] = []

    def add(self, due: Sequence[float], at: float) -> None:
        """Record messages that were due at those times and arrived at `at`."""
        self._samples.extend(at - when for when in due)
        self._at.extend([at] * len(due))

    def quantiles(self) -> dict[str, float]:
        """Return the quantiles in milliseconds; empty without samples."""
        values = self._all()
        if not values:
            return {}
        found: dict[str, float] = {
            name: 1000 * quantile(values, part) for name, part in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))
        }
        found["max"] = 1000 * values[-1]
        found["count"] = len(values)
        return found

    def timeline(self) -> list[tuple[float, float, float, float]]:
        """Return the seconds since the start, and p50, p99 and the most (ms) of up to SLICES slices of time."""
        if not self._samples:
            return []
        width = max(1e-9, (max(self._at) - self._begin) / SLICES)
        slices: dict[int, list[float]] = {}
        for at, sample in zip(self._at, self._samples, strict=True):
            slices.setdefault(min(SLICES - 1, int((at - self._begin) / width)), []).append(sample)
        result = []
        for number, values in sorted(slices.items()):
            values.sort()
            line = [1000 * value for value in (quantile(values, 0.5), quantile(values, 0.99), values[-1])]
            result.append(((number + 0.5) * width, line[0], line[1], line[2]))
        return result

    def histogram(self) -> list[tuple[float, int]]:
        """Upper bounds (ms), each a fixed factor above the last, and how many lie below it and above the last."""
        values = self._all()
        if not values:
            return []
        low = max(1e-6, values[0])
        factor = max(1.001, (max(values[-1], low * 1.01) / low) ** (1 / BUCKETS))
        bounds = [low * factor ** (step + 1) for step in range(BUCKETS)]
        counts = [0] * BUCKETS
        at = 0
        for value in values:
            while at < BUCKETS - 1 and value > bounds[at]:
                at += 1
            counts[at] += 1
        return [(bound * 1000, count) for bound, count in zip(bounds, counts, strict=True)]

    def _all(self) -> list[float]:
        if len(self._sorted) != len(self._samples):
            self._sorted = sorted(self._samples)
        return self._sorted


def quantile(values: Sequence[float], part: float) -> float:
    """Return the quantile of sorted values: the smallest that at least `part` of them do not exceed."""
    return values[max(0, math.ceil(part * len(values)) - 1)]
