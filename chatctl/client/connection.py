"""The client's thread: owns the socket and the engine, and keeps the connection alive.

Invariants:

- [one-thread] Only this thread touches the engine and the socket. Other threads hand it requests, and wake it.
- [known-unsent] A request is taken only when all earlier lines were handed to the system, and a message only when there
  is room in flight. So a queued request was never sent, and may be sent on a later connection.
- [reconnect] The first connection must succeed or the client ends: a user does not want to wait for a server that never
  existed. Later ones are retried after 1, 2, 4 ... 30 seconds (plus or minus a fifth, to spread many clients).
- [probe] A silent server is probed with PING. One that does not answer is considered dead, whatever else it sends.
- [own-ghost] If the name is taken, the holder may be our own dead connection. The client retries for a while, and then
  registers under another name and tells the user.
- [stopping] On stop, queued output is sent unless it is discarded, then QUIT, then the server closes; all before a
  deadline.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import random
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from chatctl.client import events as e
from chatctl.client.engine import ClientEngine, Phase
from chatctl.client.errors import BannedError, ClearTextError, FullError, PasswordError
from chatctl.client.session.in_flight import OutgoingLine
from chatctl.client.timing import ReconnectPauses, RetryTimer, SilenceWatch, Timing
from chatctl.client.transport.trust import LapsedCertificateError, Trust, UntrustedError
from chatctl.client.transport.wire import DialError, LineReader, WakeUp, dial, dial_control, first_bytes, is_secure
from chatctl.errors import ChatctlError, RefusedError, UnreachableError

MAX_QUEUED_LINES = 1000
"""Requests kept while they cannot be sent."""

_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """A request of the application, run with the engine; `message` if it is a message, which may have to wait."""

    apply: Callable[[ClientEngine], None]
    message: e.Outgoing | None = None


class ConnectionThread:
    """Runs the connections of a client. Call :meth:`open`, then :meth:`run` on the thread; other methods are
    thread-safe."""

    def __init__(
        self,
        host: str,
        port: int,
        state: ClientEngine,
        publish: Callable[[list[e.Event]], None],
        *,
        reconnect: bool,
        give_up_after: float | None,
        spare_names: Callable[[str], Iterable[str]],
        timing: Timing,
        trust: Trust,
        control: Path | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.error: ChatctlError | None = None
        """The reason why the connection thread ended, if it was not stopped."""
        self.entered = threading.Event()
        """Set when we are in, and when the link ended."""
        self.was_in = False
        """Whether the server ever let us in."""
        self.state = state
        self._publish = publish
        self._reconnect = reconnect
        self._pauses = ReconnectPauses(timing, give_up_after)
        self._spare_names = spare_names
        self._timing = timing
        self._trust = trust
        self._control = control
        self._wake = WakeUp()
        self._room = threading.Condition()
        self._requests: deque[ClientRequest] = deque()
        self._ended = False
        self._stop_at: float | None = None
        self._quit_reason = ""
        self._discards = False
        self._discarded: list[OutgoingLine] = []
        self._quit_sent = False
        self._repeats = RetryTimer(timing)
        self._outgoing: deque[OutgoingLine] = deque()
        self._written = 0
        self._problem: ChatctlError | None = None

    @property
    def address(self) -> str:
        """``host:port``, as people write it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    # From any thread.

    @property
    def waiting(self) -> int:
        """Messages that were handed in and not dealt with by the server."""
        with self._room:
            not_taken = sum(request.message is not None for request in self._requests)
        return not_taken + len(self.state.unsent()) + self.state.in_flight.out

    def submit(self, request: ClientRequest, timeout: float | None = 0.0) -> None:
        """Queue a request; wait up to `timeout` for room (None: as long as needed).

        Raises FullError if there is none, UnreachableError if the thread has ended.
        """
        with self._room:
            if not self._room.wait_for(lambda: self._ended or len(self._requests) < MAX_QUEUED_LINES, timeout):
                raise FullError(f"{MAX_QUEUED_LINES} lines are waiting to be sent already; this one was not kept")
            if self._ended or self._stop_at is not None:
                raise self.error or UnreachableError("The connection has ended")
            self._requests.append(request)
        self._wake.set()

    def stop(self, reason: str, seconds: float, *, discard: bool = False) -> None:
        """Ask the thread to leave cleanly within `seconds`. Asking again can only shorten that.

        `discard`: requests that were not handed to the system stay unsent.
        """
        end = time.monotonic() + seconds
        with self._room:
            if self._stop_at is None or end < self._stop_at:
                self._stop_at = end
                self._quit_reason = reason
            self._discards = self._discards or discard
        self._wake.set()

    # The thread.

    def open(self) -> None:
        """Make the wake-up, before the thread starts."""
        self._wake.open()

    def run(self) -> None:
        """Run until stopped, refused or given up."""
        try:
            self._run()
        except Exception as error:  # noqa: BLE001  # the thread must not die silently: waiting callers are told
            self.error = ChatctlError(f"The client failed: {type(error).__name__}: {error}")
        finally:
            self._finish()

    def _run(self) -> None:
        while not self._stopped:
            began = time.monotonic()
            reason = self._connection()
            if self._stopped or self.error is not None:
                return
            now = time.monotonic()
            self._pauses.lost(began, now)
            self.state.lost(self._unwritten())
            if not self._reconnect:
                self.error = UnreachableError(f"The connection to {self.address} was lost: {reason}")
                return
            if self._pauses.is_over(now):
                waited = round(self._pauses.offline_for(now))
                # A server that is there and says no keeps its kind of error, and with it its exit code.
                kind = type(self._problem) if isinstance(self._problem, RefusedError) else UnreachableError
                self.error = kind(f"gave up after {waited} seconds without {self.address}: {reason}")
                return
            self._wait(reason)

    def _connection(self) -> str:
        """Run one connection from beginning to end; return why it ended. Sets `error` if no other shall follow."""
        self._problem = None
        try:
            sock = self._dial()
        except UntrustedError as error:
            self._problem = error
            if not (self.was_in and isinstance(error, LapsedCertificateError)):
                self.error = error
            return str(error)
        except DialError as error:
            if not self.was_in and not self._stopped:
                self.error = UnreachableError(f"No chat server answers at {self.address} ({error})")
            return str(error)
        with sock:
            self.state.connected(self._names_to_try(time.monotonic()), secure=is_secure(sock))
            reason = self._converse(sock) if self.state.refusal is None else "refused"
        reason = self.state.farewell or reason
        if self.state.sent_away is not None:
            self.error = self.state.sent_away
            return reason
        problem = self.state.refusal or self.state.name_problem or self.state.pending_name_problem
        first = not self.was_in
        if self.state.phase is not Phase.ONLINE and problem is not None:
            if first or isinstance(problem, (BannedError, PasswordError, ClearTextError)):
                self.error = problem
            self._problem = problem
            return str(problem)
        if first and not self._stopped:
            self.error = UnreachableError(f"What answers at {self.address} is not a chat server: {reason}")
        return reason

    def _dial(self) -> socket.socket:
        seconds, wake = self._timing.enter, self._wake
        if self._control is not None:
            return dial_control(self._control, seconds, wake, lambda: self._stopped)
        return dial(self.host, self.port, seconds, wake, lambda: self._stopped, self._trust)

    def _converse(self, sock: socket.socket) -> str:
        """Talk until the connection ends: why it did."""
        reader = LineReader()
        watch = SilenceWatch(self._timing, time.monotonic())
        self._repeats = RetryTimer(self._timing)
        self._outgoing.clear()
        self._written = 0
        self._quit_sent = False
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake, selectors.EVENT_READ)
            selector.register(sock, selectors.EVENT_READ)
            while True:
                try:
                    self._send(sock)
                    mask = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._outgoing else 0)
                    selector.modify(sock, mask)
                    until = min(watch.until(self.state.phase), self._next_repeat(), self._stop_at or math.inf)
                    ready = selector.select(max(0.0, until - time.monotonic()))
                    self._wake.clear()
                    if any(key.fileobj is sock and found & selectors.EVENT_READ for key, found in ready):
                        data = sock.recv(_CHUNK)
                        if not data:
                            return "the server closed the connection"
                        watch.data_received(time.monotonic())
                        for line in reader.feed(data):
                            self.state.receive(line)
                        if watch.asked is not None and not self.state.in_flight.awaits(watch.asked):
                            watch.asked = None
                        self._tell()
                except (BlockingIOError, InterruptedError):
                    continue
                except OSError as error:
                    self._last_words(sock, reader)
                    return (error.strerror or str(error)).lower()
                over = self._over(watch, time.monotonic())
                if over:
                    return over

    def _next_repeat(self) -> float:
        """Repeat what the server could not store, if it is time. Return when it is the next time."""
        if self.state.phase is not Phase.ONLINE or self._stopped:
            return math.inf
        at = self._repeats.at(self.state.unstored, time.monotonic(), random.uniform(0.8, 1.2))
        if at > time.monotonic():
            return at
        self._repeats.began()
        self.state.unstored.repeat(self.state)
        return time.monotonic()

    def _last_words(self, sock: socket.socket, reader: LineReader) -> None:
        """Writing failed; why the server closed the connection may still be there to read."""
        with contextlib.suppress(OSError):
            while data := sock.recv(_CHUNK):
                for line in reader.feed(data):
                    self.state.receive(line)
        self._tell()

    def _over(self, watch: SilenceWatch, now: float) -> str:
        """Return why the connection is to end now; ``""`` if it goes on."""
        state = self.state
        if self._stop_at is not None and (now >= self._stop_at or state.phase is not Phase.ONLINE):
            return "stopped"
        if state.phase is Phase.ENTERING and (state.refusal is not None or state.name_problem is not None):
            return "refused"
        if now < watch.until(state.phase):
            return ""
        if state.phase is Phase.ENTERING:
            return f"it did not let us in within {self._timing.enter:.0f} seconds"
        if watch.asked is not None:
            return "the server does not answer any more"
        question = state.in_flight.barrier()
        state.send("PING", question.token)
        watch.asks(question, now)
        return ""

    def _send(self, sock: socket.socket) -> None:
        """Take requests while there is room in flight ([known-unsent]), and write pending output."""
        while True:
            self._outgoing.extend(self.state.lines)
            self.state.lines.clear()
            if self._discards and not self._quit_sent:
                begun = 1 if self._written else 0  # a line of which a part has gone out is completed
                while len(self._outgoing) > begun:
                    self._discarded.append(self._outgoing.pop())
            self._tell()
            if not self._outgoing and not self._next_request():
                return
            self._outgoing.extend(self.state.lines)
            self.state.lines.clear()
            while self._outgoing:
                try:
                    data = first_bytes((line.data for line in self._outgoing), _CHUNK)
                    self._written += sock.send(data[self._written :])
                except (BlockingIOError, InterruptedError):
                    return
                while self._outgoing and self._written >= len(self._outgoing[0].data):
                    self._written -= len(self._outgoing.popleft().data)

    def _next_request(self) -> bool:
        """Carry out the next request that may be sent now; after the last one, QUIT."""
        state = self.state
        if state.phase is not Phase.ONLINE:
            return False
        if not self._discards and state.send_held():
            return True
        with self._room:
            if not self._requests or self._discards:
                if self._stop_at is not None and not self._quit_sent:
                    self._quit_sent = True
                    state.send("QUIT", *([self._quit_reason] if self._quit_reason else []))
                    return True
                request = None
            elif self._requests[0].message is not None and not state.may_send_more:
                return False
            else:
                request = self._requests.popleft()
                self._room.notify()
        if request is not None:
            request.apply(state)
            return True
        if state.in_flight.unguarded and not self._stopped and (not state.echoes or state.in_flight.to_service):
            # Without an echo a PING is the only way to know that a message has arrived.
            state.barrier()
            return True
        return False

    def _names_to_try(self, now: float) -> Iterable[str] | None:
        """Return alternative names, once the own one was awaited long enough ([own-ghost])."""
        if not self._pauses.may_take_other_name(now):
            return None
        return itertools.islice(self._spare_names(self.state.name), 20)

    @property
    def _stopped(self) -> bool:
        return self._stop_at is not None

    def _unwritten(self) -> list[OutgoingLine]:
        unwritten = [*self._outgoing, *reversed(self._discarded)]
        self._discarded.clear()
        self._outgoing.clear()
        self._written = 0
        return unwritten

    def _tell(self) -> None:
        """Pass on what happened."""
        if not self.state.events:
            return
        happened = self.state.events[:]
        self.state.events.clear()
        if self.state.phase is Phase.ONLINE:
            self._pauses.online()
            self.was_in = True
            self.entered.set()
        self._publish(happened)

    def _wait(self, reason: str) -> None:
        """Wait before the next connection; a request to stop ends the wait."""
        seconds = self._pauses.next(time.monotonic(), random.uniform(0.8, 1.2))
        self.state.emit(e.Reconnecting(time=self.state.now(), seconds=seconds, reason=reason))
        self._tell()
        until = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake, selectors.EVENT_READ)
            while not self._stopped and time.monotonic() < until:
                selector.select(until - time.monotonic())
                self._wake.clear()

    def _finish(self) -> None:
        """Release all waiting callers, and report what could not be sent."""
        state = self.state
        # A server that read our QUIT and said goodbye has read all that came before it.
        state.lost(self._unwritten(), settled=self._quit_sent and bool(state.farewell))
        state.over()
        with self._room:
            self._ended = True
            waiting = [request.message for request in self._requests if request.message is not None]
            self._requests.clear()
            self._room.notify_all()
        unsent = (*state.unsent(), *waiting)
        if unsent:
            state.emit(e.Unsent(time=state.now(), messages=unsent))
        state.emit(e.Disconnected(time=state.now(), reason=str(self.error) if self.error else self._quit_reason))
        self._tell()
        self.entered.set()
        self._wake.close()
