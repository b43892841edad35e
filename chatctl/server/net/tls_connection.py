"""A connection with TLS, on the port that also takes plain text.

Invariants:

- [first-byte] 0x16 begins a TLS handshake (RFC 8446, 5.1: the record type "handshake"), and no IRC line.
- [loop-owned] Only the loop uses the SSL object: it works on bytes in memory, and reads and writes of the socket are
  the loop's, one recv and one send as without TLS. (An SSLSocket shared by two threads crashes several Pythons.)
- [plain-queue] Output for a slow reader is queued unencrypted, as shared bytes, and encrypted when it can be sent; so
  whole lines are dropped, and no record is cut.
- [handshake-bound] A handshake is limited like any unregistered connection: by bytes, and by the time to register.
- [records-cost] Records without data (key updates, empty records, alerts) are input like any other: they count as
  fragments, and one read handles at most a few hundred. Output of the TLS layer itself counts as queued output.
- [close-notify] A close_notify ends the peer's input like the end of the TCP stream; the peer may still read (RFC 8446,
  6.1).
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections import deque

from chatctl.protocol.framing import BadLine
from chatctl.protocol.message import MAX_LINE_BYTES
from chatctl.server.net.connection import MAX_TAGGED_LINE_BYTES, RECEIVE_BYTES, Connection

_SLICE_BYTES = 8 * 1024
"""Bytes decrypted between two checks of [records-cost]: at most 400 records, of which a key update takes 35 us."""
_MIN_RECORD_BYTES = 22
"""The shortest record of TLS 1.3: header, content type and tag (RFC 8446, 5.2)."""
_MAX_RECORD_BYTES = 5 + 16 * 1024 + 256
"""The longest record. So many bytes may have arrived of an incomplete record, which yields no data yet."""
_ENCRYPT_BYTES = 64 * 1024
"""Bytes encrypted at once: the maximum of encrypted output that the kernel has not taken."""


class TlsConnection(Connection):
    """A connection with TLS, made of a plaintext connection that received the begin of a handshake."""

    __slots__ = (
        "_ciphertext",
        "_close_notify",
        "_counted",
        "_incoming",
        "_outgoing",
        "_overhead",
        "_ssl",
        "handshake_done",
    )

    def __init__(self, plain: Connection, context: ssl.SSLContext) -> None:
        super().__init__(plain.sock, plain.session, plain.opened)
        self.last_input_at = plain.last_input_at
        self.handshake_done = False
        """Whether the handshake is done."""
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._ssl = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._ciphertext = memoryview(b"")
        self._counted = 0
        """Bytes in `_outgoing` that `pending_bytes` includes."""
        self._overhead = 0
        """Bytes of records beyond their data and the usual overhead of a line."""
        self._close_notify = False
        """Whether the peer sent its close_notify."""

    def read(self) -> list[str | BadLine] | None:
        """Return the lines that arrived, as without TLS. Raises ssl.SSLError, an OSError, if the input is not TLS."""
        lines: list[str | BadLine] = []
        for _ in range(RECEIVE_BYTES // _SLICE_BYTES):
            try:
                data = b"" if self._close_notify else self.sock.recv(_SLICE_BYTES)
            except (BlockingIOError, InterruptedError):
                break
            if not data:
                return lines or None  # after the lines, the next read says so again
            found = self.decrypt(data)
            lines = lines + found if lines else found
            if len(data) < _SLICE_BYTES or self.fragments:
                break
        return lines

    def decrypt(self, data: bytes) -> list[str | BadLine]:
        """Return the lines in encrypted bytes."""
        self.received += len(data)
        self._incoming.write(data)
        if not self.handshake_done and not self._continue_handshake():
            return []
        pieces: list[bytes] = []
        try:
            while piece := self._ssl.read(_ENCRYPT_BYTES):
                pieces.append(piece)
            self._close_notify = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self._close_notify = True
        if self._close_notify:
            # From here on the socket is readable at its end: the next read tells it, after these lines.
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RD)
        plain = b"".join(pieces)
        lines = self._decoder.feed(plain) if plain else []
        self._count(len(data), len(plain), len(lines))
        if self._outgoing.pending > self._counted:
            self._queue_tls_output()
        return lines

    def _count(self, received: int, size: int, lines: int) -> None:
        """Count input that completed no line ([records-cost]): data beyond `lines`, and records beyond two per line."""
        if size > MAX_TAGGED_LINE_BYTES * lines:
            self.fragments += 1 + (size - MAX_TAGGED_LINE_BYTES * lines) // MAX_LINE_BYTES
        elif not lines:
            self.fragments += 1
        overhead = max(0, self._overhead + received - size - 2 * _MIN_RECORD_BYTES * (lines + 1))
        if overhead > _MAX_RECORD_BYTES:
            self.fragments += (overhead - _MAX_RECORD_BYTES) // _MIN_RECORD_BYTES
            overhead = _MAX_RECORD_BYTES
        self._overhead = overhead

    def _queue_tls_output(self) -> None:
        """Count and send output of the TLS layer itself, such as alerts. Raises OSError."""
        waited = self.pending_bytes
        self.pending_bytes += self._outgoing.pending - self._counted
        self._counted = self._outgoing.pending
        if not waited:
            self.write_pending()
            if self.broken:
                raise ConnectionResetError("the connection is gone")

    def _continue_handshake(self) -> bool:
        """Continue the handshake; return whether it is done."""
        try:
            self._ssl.do_handshake()
            self.handshake_done = True
        except ssl.SSLWantReadError:
            pass
        finally:
            # A few thousand bytes on an empty socket: the kernel takes them, or the connection is not worth having.
            if self._outgoing.pending:
                flight = self._outgoing.read()
                if self.sock.send(flight) < len(flight):
                    raise ConnectionAbortedError("the handshake was not taken")
        if self.handshake_done:
            self.session.encrypted = True
        return self.handshake_done

    def write(self, chunks: list[bytes]) -> None:
        """Send `chunks` in order, as without TLS. Before the handshake is done they are dropped."""
        if not self.handshake_done:
            return
        if self._pending is None:
            self._pending = deque()
        self._pending.extend(filter(None, chunks))
        size = sum(map(len, chunks))
        waited = self.pending_bytes
        self.pending_bytes += size
        if not waited:
            self.write_pending()

    def write_pending(self) -> None:
        """Encrypt and send queued output, as far as the kernel takes it ([plain-queue])."""
        try:
            while self.pending_bytes or self._outgoing.pending:
                if not self._ciphertext:
                    self._encrypt()
                sent = self.sock.send(self._ciphertext)
                self.pending_bytes -= sent
                self._ciphertext = self._ciphertext[sent:]
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.broken = True
            return
        self._pending = None

    def _encrypt(self) -> None:
        pending = self._pending or deque()
        taken: list[bytes | memoryview] = []
        size = 0
        while pending and size < _ENCRYPT_BYTES:
            chunk = pending.popleft()
            if size + len(chunk) > _ENCRYPT_BYTES:
                fits = _ENCRYPT_BYTES - size
                whole = memoryview(chunk)
                pending.appendleft(whole[fits:])
                chunk = whole[:fits]
            taken.append(chunk)
            size += len(chunk)
        plain = memoryview(b"".join(taken))
        while plain:
            plain = plain[self._ssl.write(plain) :]
        self._ciphertext = memoryview(self._outgoing.read())
        self.pending_bytes += len(self._ciphertext) - size - self._counted
        self._counted = 0

    def drop_pending(self, last_line: bytes) -> None:
        """[bounded-output] of :mod:`chatctl.server.net.connection`; output that is encrypted already is sent as it
        is."""
        super().drop_pending(last_line)
        self.pending_bytes += len(self._ciphertext) + self._counted

    def finish(self) -> None:
        """Send close_notify (RFC 8446, 6.1), then shut down output. Raises OSError."""
        if self.handshake_done:
            with contextlib.suppress(ssl.SSLError):  # it wants to read the answer; nothing waits for that
                self._ssl.unwrap()
            with contextlib.suppress(BlockingIOError):
                self.sock.send(self._outgoing.read())
        super().finish()
