"""A socket that speaks lines, with a deadline on everything: what the tests of real servers use."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from chatctl.protocol.framing import BadLine, LineDecoder
from chatctl.protocol.message import Message, parse
from tests import deadline

DEADLINE = deadline.DEADLINE


class Wire:
    """A connection to a server at `port` on this machine."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.sock = socket.create_connection((host, port), timeout=DEADLINE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or a round trip may take 40 ms
        self._decoder = LineDecoder(max_line=65536, max_tags=65536)
        self._lines: list[str] = []
        self.read: list[Message] = []
        self.ended = False

    def send(self, *lines: str) -> Self:
        """Send whole lines."""
        return self.send_bytes("".join(f"{line}\r\n" for line in lines).encode())

    def send_bytes(self, data: bytes) -> Self:
        """Send these very bytes."""
        self.sock.sendall(data)
        return self

    def login(self, nick: str, *rooms: str, caps: str = "") -> Self:
        """Register, enter `rooms`, and wait until that is done."""
        if caps:
            self.send(f"CAP REQ :{caps}", "CAP END")
        self.send(f"NICK {nick}", "USER u 0 * :r", *(f"JOIN {room}" for room in rooms))
        self.until("001")
        for _ in rooms:
            self.until("366")
        return self

    def until(self, wanted: str | Callable[[Message], bool]) -> Message:
        """The next message that is `wanted` (a command, or a test); fails after the deadline or at the end."""
        by = time.monotonic() + DEADLINE
        while True:
            while self._lines:
                message = parse(self._lines.pop(0))
                if message is None:
                    continue
                self.read.append(message)
                if message.command == "PING":
                    self.send(f"PONG :{message.param(0)}")
                if message.command == wanted if isinstance(wanted, str) else wanted(message):
                    return message
            assert not self.ended, f"the connection ended before {wanted}; read {self.read[-5:]}"
            assert time.monotonic() < by, f"no {wanted} in time; read {self.read[-5:]}"
            self._receive()

    def until_end(self) -> list[Message]:
        """Everything up to the end of the connection."""
        before = len(self.read)
        while not self.ended:
            self._receive()
        self.read += [message for message in map(parse, self._lines) if message is not None]
        self._lines.clear()
        return self.read[before:]

    def ping(self, token: str = "t") -> Message:
        """A round trip: everything sent before has been handled."""
        self.send(f"PING {token}")
        return self.until(lambda message: message.command == "PONG" and message.params[-1] == token)

    def _receive(self) -> None:
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            self.ended = True
        for line in self._decoder.feed(data):
            assert not isinstance(line, BadLine), line
            self._lines.append(line)

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
