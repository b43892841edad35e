"""Back-pressure: which connections are not read for a while, so that TCP holds their senders up.

The rules of this file:

1. A connection is not read while more of its input waits than its bounds allow, until half of that is handled.
2. It is not read while its session owes for input that completed no line (chatctl.chat.engine.rate_limit, rule 4).
3. A connection whose input has ended is never read again; the system still tells of its errors.
"""

from __future__ import annotations

from collections.abc import Callable

from chatctl.chat.delivery.session import Session
from chatctl.chat.engine.hub import Hub
from chatctl.server.limits.bounds import Limits
from chatctl.server.net.connection import Connection
from chatctl.server.net.poller import READ, WRITE, Poller

FEW_LINES = 64
"""Up to so many lines wait without being measured."""


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
        """Whether reading is paused for any connection."""
        return bool(self._paused)

    def due(self) -> list[float]:
        """When connections may be read again that are paused by rule 2."""
        return [connection.resume_at for connection in self._paused if connection.resume_at]

    def received(self, connection: Connection) -> None:
        """Pause a connection that has more than FEW_LINES if more of its input waits than may (rule 1)."""
        if not connection.paused and self._overfull(connection.session, 1):
            self._pause(connection)

    def charge(self, connection: Connection, now: float) -> None:
        """Charge for input that completed no line, and pause reading while that is owed (rule 2)."""
        wait = self._hub.charge(connection.session, connection.fragments)
        connection.fragments = 0
        if wait:
            connection.resume_at = now + wait
            if not connection.paused:
                self._pause(connection)

    def end_input(self, connection: Connection) -> None:
        """Read a connection no more (rule 3)."""
        connection.ended = connection.paused = True
        self._poller.change(connection.fd, WRITE if connection.writing else 0)

    def resume(self, now: float) -> None:
        """Read those connections again that need not wait any longer."""
        still = []
        for connection in self._paused:
            if not self._is_open(connection):
                connection.paused = False
            elif connection.ended:
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
        """Whether what waits of a session is more than its bounds, or a half of them (2)."""
        inbox, limits = session.inbox, self._limits
        if len(inbox) * part > limits.inbox_lines:
            return True
        return sum(len(item) for item in inbox if isinstance(item, str)) * part > limits.inbox_bytes
