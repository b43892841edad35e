"""The end of `chatctl join` on a terminal, whatever hangs: disconnect first, then the screen, then the process.

Invariants:

- [disconnect-first] When the end is requested, the client leaves the server on the thread of this module. It does not
  wait for the screen, whose thread may hang in a write to a terminal that is not read.
- [watchdog] The process ends within the given time, whatever hangs. Before that the terminal is restored as far as it
  responds.
- [hang-up] A closed terminal counts as a SIGHUP, also for a process that gets none from the system.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chatctl.client import Client

HUNG_SECONDS = 2.0
"""Seconds from a signal or hang-up to the end of the process."""

GOODBYE_SECONDS = 3.0
"""For queued messages, if the user leaves by a command."""

_QUIT_SECONDS = 1.0
"""For the same after a signal."""

_LEAVE_SCREEN = b"\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1004l\x1b[?2004l\x1b[?2048l\x1b[?7h\x1b[<u"
_LEAVE_SCREEN += b"\x1b[?1049l\x1b[?25h\x1b[0m\r\n"
"""Switch off what the full screen switches on."""


SIGNALS = (signal.SIGTERM, signal.SIGHUP)
"""A request to end."""


def leave_server(client: Client, reason: str, seconds: float, *, discard: bool = False) -> bool:
    """Leave the server; return whether all that was said went out before. `discard`: see Client.stop."""
    client.stop(reason, seconds, discard=discard)
    return client.error is None and not client.running and not client.waiting


class Ending:
    """A thread that waits for a request to end the command, and carries it out.

    `stop` leaves the server: it gets the reason and the seconds for it, and returns whether all went well. `terminal`
    is the descriptor to watch, or -1; `seconds` is what a signal leaves the process. The exit code of a process that
    had to be ended is `hung_code`, or if that is None 0 if it left the server well, else 1.
    """

    def __init__(self, terminal: int = -1, seconds: float = HUNG_SECONDS, hung_code: int | None = None) -> None:
        self.stop: Callable[[str, float], bool] = lambda reason, seconds: True
        self.full_screen = False
        """Whether the terminal is to be taken out of the full screen."""
        self._seconds = seconds
        self._hung_code = hung_code
        self._left = False
        self._terminal = terminal
        self._before = _attributes(terminal)
        self._read, self._write = os.pipe()
        for end in (self._read, self._write):
            os.set_blocking(end, False)
        self._wishes: list[tuple[str, float, float]] = []
        threading.Thread(target=self._run, name="chatctl-ending", daemon=True).start()

    def on_signal(self, leave: Callable[[], None]) -> None:
        """Begin the end at a signal, and call `leave`, which must be safe in a signal handler."""

        def handle(number: int, frame: FrameType | None) -> None:
            self.begin()
            leave()

        for number in SIGNALS:
            signal.signal(number, handle)

    def begin(self) -> None:
        """End as after a signal. Safe in a signal handler; asking again can only make it sooner."""
        self._wish("", _QUIT_SECONDS, self._seconds)

    def leave(self, reason: str) -> None:
        """End by a command of the user: there is more time for queued messages."""
        self._wish(reason, GOODBYE_SECONDS, GOODBYE_SECONDS + HUNG_SECONDS)

    def _wish(self, reason: str, quit_seconds: float, seconds: float) -> None:
        self._wishes.append((reason, quit_seconds, time.monotonic() + seconds))
        with contextlib.suppress(OSError):
            os.write(self._write, b"\0")

    # The thread.

    def _run(self) -> None:
        while not self._wishes:
            if self._hung_up():
                os.kill(os.getpid(), signal.SIGHUP)  # [hang-up]
                self.begin()
        reason, quit_seconds, _ = self._wishes[0]
        threading.Thread(target=self._watch, name="chatctl-watchdog", daemon=True).start()
        self._left = self.stop(reason, quit_seconds)

    def _hung_up(self) -> bool:
        """Wait for a request to end or the end of the terminal; return whether it is the latter."""
        poll = select.poll()
        poll.register(self._read, select.POLLIN)
        if self._terminal >= 0:
            poll.register(self._terminal, 0)  # hang-ups and errors are reported without being asked for
        return any(fd == self._terminal for fd, _ in poll.poll())

    def _watch(self) -> None:
        """End the process at the earliest of the ends that were asked for [watchdog]."""
        while (left := min(end for _, _, end in self._wishes) - time.monotonic()) > 0:
            select.select([self._read], [], [], left)
            with contextlib.suppress(OSError):
                os.read(self._read, 1)
        self._restore()
        os._exit(self._hung_code if self._hung_code is not None else 0 if self._left else 1)

    def _restore(self) -> None:
        if self._before is not None:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self._terminal, termios.TCSANOW, self._before)
        if self.full_screen:
            with contextlib.suppress(OSError, ValueError, AttributeError):
                out = sys.__stderr__.fileno()  # type: ignore[union-attr]
                os.set_blocking(out, False)
                os.write(out, _LEAVE_SCREEN)
                os.set_blocking(out, True)


def _attributes(terminal: int) -> list[Any] | None:
    try:
        return termios.tcgetattr(terminal) if terminal >= 0 else None
    except termios.error:
        return None
