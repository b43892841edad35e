"""Bytes: a connection that can be waited for together with a wake-up, and lines out of its bytes.

TLS wraps the socket here (:func:`dial` returns the wrapped one), and nowhere else.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import socket
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from chatctl.client.transport.trust import Trust, is_this_machine
from chatctl.protocol.control_socket import control_path
from chatctl.protocol.json_text import parse_json

_MAX_LINE_BYTES = 8703 + 512
"""Maximum bytes of a line. IRC lines have 8,703 at most (tags and message)."""


class DialError(Exception):
    """No connection; `str(error)` says why in a few words."""


class WakeUp:
    """Lets other threads end a `select`, from :meth:`open` to :meth:`close`."""

    def __init__(self) -> None:
        self._pair: tuple[socket.socket, socket.socket] | None = None

    def open(self) -> None:
        """Open the pipe, before the thread starts that it wakes."""
        self._pair = socket.socketpair()
        for end in self._pair:
            end.setblocking(False)

    def fileno(self) -> int:
        """Return what to wait for. Only while open."""
        return self._pair[0].fileno() if self._pair is not None else -1

    def set(self) -> None:
        """End the `select` that runs, or the next one. Safe from any thread at any time."""
        pair = self._pair
        if pair is not None:
            with contextlib.suppress(OSError):  # full: a wake-up is pending; closed: the reader has ended
                pair[1].send(b"\0")

    def clear(self) -> None:
        """Note that the wake-ups so far were handled."""
        if self._pair is not None:
            with contextlib.suppress(BlockingIOError):
                while self._pair[0].recv(4096):
                    pass

    def close(self) -> None:
        """Close the pipe; nothing waits for it any more."""
        for end in self._pair or ():
            end.close()


def dial(
    host: str, port: int, seconds: float, wake: WakeUp, stopped: Callable[[], bool], trust: Trust
) -> socket.socket:
    """Return a connected, non-blocking socket to the first of the host's addresses that answers, with TLS if `trust`
    wants it. Raises DialError, and UntrustedError if the server is not trusted."""
    end = time.monotonic() + seconds
    sock = _reached(host, port, end, wake, stopped)
    try:
        wanted = trust.wants_tls(sock)
    except OSError as error:
        sock.close()
        raise DialError(_words(error)) from None
    return _secured(host, port, end, wake, stopped, trust, sock) if wanted else sock


def dial_control(folder: Path, seconds: float, wake: WakeUp, stopped: Callable[[], bool]) -> socket.socket:
    """Return a non-blocking socket on which the server of a data folder speaks IRC. Raises DialError."""
    end = time.monotonic() + seconds
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.connect(str(control_path(folder)))
        sock.send(b'{"command": "chat"}\n')
        answer = b""
        while not answer.endswith(b"\n"):
            _wait(sock, selectors.EVENT_READ, end, wake, stopped)
            data = sock.recv(4096)
            if not data:
                raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
            answer += data
        found = parse_json(answer)
    except BaseException as error:
        sock.close()
        if isinstance(error, OSError):
            raise DialError(_words(error)) from None
        raise
    if isinstance(found, dict) and found.get("ok"):
        return sock
    sock.close()
    raise DialError(str(found.get("error")) if isinstance(found, dict) else "no answer of a chatctl server")


def _secured(
    host: str, port: int, end: float, wake: WakeUp, stopped: Callable[[], bool], trust: Trust, sock: socket.socket
) -> socket.socket:
    import ssl  # with what it brings, only where it is wanted

    from chatctl.client.transport.tls import secure

    def wait(stream: socket.socket, write: bool) -> None:
        _wait(stream, selectors.EVENT_WRITE if write else selectors.EVENT_READ, end, wake, stopped)

    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        return secure(host, address, trust, sock, lambda: _reached(host, port, end, wake, stopped), wait)
    except TimeoutError as error:
        raise DialError(_words(error)) from None
    except (ssl.SSLError, ConnectionError) as error:
        reason = (getattr(error, "reason", None) or error.strerror or str(error)).lower().replace("_", " ")
        raise DialError(f"no TLS there: {reason}; --no-tls talks in plain text, which others can read") from None
    except OSError as error:
        raise DialError(_words(error)) from None


def _reached(host: str, port: int, end: float, wake: WakeUp, stopped: Callable[[], bool]) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        said = error.strerror if isinstance(error, OSError) else None
        raise DialError(f"{said or 'there is no such address'}".lower()) from None
    problem = "no address"
    for family, kind, protocol, _, address in found:
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError as error:
            problem = _words(error)
            continue
        try:
            _connect(sock, address, end, wake, stopped)
        except OSError as error:
            sock.close()
            problem = _words(error)
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise DialError(problem)


def _connect(sock: socket.socket, address: object, end: float, wake: WakeUp, stopped: Callable[[], bool]) -> None:
    sock.setblocking(False)
    code = sock.connect_ex(address)  # type: ignore[arg-type]  # whatever getaddrinfo gave for this family
    if code in (errno.EINPROGRESS, errno.EWOULDBLOCK):
        _wait(sock, selectors.EVENT_WRITE, end, wake, stopped)
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))
    if sock.getsockname() == sock.getpeername():
        # Connecting to an unused port can yield a socket connected to itself: the system may assign that port to our
        # side.
        raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _wait(sock: socket.socket, events: int, end: float, wake: WakeUp, stopped: Callable[[], bool]) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(sock, events)
        selector.register(wake, selectors.EVENT_READ)
        while not any(key.fileobj is sock for key, _ in selector.select(max(0.0, end - time.monotonic()))):
            if stopped():
                raise DialError("stopped")
            if time.monotonic() >= end:
                raise TimeoutError(errno.ETIMEDOUT, "no answer in time")
            wake.clear()


def _words(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def first_bytes(pieces: Iterable[bytes], size: int) -> bytes:
    """Return the first of `pieces` in one: as many of them as have `size` bytes, or all."""
    gathered: list[bytes] = []
    for piece in pieces:
        gathered.append(piece)
        size -= len(piece)
        if size <= 0:
            break
    return b"".join(gathered)


class LineReader:
    """Splits bytes into lines. Lines that are not UTF-8 are read as Latin-1, as IRC clients do; chatctl servers send
    UTF-8."""

    def __init__(self) -> None:
        self._buffer = b""
        self._skipping = False

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that `data` completes. A line that is too long is dropped."""
        *whole, self._buffer = (self._buffer + data).split(b"\n")
        if self._skipping and whole:
            del whole[0]
            self._skipping = False
        if len(self._buffer) > _MAX_LINE_BYTES or self._skipping:
            self._buffer = b""
            self._skipping = True
        return [_text(line) for line in whole if len(line) <= _MAX_LINE_BYTES]


def _text(line: bytes) -> str:
    line = line.rstrip(b"\r").replace(b"\0", b"")
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def is_secure(sock: socket.socket) -> bool:
    """Return whether others cannot read the connection: TLS, or this computer."""
    if hasattr(sock, "getpeercert") or sock.family == socket.AF_UNIX:
        return True
    with contextlib.suppress(OSError):
        return is_this_machine(sock)
    return False
