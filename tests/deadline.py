"""The only deadline of the tests: how long to wait for an event that must come.

It bounds a failing test and does not measure speed: a loaded machine must not fail a test. Waiting code polls until the
event is there. No test asserts how long it took.
"""

from __future__ import annotations

import time
from collections.abc import Callable

DEADLINE = 60.0


class Deadline:
    """A time by which something must have happened."""

    def __init__(self, seconds: float = DEADLINE) -> None:
        self._by = time.monotonic() + seconds

    def check(self, what: str) -> None:
        """Fail with `what` if the time is over."""
        assert time.monotonic() < self._by, f"not in time: {what}"


def eventually(holds: Callable[[], object], what: str) -> None:
    """Ask `holds` again and again until it gives true."""
    end = Deadline()
    while not holds():
        end.check(what)
        time.sleep(0.01)
