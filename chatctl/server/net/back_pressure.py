"""Back-pressure: connections that are not read for a while, so that TCP slows their senders down.

Invariants:

- [input-bound] A connection is not read while more of its input is queued than its limits allow, until half of that is
  handled.
- [fragments] It is not read while its session owes for input that completed no line (chatctl.chat.engine.rate_limit).
- [input-ended] A connection whose input has ended is never read again; the system still reports its errors.
"""

from __future__ import annotations

from collections.abc import Callable

from chatctl.chat.delivery.session import Session
from chatctl.chat.engine.hub import Hub
from chatctl.poller import READ, WRITE, Poller
from chatctl.server.limits_config import Limits
from chatctl.server.net.connection import Connection

FEW_LINES = 64
"""Up to this many queued lines are not measured."""


class BackPressure:
    """Pauses and resumes reading. `is_open` says whether a connection is still served.

    Times are in seconds of the loop's clock.
    """

    def __init__(self, hub: Hub, limits: Limits, poller: Poller, is_open: Callable[[Connection], bool]) -> None:
        self._hub = hub
        self._limits = limits
        self._poller = poller
        self._is_open = is_open
        self._paused: list[Connection] = []

    def __bool__(self) -> bool:
        """Return whether reading is paused for any connection."""
        return bool(self._paused)

    def due(self) -> list[float]:
        """Return when connections paused by [fragments] may be read again."""
        return [connection.resume_at for connection in self._paused if connection.resume_at]

    def received(self, connection: Connection) -> None:
        """Pause a connection that has more than FEW_LINES, if too much input is queued ([input-bound])."""
        if not connection.paused and self._overfull(connection.session, 1):
            self._pause(connection)

    def charge(self, connection: Connection, now: float) -> None:
        """Charge for input that completed no line, and pause reading while that is owed ([fragments])."""
        wait = self._hub.charge(connection.session, connection.fragments)
        connection.fragments = 0
        if wait:
            connection.resume_at = now + wait
            if not connection.paused:
                self._pause(connection)

    def end_input(self, connection: Connection) -> None:
        """Stop reading a connection ([input-ended])."""
        connection.input_ended = connection.paused = True
        self._poller.change(connection.fd, WRITE if connection.writing else 0)

    def resume(self, now: float) -> None:
        """Read those connections again that need not wait any longer."""
        still = []
        for connection in self._paused:
            if not self._is_open(connection):
                connection.paused = False
            elif connection.input_ended:
                continue
            elif not connection.closing_at and self._must_wait(connection, now):
                still.append(connection)
            else:
                # Of one that is over nothing more is handled, but its end must be noticed.
                connection.paused = False
                connection.resume_at = 0.0
                self._poller.change(connection.fd, READ | WRITE if connection.writing else READ)
        self._paused = still

    def _must_wait(self, connection: Connection, now: float) -> bool:
        if connection.resume_at > now:
            return True
        connection.resume_at = 0.0
        return len(connection.session.inbox) > FEW_LINES and self._overfull(connection.session, 2)

    def _pause(self, connection: Connection) -> None:
        connection.paused = True
        self._paused.append(connection)
        self._poller.change(connection.fd, WRITE if connection.writing else 0)

    def _overfull(self, session: Session, part: int) -> bool:
        """Return whether a session's queued input exceeds its limits, or half of them (2)."""
        inbox, limits = session.inbox, self._limits
        if len(inbox) * part > limits.inbox_lines:
            return True
        return sum(len(item) for item in inbox if isinstance(item, str)) * part > limits.inbox_bytes
