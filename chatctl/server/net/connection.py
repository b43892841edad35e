"""The bytes of one connection: input split into lines, and output as far as the kernel takes it.

Invariants:

- [non-blocking] Nothing here blocks. Output that the kernel does not take stays, as references to the shared bytes; it
  is never joined again, and not tried before the socket is writable.
- [bounded-output] Queued output is limited. Past the limit the half-sent line is completed, the rest is dropped, and
  one last line gives the reason. Other sessions are not affected.
- [fast-path] While nothing is queued, encrypted or ending, `session.send` is the socket's own, and the loop calls it,
  or writes to `session.fd`, without asking here. In any doubt it is None, and :meth:`Connection.write` decides. It is
  None before the socket is closed, so that nothing is written to a reused descriptor.
- [fragments] Input that completes no line is counted in `fragments`, one per MAX_LINE_BYTES and at least one per read.
  The rate limiter charges for them as for lines.
"""

from __future__ import annotations

import fcntl
import socket
import termios
from collections import deque

from chatctl.chat.delivery.session import Session
from chatctl.protocol.framing import BadLine, LineDecoder
from chatctl.protocol.message import MAX_CLIENT_TAGS_BYTES, MAX_LINE_BYTES

RECEIVE_BYTES = 65536
MAX_TAGGED_LINE_BYTES = MAX_CLIENT_TAGS_BYTES + MAX_LINE_BYTES
"""Bytes of a line with its tags."""
TLS_HANDSHAKE = 0x16
_BUFFERS = 64
"""Buffers of one sendmsg; the system's own limit is 1024."""


class Connection:
    """A non-blocking socket and its session. Times are in seconds of the loop's clock."""

    __slots__ = (
        "_decoder",
        "_pending",
        "broken",
        "closing_at",
        "drained",
        "fd",
        "fragments",
        "input_ended",
        "last_input_at",
        "opened",
        "paused",
        "pending_bytes",
        "pong_due_at",
        "received",
        "resume_at",
        "session",
        "sock",
        "tls_hello",
        "writing",
    )

    def __init__(self, sock: socket.socket, session: Session, now: float) -> None:
        self.sock = sock
        self.fd = sock.fileno()
        self.session = session
        session.fd = self.fd
        self.opened = now
        self.last_input_at = now
        self.pong_due_at = 0.0
        """When an unanswered PING must have been answered; 0 without one."""
        self.closing_at = 0.0
        """When the connection is closed whatever is left to send; 0 while it is open."""
        self.received = 0
        self.fragments = 0
        """Units of input that completed no line and are not charged yet ([fragments])."""
        self.input_ended = False
        """Whether the peer has ended its input; it may still read."""
        self.drained = 0
        """Bytes read and discarded since the connection is over."""
        self.resume_at = 0.0
        """Until when reading is paused by the rate limit."""
        self.tls_hello = b""
        """The first bytes, if they begin a TLS handshake: not lines, and for the owner to judge."""
        self.paused = False
        self.writing = False
        self.broken = False
        self.pending_bytes = 0
        self._pending: deque[bytes | memoryview] | None = None
        self._decoder = LineDecoder()

    def read(self) -> list[str | BadLine] | None:
        """Return the lines that arrived; None at the end of the stream. Raises OSError for a broken connection."""
        try:
            data = self.sock.recv(RECEIVE_BYTES)
        except (BlockingIOError, InterruptedError):
            return []
        if not data:
            return None
        if not self.received and data[0] == TLS_HANDSHAKE:
            self.tls_hello = data
            self.received = len(data)
            return []
        if not self.received:
            self.session.send = self.sock.send
        size = len(data)
        self.received += size
        lines = self._decoder.feed(data)
        if size > MAX_TAGGED_LINE_BYTES * len(lines):
            self.fragments += 1 + (size - MAX_TAGGED_LINE_BYTES * len(lines)) // MAX_LINE_BYTES
        return lines

    def write(self, chunks: list[bytes]) -> None:
        """Send `chunks` in order: now, as far as possible, the rest when the socket is writable."""
        if self._pending:
            self._pending.extend(filter(None, chunks))  # a chunk is empty for a sender without echo-message
            self.pending_bytes += sum(map(len, chunks))
            return
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        try:
            sent = self.sock.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            # Reading reports the error too, and the QUIT is broadcast from there.
            self.broken = True
            return
        if sent < len(data):
            self.queue_rest(data, sent)

    def queue_rest(self, data: bytes, sent: int) -> None:
        """Queue `data` but for its first `sent` bytes, which the kernel took."""
        self._pending = deque((memoryview(data)[sent:],))
        self.pending_bytes = len(data) - sent
        self.session.send = None

    def write_pending(self) -> None:
        """Send queued output, as far as the kernel takes it."""
        pending = self._pending
        if not pending:
            return
        head = [pending[at] for at in range(min(len(pending), _BUFFERS))]
        try:
            sent = self.sock.sendmsg(head)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.broken = True
            return
        self.pending_bytes -= sent
        while sent:
            first = pending[0]
            if sent < len(first):
                pending[0] = memoryview(first)[sent:]
                break
            sent -= len(first)
            pending.popleft()
        if not pending:
            self._pending = None
            if not self.closing_at:
                self.session.send = self.sock.send

    def drop_pending(self, last_line: bytes) -> None:
        """Complete the line that is partly sent, drop the rest, and add `last_line` ([bounded-output])."""
        rest = b""
        for chunk in self._pending or ():
            piece = bytes(chunk)
            end = piece.find(b"\n")
            if end >= 0:
                rest += piece[: end + 1]
                break
            rest += piece
        self._pending = deque((rest + last_line,))
        self.pending_bytes = len(rest) + len(last_line)

    def close_at(self, when: float) -> None:
        """End the connection: queued output is still sent, nothing is added, and at `when` it is closed."""
        self.closing_at = when
        self.session.send = None

    def finish(self) -> None:
        """Shut down sending, after the kernel has taken everything. Raises OSError."""
        self.sock.shutdown(socket.SHUT_WR)

    def acknowledged(self) -> bool:
        """Return whether the peer's system has acknowledged everything that was sent, the end included.

        Then the peer may be left without waiting for it: what it did not read yet is in its own system.
        """
        try:
            unsent = fcntl.ioctl(self.fd, termios.TIOCOUTQ, b"\0" * 4)  # SIOCOUTQ in tcp(7) is the same
        except OSError:
            return False
        return not any(unsent)

    def close(self) -> None:
        """Give the socket back."""
        self._pending = None
        self.session.send = None
        self.sock.close()
