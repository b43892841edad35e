"""A relay between a client and a server that cuts the line at random places."""

from __future__ import annotations

import contextlib
import random
import selectors
import socket
import struct
import threading
from types import TracebackType
from typing import Self

from tests.wire import DEADLINE

_LONGEST_UP = 1500
_LONGEST_DOWN = 6000
_ABORT = struct.pack("ii", 1, 0)


class CuttingProxy:
    """Relays one connection after another.

    Once armed, each ends after a random number of bytes in one direction or the other, anywhere in a line, until `cuts`
    are done; half of them drop the data in transit (RST).
    """

    def __init__(self, port: int, seed: int) -> None:
        self._port = port
        self._random = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.news = threading.Condition()
        """Told of every cut."""
        self.cuts = 0
        self._left = 0
        self._limits: list[int] | None = None
        self._over, self._end = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def arm(self, cuts: int) -> None:
        """From now on."""
        self._left = cuts

    def wait_for_cut(self, number: int, timeout: float = DEADLINE) -> bool:
        """Wait for this many cuts."""
        with self.news:
            return self.news.wait_for(lambda: self.cuts >= number, timeout)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end.close()
        self._thread.join(DEADLINE)
        self._listener.close()
        self._over.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._over, selectors.EVENT_READ)
            while not any(key.fileobj is self._over for key, _ in selector.select()):
                client, _ = self._listener.accept()
                with client, socket.create_connection(("127.0.0.1", self._port)) as server:
                    self._limits = None
                    if self._relay(client, server):
                        with self.news:
                            self.cuts += 1
                            self._left -= 1
                            self.news.notify_all()

    def _relay(self, client: socket.socket, server: socket.socket) -> bool:
        """Until one of them ends, or the cut: whether it was that."""
        done = [0, 0]
        ends = (client, server)
        for end in ends:
            end.settimeout(DEADLINE)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with selectors.DefaultSelector() as selector:
            for sock in (*ends, self._over):
                selector.register(sock, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._over:
                        return False
                    at = 0 if key.fileobj is client else 1
                    try:
                        data = ends[at].recv(4096)
                    except OSError:
                        return False
                    if self._left > 0 and self._limits is None:
                        up, down = self._random.randrange(_LONGEST_UP), self._random.randrange(_LONGEST_DOWN)
                        self._limits = [done[0] + up, done[1] + down]
                    room = len(data) if self._limits is None else max(0, self._limits[at] - done[at])
                    done[at] += len(data)
                    with contextlib.suppress(OSError):
                        ends[1 - at].sendall(data[:room])
                    if not data:
                        return False
                    if room < len(data):
                        self._cut(ends)
                        return True

    def _cut(self, ends: tuple[socket.socket, socket.socket]) -> None:
        for end in ends:
            if self._random.random() < 0.5:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
