"""A toy server for one room that can be told to do wrong: to lose, double, move, refuse, kick, fall silent, hang up."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

Bend = Callable[["BentServer", socket.socket, bytes], "list[bytes] | None"]
"""Gets the server, a recipient of a message, and the message's line; returns the line to send instead. None: nothing
more, to any client."""


class BentServer:
    """Runs on its own thread. `bend` sees each delivery, `places` clients can register. `tags` precede all its lines;
    with `shut` joining clients get no confirmation, but a PING, and another for each answer."""

    def __init__(self, bend: Bend | None = None, *, places: int = 1000, tags: bytes = b"", shut: bool = False) -> None:
        self.delivered = 0
        self._tags = tags
        self._shut = shut
        self._bend = bend or (lambda server, hearer, line: [line])
        self._places = places
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._buffers: dict[socket.socket, bytes] = {}
        self._names: dict[socket.socket, bytes] = {}
        self._stop_in, self._stop_out = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._stop_in, selectors.EVENT_READ)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_out.send(b"x")
        self._thread.join(10)
        for sock in (*self._buffers, self._listener, self._stop_in, self._stop_out):
            sock.close()
        self._selector.close()

    def hang_up(self, sock: socket.socket, last: bytes = b"") -> None:
        """Close a connection, after a last line."""
        with contextlib.suppress(OSError):
            sock.sendall(last)
        self._names.pop(sock, None)
        if self._buffers.pop(sock, None) is not None:
            self._selector.unregister(sock)
        sock.close()

    def name_of(self, sock: socket.socket) -> bytes:
        """Return the nick of a connection."""
        return self._names.get(sock, b"*")

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                if sock is self._stop_in:
                    return
                if sock is self._listener:
                    new, _ = sock.accept()
                    self._buffers[new] = b""
                    self._selector.register(new, selectors.EVENT_READ)
                elif sock in self._buffers:
                    self._read(sock)

    def _read(self, sock: socket.socket) -> None:
        try:
            data = sock.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.hang_up(sock)
            return
        *lines, self._buffers[sock] = (self._buffers[sock] + data).split(b"\r\n")
        for line in lines:
            if sock in self._buffers:
                self._line(sock, line)

    def _line(self, sock: socket.socket, line: bytes) -> None:
        word, _, rest = line.partition(b" ")
        if word == b"NICK":
            if len(self._names) >= self._places:
                self.hang_up(sock, b"ERROR :The chat is full\r\n")
                return
            self._names[sock] = rest
            self._tell(sock, b":toy PING :awake?\r\n:toy 001 %s :Welcome\r\n" % rest)
        elif word == b"CAP" and rest.startswith(b"REQ"):
            self._tell(sock, b":toy CAP * ACK %s\r\n" % rest[4:])
        elif self._shut and word in {b"JOIN", b"PONG"}:
            self._tell(sock, b"PING :still there?\r\n")
        elif word == b"JOIN":
            self._tell(sock, b":toy 366 %s %s :End\r\n" % (self._names[sock], rest))
        elif word == b"PING":
            self._tell(sock, b":toy PONG toy %s\r\n" % rest)
        elif word == b"PRIVMSG":
            self._relay(sock, b":%s!u@h %s\r\n" % (self._names[sock], line))

    def _tell(self, sock: socket.socket, lines: bytes) -> None:
        with contextlib.suppress(OSError):
            sock.sendall(b"".join(self._tags + line for line in lines.splitlines(keepends=True)))

    def _relay(self, speaker: socket.socket, line: bytes) -> None:
        for hearer in list(self._names):
            if hearer is speaker:
                continue
            self.delivered += 1
            sent = self._bend(self, hearer, self._tags + line)
            if sent is None:
                return
            with contextlib.suppress(OSError):
                hearer.sendall(b"".join(sent))
