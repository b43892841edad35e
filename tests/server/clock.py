"""A clock that a test puts forward: hours pass at once, however busy the machine is."""

from __future__ import annotations

import time

from tests.wire import Wire

HOUR = 3600.0


class Clock:
    """The time of a server under test: what really passes, and what the test adds."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self._ahead

    def advance(self, seconds: float, witness: Wire) -> None:
        """Advance the clock; return when the server has handled all deadlines until then, as `witness` sees."""
        self._ahead += seconds
        # The first answer is sent before the server checks its deadlines, the second one after that.
        witness.ping("first")
        witness.ping("second")
