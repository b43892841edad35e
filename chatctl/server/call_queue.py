"""Calls of other threads, run on the event loop's thread."""

from __future__ import annotations

import contextlib
import socket
from collections import deque
from collections.abc import Callable

from chatctl.chat.ports import LogPort
from chatctl.errors import traceback_place


class CallQueue:
    """Functions to call on the loop's thread, and a socket pair that wakes the loop up.

    Args:
        log: Gets the error of a function that failed.
        clock: Returns monotonic seconds.
    """

    def __init__(self, log: LogPort, clock: Callable[[], float]) -> None:
        self._log = log
        self._clock = clock
        self.pending: deque[Callable[[], None]] = deque()
        """The functions in order. The loop reads whether there are any, in every tick."""
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when a function was added."""
        return self._wake_in.fileno()

    def add(self, function: Callable[[], None]) -> None:
        """Add a function, and wake the loop up. May be called on any thread."""
        self.pending.append(function)
        # If the socket is full a wake-up is pending; if it is closed the loop has ended.
        with contextlib.suppress(OSError):
            self._wake_out.send(b"\0")

    def clear_wake_ups(self) -> None:
        """Read the wake-ups that have arrived."""
        with contextlib.suppress(BlockingIOError):
            self._wake_in.recv(4096)

    def run(self, until: float) -> None:
        """Call functions while there is time in this tick, since a thousand results may arrive at once."""
        pending = self.pending
        while pending:
            call = pending.popleft()
            try:
                call()
            except Exception as error:  # noqa: BLE001  # a failing call of one thread ends no other connection
                self._log.error("a call failed", error=type(error).__name__, where=traceback_place(error))
            if self._clock() > until:
                break

    def close(self) -> None:
        """Close the sockets. Functions that are added later are not called."""
        self._wake_in.close()
        self._wake_out.close()
