"""The rate of messages over the last minute, for the operator's status."""

from __future__ import annotations

from collections import deque

WINDOW_MS = 60_000
_SAMPLE_MS = 1000
_MAX_SAMPLES = WINDOW_MS // _SAMPLE_MS


class MessageRate:
    """Samples of the message count, one a second at the most."""

    def __init__(self) -> None:
        self._samples: deque[tuple[int, int]] = deque(maxlen=_MAX_SAMPLES)

    def add_sample(self, now: int, messages: int) -> None:
        """Note the count of messages since the start, unless there is a sample of this second."""
        if not self._samples or now - self._samples[-1][0] >= _SAMPLE_MS:
            self._samples.append((now, messages))

    def per_second(self, now: int, messages: int) -> float:
        """Return the rate since the oldest sample of the last minute; `messages`: the present count."""
        oldest = next((sample for sample in self._samples if now - sample[0] <= WINDOW_MS), None)
        if oldest is None:
            return 0.0
        time, count = oldest
        return round((messages - count) / max(1.0, (now - time) / 1000), 2)
