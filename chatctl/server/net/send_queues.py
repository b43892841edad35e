"""The send queues: with `Fanout.release` the hottest lines of the server.

Invariants:

- [one-write] One write per session with output, however many messages the tick had. Shared output is one object, and
  nothing is allocated or looked up per member: if nothing is queued already, only its session is read. From
  MIN_RING_SESSIONS on, if the system supports it, all these writes are one call (uring.py).
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
from chatctl.server.limits_config import Limits
from chatctl.server.net.connection import Connection

if TYPE_CHECKING:
    from chatctl.server.net.uring import WriteRing

TOO_SLOW = "You were too slow to read: more than {} bytes were waiting for you"
SLOWEST_OF_ALL = (
    "You were too slow to read: {} bytes were waiting for you, the most of all, and the server can keep no more"
)

MIN_RING_SESSIONS = 256
"""From this many sessions on, one call writes to all; for fewer it takes longer than single calls."""
_RETRY_ERRORS = frozenset({errno.EAGAIN, errno.EINTR})
"""The kernel takes nothing now, but will later."""


def _open_ring(log: LogPort) -> WriteRing | None:
    try:
        from chatctl.server.net.uring import WriteRing

        return WriteRing()
    except (ImportError, OSError) as error:
        log.debug("no io_uring: writing one by one", reason=str(error))
        return None


class SendQueues:
    """The send queues of all connections.

    Args:
        by_session: All connections.
        close_soon: Closes an ended connection when its output is sent, or after a while.
        lost: Takes a connection that is broken, and the reason.
    """

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
        self._ring = _open_ring(log) if hub.rules.listener_limit >= MIN_RING_SESSIONS else None
        self.total_bytes = 0
        """Bytes queued for all connections."""

    def flush(self) -> None:
        """Write what the tick released ([one-write])."""
        dirty = self._hub.fanout.dirty
        if self._ring is not None and len(dirty) >= MIN_RING_SESSIONS:
            sessions = dirty[:]
            dirty.clear()  # output caused by writing is appended
            dirty[:0] = self._write_in_batch(sessions, self._ring)
        rest = iter(dirty)
        while dirty:
            try:
                self._write(rest)
                break
            except Exception as error:  # noqa: BLE001  # [contain-failures]
                self._end_failed(dirty[len(dirty) - operator.length_hint(rest) - 1], error)
        dirty.clear()

    def _write_in_batch(self, sessions: list[Session], ring: WriteRing) -> list[Session]:
        """Write to all sessions on the fast path, in batches that fit into the ring; return the other sessions.

        The size of the ring also bounds the memory for joined output.
        """
        rest: list[Session] = []
        written: list[Session] = []
        chunks: list[bytes] = []
        room = most = ring.room
        last, pieces, joined = b"", [b""], b""
        for session in sessions:
            out = session.out
            try:
                if isinstance(out, list):
                    if out != pieces:  # members of the same rooms share the list
                        joined, pieces = b"".join(out), out[:]
                    out = joined
                size = len(out or b"")
            except Exception as error:  # noqa: BLE001  # [contain-failures]
                self._end_failed(session, error)
                continue
            if session.send is None or size > most:
                rest.append(session)
                continue
            if out is not last and (room := room - size) < 0:
                self._send(written, chunks, ring)
                written, chunks, room = [], [], ring.room - size
                if self._ring is None:
                    most = -1
                if session.send is None or size > most:  # the batch just sent may have ended it, or the ring
                    rest.append(session)
                    continue
            session.out = None
            if out:  # empty for the only sender without echo-message
                last = out
                written.append(session)
                chunks.append(out)
        self._send(written, chunks, ring)
        return rest

    def _send(self, sessions: list[Session], chunks: list[bytes], ring: WriteRing) -> None:
        try:
            # No socket was closed since `send` was read, so the descriptors are still theirs.
            incomplete = ring.send([session.fd for session in sessions], chunks)
        except Exception as error:  # noqa: BLE001  # the outcome is unknown: end these sessions only
            self._log.error("io_uring failed", error=type(error).__name__, where=traceback_place(error))
            self._ring = None
            incomplete = [(at, -errno.EIO) for at in range(len(sessions))]
        if ring.refused:
            self._log.warning("no io_uring any more: writing one by one")
            self._ring = None
        for at, sent in incomplete:
            try:
                self._queue_rest(sessions[at], chunks[at], 0 if -sent in _RETRY_ERRORS else sent)
            except Exception as error:  # noqa: BLE001  # [contain-failures]
                self._end_failed(sessions[at], error)

    def _write(self, sessions: Iterator[Session]) -> None:
        for session in sessions:
            send = session.send
            if send is None:
                self._write_through(session)
                continue
            out = session.out
            session.out = None
            if not out:
                continue  # the only sender, without echo-message
            data = out if isinstance(out, bytes) else b"".join(out)
            try:
                sent = send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                sent = -1
            if sent != len(data):
                self._queue_rest(session, data, sent)

    def _end_failed(self, session: Session, error: Exception) -> None:
        self._log.error("writing failed", session=session.id, error=type(error).__name__, where=traceback_place(error))
        session.out = None
        connection = self._by_session.get(session.id)
        if connection is not None:
            self._lost(connection, "The server failed on this connection")

    def writable(self, connection: Connection) -> None:
        """Write queued output: the socket is writable ([wait-writable])."""
        before = connection.pending_bytes
        connection.write_pending()
        self.total_bytes -= before - connection.pending_bytes
        if connection.broken:
            self._lost(connection, "Connection lost")
        elif not connection.pending_bytes:
            connection.writing = False
            self._poller.change(connection.fd, 0 if connection.paused else READ)

    def count_tls_output(self, connection: Connection, before: int) -> None:
        """Count output of the TLS layer itself: more than the `before` bytes are queued now."""
        self._queue_grew(connection, before)

    def forget(self, connection: Connection) -> None:
        """Subtract the queue of a closed connection from the total."""
        self.total_bytes -= connection.pending_bytes

    def close(self) -> None:
        """Release the ring; nothing is written afterwards."""
        if self._ring is not None:
            self._ring.close()
        self._ring = None

    def _write_through(self, session: Session) -> None:
        """Write through the connection: output is queued or encrypted, or the connection is ending."""
        out, session.out = session.out, None
        assert out is not None
        connection = self._by_session.get(session.id)
        if connection is None or connection.broken or connection.closing_at:
            return
        before = connection.pending_bytes
        connection.write(out if isinstance(out, list) else [out])
        if connection.pending_bytes or connection.broken:
            self._queue_grew(connection, before)

    def _queue_rest(self, session: Session, data: bytes, sent: int) -> None:
        """Queue what the kernel did not take: it took `sent` bytes of `data`; a negative number means an error."""
        connection = self._by_session[session.id]
        if sent < 0:
            # Reading reports the error too, and the QUIT is broadcast from there.
            connection.broken = True
        else:
            connection.queue_rest(data, sent)
        self._queue_grew(connection, 0)

    def _queue_grew(self, connection: Connection, before: int) -> None:
        self.total_bytes += connection.pending_bytes - before
        if connection.broken:
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
            self._disconnect_slow(connection, TOO_SLOW.format(most))
        elif self.total_bytes > limits.outbox_total_bytes:
            slowest = max(self._by_session.values(), key=lambda each: each.pending_bytes)
            self._disconnect_slow(slowest, SLOWEST_OF_ALL.format(slowest.pending_bytes))

    def _disconnect_slow(self, connection: Connection, reason: str) -> None:
        """Drop queued output, except the current line and `reason`."""
        waiting = connection.pending_bytes
        self._log.info("closed a slow reader", session=connection.session.id, waiting=waiting)
        connection.drop_pending(Message("ERROR", (reason,)).line)
        self.total_bytes += connection.pending_bytes - waiting
        if not connection.closing_at:
            self._close_soon(connection)
            self._hub.disconnect(connection.session, "Too slow to read")
