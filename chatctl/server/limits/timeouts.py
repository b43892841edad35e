"""Timeouts of connections, and their consequences.

Invariants:

- [registration] An unregistered connection must register within `registration_seconds`, whatever it sends meanwhile.
- [idle] A user who was silent for `idle_seconds` is pinged, and has half as long again to answer: any byte will do.
- [probe] If another user wants the name or the last place, a user who was silent for a while is pinged at once, and
  must answer within `probe_seconds`. If the connection is lost and its input is still queued, it is dropped at once.
- [drain] An ended connection has `drain_seconds` to read its output, and `linger_seconds` to close after that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chatctl.chat.engine.hub import Hub
from chatctl.protocol.message import Message
from chatctl.server.limits.deadlines import Deadlines
from chatctl.server.limits_config import Limits
from chatctl.server.net.connection import Connection

RECENT_SECONDS = 5.0
"""A connection that spoke, or came, within these is taken to be alive."""


class Timeouts:
    """The timeouts of connections. `forget` closes a connection that has ended. Times are in seconds of the loop's
    clock."""

    def __init__(
        self, hub: Hub, limits: Limits, forget: Callable[[Connection], None], clock: Callable[[], float]
    ) -> None:
        self._hub = hub
        self._limits = limits
        self._forget = forget
        self._clock = clock
        self._deadlines: Deadlines[Connection] = Deadlines()

    def begin(self, connection: Connection) -> None:
        """Set the first deadline of a new connection."""
        limits = self._limits
        self._deadlines.set(connection, connection.opened + min(limits.registration_seconds, limits.idle_seconds))

    def close_soon(self, connection: Connection) -> None:
        """Close an ended connection soon, whatever output is left ([drain])."""
        limits = self._limits
        connection.close_at(
            self._clock() + (limits.drain_seconds if connection.pending_bytes else limits.linger_seconds)
        )
        self._deadlines.set(connection, connection.closing_at)

    def drop(self, connection: Connection) -> None:
        """Drop the deadline of a closed connection."""
        self._deadlines.drop(connection)

    def next(self) -> float | None:
        """Return the time of the next deadline, or None."""
        return self._deadlines.next()

    def expire(self, now: float) -> None:
        """Handle the deadlines that have passed."""
        self._deadlines.expire(now, lambda connection: self._check(connection, now))

    def probe(self, by_session: Mapping[int, Connection], now: float) -> None:
        """Probe sessions whose name or place is wanted ([probe])."""
        until = now + self._limits.probe_seconds
        for id in self._hub.probes:
            connection = by_session.get(id)
            if connection is None or connection.input_ended:
                self._hub.end_if_disconnected(id)
            elif now - connection.last_input_at < RECENT_SECONDS:
                continue
            elif not connection.pong_due_at:
                self._ping(connection, until)
            elif connection.pong_due_at > until:
                connection.pong_due_at = until
                self._deadlines.set(connection, until)
        self._hub.probes.clear()

    def _ping(self, connection: Connection, until: float) -> None:
        connection.pong_due_at = until
        self._deadlines.set(connection, until)
        self._hub.fanout.send_reply(connection.session, Message("PING", (self._hub.rules.server_name,)).line)

    def _check(self, connection: Connection, now: float) -> float | None:
        """Handle a connection's deadline; return the next one."""
        limits = self._limits
        if connection.closing_at:
            if now >= connection.closing_at:
                self._forget(connection)
                return None
            return connection.closing_at
        session = connection.session
        if not session.registered:
            due = connection.opened + limits.registration_seconds
            if now < due:
                return due
            self._hub.disconnect(session, f"No registration within {limits.registration_seconds:g} seconds")
            return now + limits.linger_seconds
        if connection.paused:
            return now + limits.idle_seconds  # Reading is paused, so silence proves nothing.
        if connection.pong_due_at:
            if now < connection.pong_due_at:
                return connection.pong_due_at
            silent = now - connection.last_input_at
            self._hub.disconnect(session, f"No answer for {silent:.0f} seconds", round(silent * 1000))
            return now + limits.linger_seconds
        due = connection.last_input_at + limits.idle_seconds
        if now >= due:
            self._ping(connection, now + limits.idle_seconds / 2)
            return connection.pong_due_at
        return due
