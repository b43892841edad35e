"""TLS on the port that speaks plain text too: which connections may use which, and a connection with TLS.

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
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from chatctl.chat.ports import LogPort
from chatctl.errors import ChatctlError
from chatctl.protocol.framing import BadLine
from chatctl.protocol.message import MAX_LINE
from chatctl.server import certificate
from chatctl.server.certificate import LoadedCertificate
from chatctl.server.net.connection import MAX_TAGGED_LINE_BYTES, RECEIVE_BYTES, Connection
from chatctl.server.tls_config import TlsConfig

_SLICE_BYTES = 8 * 1024
"""Bytes decrypted before it is looked at what they were: at most 400 records, of which a key update takes 35 us."""
_MIN_RECORD_BYTES = 22
"""The shortest record of TLS 1.3: header, content type and tag (RFC 8446, 5.2)."""
_MAX_RECORD_BYTES = 5 + 16 * 1024 + 256
"""The longest one: as much may have arrived of a record that gives nothing before it is whole."""
_ENCRYPT_BYTES = 64 * 1024
"""Bytes encrypted at once: the maximum of encrypted output that the kernel has not taken."""


class TlsConnection(Connection):
    """A connection whose bytes are encrypted. Made of a plain one and the first bytes that came on it."""

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
        """As without TLS. Raises ssl.SSLError, an OSError, if it is not TLS."""
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
        """The lines in encrypted bytes that came."""
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
            self.fragments += 1 + (size - MAX_TAGGED_LINE_BYTES * lines) // MAX_LINE
        elif not lines:
            self.fragments += 1
        overhead = max(0, self._overhead + received - size - 2 * _MIN_RECORD_BYTES * (lines + 1))
        if overhead > _MAX_RECORD_BYTES:
            self.fragments += (overhead - _MAX_RECORD_BYTES) // _MIN_RECORD_BYTES
            overhead = _MAX_RECORD_BYTES
        self._overhead = overhead

    def _queue_tls_output(self) -> None:
        """The TLS layer answers records of its own accord: that is output like any other. Raises OSError."""
        waited = self.pending_bytes
        self.pending_bytes += self._outgoing.pending - self._counted
        self._counted = self._outgoing.pending
        if not waited:
            self.write_pending()
            if self.broken:
                raise ConnectionResetError("the connection is gone")

    def _continue_handshake(self) -> bool:
        """A step of the handshake; whether it is done."""
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
        """As without TLS; nothing before the handshake is done."""
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
        """Say that nothing follows, in TLS's words (RFC 8446, 6.1) and TCP's. Raises OSError."""
        if self.handshake_done:
            with contextlib.suppress(ssl.SSLError):  # it wants to read the answer; nothing waits for that
                self._ssl.unwrap()
            with contextlib.suppress(BlockingIOError):
                self.sock.send(self._outgoing.read())
        super().finish()


@dataclass(slots=True)
class _WatchedFiles:
    """Certificate files of the operator, and their state when they were loaded."""

    certificate: Path
    key: Path
    seen: tuple[tuple[int, int, int], ...]


class ServerIdentity:
    """The server's certificate. From :meth:`start` on, `loaded` is the one in use."""

    def __init__(self, plan: TlsConfig, log: LogPort) -> None:
        self.loaded: LoadedCertificate | None = None
        self.kept = True
        """Whether it will be the same after a restart."""
        self._plan = plan
        self._log = log
        self._use: Callable[[LoadedCertificate | None], None] = lambda loaded: None
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._logged_on: date | None = None

    def start(self) -> None:
        """Load or make the certificate. Raises StartError for an unusable one."""
        plan = self._plan
        work: Callable[[], None] = self._generate
        if plan.certificate is not None and plan.key is not None:
            watched = _WatchedFiles(plan.certificate, plan.key, certificate.changed_at(plan.certificate, plan.key))
            self._replace(certificate.load(plan.certificate, plan.key))
            work = lambda: self._watch(watched)  # noqa: E731
        elif plan.folder is not None and (found := certificate.load_saved(plan.folder)) is not None:
            self._replace(found)
            return
        self._thread = threading.Thread(target=work, name="certificates", daemon=True)
        self._thread.start()

    def on_change(self, use: Callable[[LoadedCertificate | None], None]) -> None:
        """Have `use` called, on any thread, with the one in use and with each that comes later."""
        with self._lock:
            self._use = use
            if self._ready.is_set():
                use(self.loaded)

    def wait(self, seconds: float) -> LoadedCertificate | None:
        """The certificate, waiting for it for a while; None where it is not there (yet)."""
        self._ready.wait(seconds)
        return self.loaded

    def stop(self, seconds: float) -> None:
        """End the watching."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(seconds)

    def _replace(self, loaded: LoadedCertificate | None) -> None:
        with self._lock:
            self.loaded = loaded
            self._ready.set()
            self._use(loaded)
        self._log_expiry()

    def _log_expiry(self) -> None:
        now = datetime.now(UTC)
        self._logged_on = now.date()
        if self.loaded is not None and (warning := self.loaded.warning(now)):
            self._log.warning(warning)

    def _generate(self) -> None:
        try:
            pem = certificate.generate(self._plan.names() if self._plan.names is not None else ("localhost",))
            folder = self._plan.folder
            if folder is not None:
                path = certificate.save(folder, pem)
                self._replace(certificate.load(path, path))
                self._log.info("made a certificate", file=str(path))
            else:
                self.kept = False
                self._replace(certificate.load_unsaved(pem))
        except (OSError, ChatctlError) as error:
            self._log.error("no certificate could be made; TLS is off", error=str(error))
            self._replace(None)

    def _watch(self, watched: _WatchedFiles) -> None:
        logged_error = ""
        while not self._stopped.wait(self._plan.watch_seconds):
            now = certificate.changed_at(watched.certificate, watched.key)
            if now == watched.seen:
                if self._logged_on != datetime.now(UTC).date():
                    self._log_expiry()
                continue
            try:
                loaded = certificate.load(watched.certificate, watched.key)
            except ChatctlError as error:
                # Perhaps one of the two files is still to be written, or gone: look again.
                if str(error) != logged_error:
                    logged_error = str(error)
                    self._log.warning("the changed certificate is not used", error=logged_error)
                continue
            watched.seen, logged_error = now, ""
            self._replace(loaded)
            self._log.info("the changed certificate is in use", fingerprint=loaded.fingerprint)
