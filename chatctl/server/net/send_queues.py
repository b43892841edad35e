"""The send queues: with `Fanout.release` the hottest lines of the server.

Invariants:

- [one-write] One write per session with output, however many messages the tick had. Shared output is one object, and
  nothing is allocated or looked up per member: if nothing is queued already, only its session is read. From MANY
  sessions on, if the system supports it, all these writes are one call (uring.py).
- [wait-writable] Output that the kernel does not take waits in the connection, and is not tried before the socket is
  writable.
- [bounded-output] A send queue has a limit, for unregistered connections a lower one. Past it the reader is told why
  and disconnected; other sessions are not affected.
- [bounded-total] All send queues have a common limit. Past it the session with the largest queue is disconnected, not
  the one that was written to.
- [contain-failures] An error of one session ends that one alone, and the others are written to.
"""

from __future__ import annotations

import errno
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from chatctl.chat.delivery.session import Session
from chatctl.chat.engine.hub import Hub
from chatctl.chat.ports import LogPort
from chatctl.errors import traceback_place
from chatctl.poller import READ, WRITE, Poller
from chatctl.protocol.message import Message
from chatctl.server.bounds import Limits
from chatctl.server.net.connection import Connection

if TYPE_CHECKING:
    from chatctl.server.net.uring import WriteRing

SLOW = "You were too slow to read: more than {} bytes were waiting for you"
SLOWEST = "You were too slow to read: {} bytes were waiting for you, the most of all, and the server can keep no more"

MIN_RING_SESSIONS = 256
"""From this many sessions on, one call writes to all; for fewer it takes longer than single calls."""
_LATER = frozenset({errno.EAGAIN, errno.EINTR})
"""The kernel takes nothing now, but will."""


def _ring(log: LogPort) -> WriteRing | None:
    try:
        from chatctl.server.net.uring import WriteRing

        return WriteRing()
    except (ImportError, OSError) as error:
        log.debug("no io_uring: writing one by one", reason=str(error))
        return None


class SendQueues:
    """The outboxes of all connections. `lost` is told of a connection that is gone."""

    def __init__(
        self,
        hub: Hub,
        limits: Limits,
        log: LogPort,
        poller: Poller,
        by_session: Mapping[int, Connection],
        close_soon: Callable[[Connection], None],
        lost: Callable[[Connection, str], None],
    ) -> None:
        self._hub = hub
        self._limits = limits
        self._log = log
        self._poller = poller
        self._by_session = by_session
        self._close_soon = close_soon
        self._lost = lost
        self._ring = _ring(log) if hub.rules.listener_limit >= MIN_RING_SESSIONS else None
        self.total = 0
        """Bytes that wait, in all."""

    def flush(self) -> None:
        """Write what the tick released ([one-write])."""
        dirty = self._hub.fanout.dirty
        if self._ring is not None and len(dirty) >= MIN_RING_SESSIONS:
            sessions = dirty[:]
            dirty.clear()  # output caused by writing is appended
            dirty[:0] = self._write_together(sessions, self._ring)
        rest = iter(dirty)
        while dirty:
            try:
                self._write(rest)
                break
            except Exception as error:  # noqa: BLE001  # [contain-failures]
                self._broken(dirty[len(dirty) - operator.length_hint(rest) - 1], error)
        dirty.clear()

    def _write_together(self, sessions: list[Session], ring: WriteRing) -> list[Session]:
        """Write to all who can be written to without asking, in calls of no more than the ring has room for: so no more
        than that is ever joined for all of them. Returns the others."""
        rest: list[Session] = []
        written: list[Session] = []
        chunks: list[bytes] = []
        room = most = ring.room
        last, pieces, joined = b"", [b""], b""
        for session in sessions:
            out = session.out
            try:
                if isinstance(out, list):
                    if out != pieces:  # the same list for all who are in the same rooms
                        joined, pieces = b"".join(out), out[:]
                    out = joined
                size = len(out or b"")
            except Exception as error:  # noqa: BLE001  # [contain-failures]
                self._broken(session, error)
                continue
            if session.send is None or size > most:
                rest.append(session)
                continue
            if out is not last and (room := room - size) < 0:
                self._send(written, chunks, ring)
                written, chunks, room = [], [], ring.room - size
                if self._ring is None:
                    most = -1
                if session.send is None or size > most:  # it ended, or the ring is no more, as was found out by that
                    rest.append(session)
                    continue
            session.out = None
            if out:  # who spoke alone, and gets no echo, gets nothing
                last = out
                written.append(session)
                chunks.append(out)
        self._send(written, chunks, ring)
        return rest

    def _send(self, sessions: list[Session], chunks: list[bytes], ring: WriteRing) -> None:
        try:
            # Nothing has been closed since `send` was looked at, so that these are their sockets still.
            not_whole = ring.send([session.fd for session in sessions], chunks)
        except Exception as error:  # noqa: BLE001  # unknown what was sent: these sessions end, others are served
            self._log.error("io_uring failed", error=type(error).__name__, where=traceback_place(error))
            self._ring = None
            not_whole = [(at, -errno.EIO) for at in range(len(sessions))]
        if ring.refused:
            self._log.warning("no io_uring any more: writing one by one")
            self._ring = None
        for at, sent in not_whole:
            try:
                self._not_taken(sessions[at], chunks[at], 0 if -sent in _LATER else sent)
            except Exception as error:  # noqa: BLE001  # [contain-failures]
                self._broken(sessions[at], error)

    def _write(self, sessions: Iterator[Session]) -> None:
        for session in sessions:
            send = session.send
            if send is None:
                self._ask(session)
                continue
            out = session.out
            session.out = None
            if not out:
                continue  # they spoke alone, and get no echo
            data = out if isinstance(out, bytes) else b"".join(out)
            try:
                sent = send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                sent = -1
            if sent != len(data):
                self._not_taken(session, data, sent)

    def _broken(self, session: Session, error: Exception) -> None:
        self._log.error("writing failed", session=session.id, error=type(error).__name__, where=traceback_place(error))
        session.out = None
        connection = self._by_session.get(session.id)
        if connection is not None:
            self._lost(connection, "The server failed on this connection")

    def writable(self, connection: Connection) -> None:
        """The kernel takes more output ([wait-writable])."""
        before = connection.pending_bytes
        connection.write_pending()
        self.total -= before - connection.pending_bytes
        if connection.gone:
            self._lost(connection, "Connection lost")
        elif not connection.pending_bytes:
            connection.writing = False
            self._poller.change(connection.fd, 0 if connection.paused else READ)

    def grew(self, connection: Connection, before: int) -> None:
        """The TLS layer of a connection answered by itself: more than `before` bytes wait."""
        self._held_up(connection, before)

    def forget(self, connection: Connection) -> None:
        """A connection is closed with all that waited for it."""
        self.total -= connection.pending_bytes

    def close(self) -> None:
        """Nothing is written any more."""
        if self._ring is not None:
            self._ring.close()
        self._ring = None

    def _ask(self, session: Session) -> None:
        """Something waits already, or is encrypted, or the connection is over: the connection decides."""
        out, session.out = session.out, None
        assert out is not None
        connection = self._by_session.get(session.id)
        if connection is None or connection.gone or connection.closing_at:
            return
        before = connection.pending_bytes
        connection.write(out if isinstance(out, list) else [out])
        if connection.pending_bytes or connection.gone:
            self._held_up(connection, before)

    def _not_taken(self, session: Session, data: bytes, sent: int) -> None:
        """The kernel took only the first `sent` bytes of `data`; less than none: the connection is lost."""
        connection = self._by_session[session.id]
        if sent < 0:
            # The read side learns of it too, and says so to the others.
            connection.gone = True
        else:
            connection.keep(data, sent)
        self._held_up(connection, 0)

    def _held_up(self, connection: Connection, before: int) -> None:
        self.total += connection.pending_bytes - before
        if connection.gone:
            self._lost(connection, "Connection lost")
            return
        if not connection.writing:
            connection.writing = True
            self._poller.change(connection.fd, WRITE if connection.paused else READ | WRITE)
        limits = self._limits
        most = limits.outbox_bytes
        if not connection.session.registered:
            most = min(most, limits.registration_outbox_bytes)
        if connection.pending_bytes > most:
            self._cut_off(connection, SLOW.format(most))
        elif self.total > limits.outbox_total_bytes:
            slowest = max(self._by_session.values(), key=lambda each: each.pending_bytes)
            self._cut_off(slowest, SLOWEST.format(slowest.pending_bytes))

    def _cut_off(self, connection: Connection, reason: str) -> None:
        """Drop queued output, except the current line and `reason`."""
        waiting = connection.pending_bytes
        self._log.info("closed a slow reader", session=connection.session.id, waiting=waiting)
        connection.drop_pending(Message("ERROR", (reason,)).line)
        self.total += connection.pending_bytes - waiting
        if not connection.closing_at:
            self._close_soon(connection)
            self._hub.disconnect(connection.session, "Too slow to read")
