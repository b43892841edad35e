"""The loop: the one thread that owns every socket, the chat state and the send queues.

One turn of it is a tick:

    wait -> accept and read -> hub.work -> hub.end_tick -> write to each session that has something -> close, expire

It never blocks on anything but the wait. Other threads speak to it through :meth:`EventLoop.call` alone.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from chatctl.chat.delivery.session import Session
from chatctl.chat.engine.hub import Hub
from chatctl.chat.ports import LogPort
from chatctl.errors import JournalError, traceback_place
from chatctl.poller import READ, WRITE, best_poller
from chatctl.server.call_queue import CallQueue
from chatctl.server.control.control import ControlSocket, Handler
from chatctl.server.limits.connection_limits import ConnectionLimits
from chatctl.server.limits.timeouts import Timeouts
from chatctl.server.limits_config import Limits
from chatctl.server.net.acceptor import Acceptor, turn_away
from chatctl.server.net.back_pressure import FEW_LINES, BackPressure
from chatctl.server.net.connection import Connection
from chatctl.server.net.protocol_sniffer import ProtocolSniffer
from chatctl.server.net.send_queues import SendQueues
from chatctl.server.tls_config import Mode

if TYPE_CHECKING:
    from chatctl.server.net.tls_connection import TlsConnection

_ACKNOWLEDGED_SECONDS = 0.02
"""While the server stops, how often it is looked at which peers have received everything."""

MAX_CONSOLES = 32
"""Sessions that came through the control socket."""


class EventLoop:
    """Owns the sockets. `tls`: see :class:`chatctl.server.tls_config.TlsConfig`; None is ``auto``, but without TLS.
    `clock` gives seconds."""

    def __init__(
        self,
        hub: Hub,
        listeners: list[socket.socket],
        limits: Limits,
        log: LogPort,
        *,
        tls: Mode | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._hub = hub
        self._limits = limits
        self._log = log
        self._poller = best_poller()
        self._acceptor = Acceptor(self._poller, listeners, log, self._accepted, self._is_full)
        self._control: ControlSocket | None = None
        self._connections: dict[int, Connection] = {}
        self._by_session: dict[int, Connection] = {}
        self._back_pressure = BackPressure(hub, limits, self._poller, self._is_open)
        self._connection_limits = ConnectionLimits(limits, local=hub.rules.local)
        self._timeouts = Timeouts(hub, limits, self._forget, clock)
        self.sniffer = ProtocolSniffer(
            tls, hub, self._poller, self._by_session, self._switch_to_tls, self._connection_lost
        )
        self._send_queues = SendQueues(
            hub, limits, log, self._poller, self._by_session, self._timeouts.close_soon, self._connection_lost
        )
        hub.streamed.behind = self._has_pending_output
        self._over_byte_limit: list[Connection] = []
        self._next_id = 0
        self._calls = CallQueue(log, clock)
        self._stopping = False
        self._stop_by = 0.0
        self._thread_id = 0

    def serve_control(self, listener: socket.socket, handlers: Mapping[str, Handler]) -> None:
        """Serve the control socket too. Must be called before :meth:`run`."""
        self._control = ControlSocket(listener, self._poller, handlers, self._adopt_console)

    @property
    def connections(self) -> int:
        """The number of open connections."""
        return len(self._connections)

    # Methods for other threads.

    def call(self, function: Callable[[], None]) -> None:
        """Schedule `function` on the loop's thread. This and :meth:`stop` are the only methods for other threads."""
        self._calls.add(function)

    def stop(self, reason: str, seconds: float) -> None:
        """Stop accepting, notify all sessions, write output for up to `seconds`, end."""
        self.call(lambda: self._begin_stop(reason, seconds))

    # Methods for the loop's own thread.

    def run(self) -> None:
        """Run until stopped, then close every descriptor, also after an error."""
        self._thread_id = threading.get_ident()
        try:
            self._poller.add(self._calls.fileno(), READ)
            self._acceptor.open()
            more = False
            while not (self._stopping and self._is_stopped()):
                more = self._tick(more)
        finally:
            self._close_all()

    def _tick(self, more: bool) -> bool:
        assert threading.get_ident() == self._thread_id
        now = self._clock()
        events = self._poller.poll(0 if more else self._timeout(now))
        now = self._clock()
        until = now + self._limits.tick_seconds
        self._handle_events(events, now)
        if self._calls.pending:
            self._calls.run(until)
        hub = self._hub
        hub.work(lambda: self._clock() > until)
        if self._over_byte_limit:
            self._end_over_byte_limit()
        hub.end_tick()
        if hub.commit_gate.fatal_reason:
            raise JournalError(hub.commit_gate.fatal_reason)
        if hub.probes:
            self._timeouts.probe(self._by_session, now)
        self._send_queues.flush()
        if hub.ended:
            self._end_sessions(now)
        if self._back_pressure:
            self._back_pressure.resume(now)
        self._timeouts.expire(now)
        self._acceptor.end_pause(now)
        # QUITs caused after the fan-out phase are broadcast in the next tick.
        return hub.busy or bool(self._calls.pending)

    def _handle_events(self, events: list[tuple[int, int]], now: float) -> None:
        """Handle the events of the poller."""
        for fd, mask in events:
            connection = self._connections.get(fd)
            try:
                if connection is not None:
                    if mask & WRITE:
                        self._send_queues.writable(connection)
                        if connection.closing_at and not connection.pending_bytes:
                            self._finish_output(connection)
                    if mask & ~WRITE:
                        self._readable(connection, now)
                elif not self._acceptor.accept(fd, now) and not (
                    self._control and self._control.handle_event(fd, mask)
                ):
                    # The wake-up socket, or a connection closed earlier in this tick.
                    self._calls.clear_wake_ups()
            except Exception as error:  # noqa: BLE001  # it ends this connection alone
                self._log.error("a socket failed", error=type(error).__name__, where=traceback_place(error))
                if connection is not None:
                    self._connection_lost(connection, "The server failed on this connection")

    def _timeout(self, now: float) -> float | None:
        times = [when for when in (self._timeouts.next(), self._acceptor.resumes_at) if when]
        times += self._back_pressure.due()
        if (due := self._hub.next_deadline()) is not None:
            times.append(now + max(0.0, (due - self._hub.now()) / 1000))
        if self._stopping:
            times.append(min(self._stop_by, now + _ACKNOWLEDGED_SECONDS))
        return max(0.0, min(times) - now) if times else None

    # Accepting connections.

    def _accepted(self, sock: socket.socket, peer: str) -> None:
        now = self._clock()
        reason = self._connection_limits.refusal(peer, now) or (
            self._connection_limits.busy and self._hub.ban_sentence(peer)
        )
        if reason:
            self._log.info("refused", address=peer, reason=reason)
            turn_away(sock, reason)
            return
        self._open_session(sock, peer, now)

    def _adopt_console(self, sock: socket.socket) -> str:
        """Begin a session on a connection of the control socket; return why not, or ``""``."""
        if self._stopping:
            return "The server is stopping"
        if sum(each.session.console for each in self._connections.values()) >= MAX_CONSOLES:
            return f"{MAX_CONSOLES} commands chat through the control socket already; try again when one has ended"
        with contextlib.suppress(OSError):
            sock.send(b'{"ok": true}\n')  # a new connection's buffer is empty, so it takes this
        self._open_session(sock, "127.0.0.1", self._clock(), console=True)
        return ""

    def _open_session(self, sock: socket.socket, peer: str, now: float, *, console: bool = False) -> None:
        self._next_id += 1
        session = self._hub.connect(self._next_id, peer, console=console)
        connection = Connection(sock, session, now)
        self._connections[connection.fd] = connection
        self._by_session[session.id] = connection
        self._poller.add(connection.fd, READ)
        self._timeouts.begin(connection)
        self._connection_limits.add(connection)
        self._log.debug("connected", session=session.id, address=peer)

    def _is_open(self, connection: Connection) -> bool:
        return self._connections.get(connection.fd) is connection

    def _has_pending_output(self, session: Session) -> bool:
        """Return whether output of the session is queued."""
        connection = self._by_session.get(session.id)
        return connection is not None and connection.pending_bytes > 0

    def _switch_to_tls(self, secure: TlsConnection) -> None:
        """Replace a plaintext connection by its TLS connection."""
        plain = self._connections[secure.fd]
        self._timeouts.drop(plain)
        self._connection_limits.replace(plain, secure)
        self._connections[secure.fd] = self._by_session[secure.session.id] = secure
        self._timeouts.begin(secure)

    def _is_full(self) -> bool:
        """Return whether no connection can be accepted; first close unregistered ones that exceed the limit."""
        hub, limits = self._hub, self._connection_limits
        # Ending connections that only drain their output do not count.
        while limits.too_many(unregistered := len(hub.sessions) - hub.state.registered):
            oldest = limits.oldest(self._clock(), unregistered)
            if oldest is None:
                return limits.full(unregistered)
            hub.disconnect(oldest.session, "Too many connections wait to register; try again")
            oldest.session.dropped = True  # connections that are only draining would otherwise be too many
        return False

    # Input.

    def _readable(self, connection: Connection, now: float) -> None:
        session = connection.session
        if connection.closing_at or connection.input_ended:
            self._drain(connection)
            return
        first = not connection.received
        waiting = connection.pending_bytes
        try:
            lines = connection.read()
        except OSError as error:
            self._connection_lost(connection, f"Connection lost: {error.strerror or 'network error'}")
            return
        if lines is None:
            self._end_input(connection)
            return
        if connection.pending_bytes != waiting:
            self._send_queues.count_tls_output(connection, waiting)
        if connection.fragments:
            self._back_pressure.charge(connection, now)
        connection.last_input_at = now
        connection.pong_due_at = 0.0
        if lines:
            self._hub.receive(session, lines)
            if len(session.inbox) > FEW_LINES:
                self._back_pressure.received(connection)
        if not session.registered:
            self._check_unregistered(connection, first)
            if lines:
                self._hub.end_if_banned(session)

    def _end_input(self, connection: Connection) -> None:
        """Stop reading: the peer ended its input. Lines it sent are still handled and answered."""
        self._back_pressure.end_input(connection)
        self._hub.end_input(connection.session, "Connection closed")

    def _check_unregistered(self, connection: Connection, first: bool) -> None:
        if first:
            self.sniffer.sniff(connection)
        if connection.received > self._limits.registration_bytes:
            self._over_byte_limit.append(connection)

    def _end_over_byte_limit(self) -> None:
        """Disconnect unregistered connections over the byte limit.

        This is done after their input was handled, since that may have registered them.
        """
        for connection in self._over_byte_limit:
            if not connection.session.registered:
                self._hub.disconnect(connection.session, "Too much was sent without registering")
        self._over_byte_limit.clear()

    def _drain(self, connection: Connection) -> None:
        """Read and discard input of an ending connection.

        Unread bytes would make the kernel reset the connection, and the last line would be lost. If its input has
        ended already, an event reports an error.
        """
        if connection.input_ended and not connection.closing_at:
            self._connection_lost(connection, "Connection closed")
            return
        try:
            data = connection.sock.recv(65536)
            connection.drained += len(data)
            done = not data or connection.drained > self._limits.drain_bytes
        except (BlockingIOError, InterruptedError):
            done = False
        except OSError:
            done = True
        if done:
            self._forget(connection)

    # Closing connections.

    def _connection_lost(self, connection: Connection, reason: str) -> None:
        """Close a broken connection, drop its queued output and broadcast its QUIT."""
        self._forget(connection)
        self._hub.leave(connection.session, reason)

    def _end_sessions(self, now: float) -> None:
        """Close the connections of ended sessions when their last line, which is queued, is sent."""
        for session in self._hub.ended:
            connection = self._by_session.get(session.id)
            if connection is None:
                continue
            self._log.debug("disconnected", session=session.id)
            if session.dropped or connection.broken:
                self._forget(connection)
            elif not connection.closing_at:
                self._timeouts.close_soon(connection)
                if not connection.pending_bytes:
                    self._finish_output(connection)
        self._hub.ended.clear()

    def _finish_output(self, connection: Connection) -> None:
        """Shut down output after the last line, and wait for the peer to close."""
        try:
            connection.finish()
        except OSError:
            self._forget(connection)
            return
        if connection.input_ended:
            self._forget(connection)
        else:
            self._timeouts.close_soon(connection)

    def _forget(self, connection: Connection) -> None:
        if self._connections.pop(connection.fd, None) is None:
            return
        self._by_session.pop(connection.session.id, None)
        self._timeouts.drop(connection)
        self._send_queues.forget(connection)
        self._connection_limits.remove(connection)
        self._poller.remove(connection.fd)
        connection.close()

    # Stopping.

    def _begin_stop(self, reason: str, seconds: float) -> None:
        if self._stopping:
            return
        self._stopping = True
        self._stop_by = self._clock() + seconds
        self._acceptor.close()
        now = self._clock()
        for connection in list(self._connections.values()):
            # Input that has arrived by now is still handled.
            if not (connection.closing_at or connection.input_ended):
                self._readable(connection, now)
        self._hub.work(lambda: self._clock() > self._stop_by)
        self._hub.end_all_sessions(reason)

    def _is_stopped(self) -> bool:
        if self._clock() >= self._stop_by:
            self._log.warning("stopped with connections open", connections=len(self._connections))
            return True
        for connection in list(self._connections.values()):
            if connection.closing_at and not connection.pending_bytes and connection.acknowledged():
                self._forget(connection)
        return not self._connections and self._hub.idle

    def _close_all(self) -> None:
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()
        self._by_session.clear()
        self._acceptor.close()
        self._send_queues.close()
        if self._control is not None:
            self._control.close()
        self._poller.close()
        self._calls.close()
