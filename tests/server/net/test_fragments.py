"""Input that completes no line costs tokens, and what the TLS layer sends by itself is output that waits."""

from __future__ import annotations

import contextlib
import ctypes
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chatctl.chat.delivery.session import Session
from chatctl.chat.model.ids import SessionId
from chatctl.server import Limits, Server, TlsConfig
from chatctl.server.net import tls_connection as server_tls
from chatctl.server.net.connection import Connection
from tests.server.tls import Authority, TlsWire, trusting
from tests.wire import Wire

_SSL_AT = 3 * ctypes.sizeof(ctypes.c_void_p)
"""Where CPython's SSL object has its ``SSL *``: behind the two words of every object and the socket."""
_UPDATE_REQUESTED = 1


def key_update(sock: ssl.SSLSocket | ssl.SSLObject) -> None:
    """Have the next record be a KeyUpdate that asks for one in return (RFC 8446, 4.6.3)."""
    import _ssl

    library = ctypes.CDLL(_ssl.__file__)
    inner: Any = sock._sslobj  # type: ignore[union-attr]
    pointer = ctypes.c_void_p.from_address(id(inner) + _SSL_AT)
    assert library.SSL_key_update(pointer, ctypes.c_int(_UPDATE_REQUESTED)) == 1
    library.SSL_do_handshake(pointer)


class InMemory:
    """A server's TLS connection over a socket pair, and the client's TLS in memory."""

    def __init__(self, folder: Path) -> None:
        ours, self.theirs = socket.socketpair()
        ours.setblocking(False)
        self.theirs.setblocking(False)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*Authority(folder).issue("here"))
        plain = Connection(ours, Session(SessionId(1), "192.0.2.1", "host", 0), 0.0)
        self.server = server_tls.TlsConnection(plain, context)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = trusting().wrap_bio(self._incoming, self._outgoing, server_hostname="here")
        while True:
            try:
                self.client.do_handshake()
            except ssl.SSLWantReadError:
                self.carry()
                self.server.read()
                self.receive()
            else:
                break
        self.send(b"")
        self.server.fragments = 0

    def carry(self) -> int:
        """Write the output of the client's TLS to the socket; return the number of bytes."""
        return self.theirs.send(data) if (data := self._outgoing.read()) else 0

    def receive(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._incoming.write(self.theirs.recv(1 << 20))

    def send(self, data: bytes) -> list[Any]:
        """The lines that the server reads of `data`."""
        if data:
            self.client.write(data)
        self.carry()
        found = self.server.read()
        assert found is not None
        return found

    def close(self) -> None:
        self.server.close()
        self.theirs.close()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[InMemory]:
    there = InMemory(tmp_path)
    yield there
    there.close()


def test_ordinary_lines_over_tls_do_not_count_as_fragments(pair: InMemory) -> None:
    for number in range(2000):
        assert pair.send(b"PING %d\r\n" % number) == [f"PING {number}"]
    assert pair.send(b"".join(b"PRIVMSG #a :%d\r\n" % number for number in range(100)))
    assert pair.server.fragments == 0


def test_key_updates_past_a_few_count_as_fragments(pair: InMemory) -> None:
    for _ in range(2000):
        key_update(pair.client)
        pair.send(b"")
        pair.receive()
    assert pair.server.fragments >= 2000


def test_simultaneous_key_updates_are_counted_and_split_over_reads(pair: InMemory) -> None:
    sent = 0
    for _ in range(3000):
        key_update(pair.client)
    sent = pair.carry()
    reads = 0
    while pair.server.received < sent and reads < 1000:
        before = pair.server.received
        assert pair.server.read() == []
        assert pair.server.received - before <= 8192
        reads += 1
    assert pair.server.fragments > 2000


@pytest.mark.e2e
def test_output_of_the_tls_layer_counts_as_queued(pair: InMemory) -> None:
    """It is not read, and counted to the last byte; then it arrives, with the messages behind it."""
    for _ in range(40_000):
        key_update(pair.client)
        pair.send(b"")
        if pair.server.pending_bytes > 100_000:
            break
    waiting = pair.server.pending_bytes
    assert waiting > 100_000
    pair.server.write([b"PING :x\r\n"])
    received = b""
    while not received.endswith(b"\n"):
        pair.receive()
        pair.server.write_pending()
        with contextlib.suppress(ssl.SSLWantReadError):
            received += pair.client.read(65536)
    assert received == b"PING :x\r\n"
    assert pair.server.pending_bytes == 0


@pytest.mark.parametrize("data", [b"\n" * 5000, b"x" * 5000, b"\r\n"], ids=["empty lines", "endless line", "one"])
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_bytes_without_a_line_end_count_as_fragments(pair: InMemory, data: bytes, secure: bool) -> None:
    units = 1 if b"x" in data else 1 + len(data) // 512  # the endless line is reported once, and that is a line
    if secure:
        pair.send(data)
        assert pair.server.fragments == units
        return
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = Connection(ours, Session(SessionId(1), "192.0.2.1", "host", 0), 0.0)
        theirs.sendall(data)
        connection.read()
        assert connection.fragments == units


FLOOD = {"empty lines": b"\r\n", "half lines": b"x"}


@pytest.mark.e2e
@pytest.mark.parametrize("what", ["key updates", *FLOOD])
@pytest.mark.parametrize(("rate", "held"), [(1, True), (0, False)])
def test_flood_without_a_line_end_is_slowed_down(what: str, rate: float, held: bool, tmp_path: Path) -> None:
    """A little of it is read, however long it goes on; others do not notice."""
    limits = Limits(messages_per_second=rate, inbox_lines=1024 if held else 10**9, inbox_bytes=2**18 if held else 10**9)
    with (
        Server(port=0, limits=limits, tls=TlsConfig(folder=tmp_path)) as server,
        Wire(server.port).login("bob") as bob,
    ):
        server.certificate()
        with (TlsWire if what == "key updates" else Wire)(server.port).login("ann") as ann:
            loop = server._loop
            assert loop is not None
            connection = next(each for each in loop._connections.values() if each.session.nick == "ann")
            began, sent = connection.received, 0
            ann.sock.setblocking(False)
            rounds = 0
            while sent < 20_000_000 and rounds < 300:
                rounds += 1
                if isinstance(ann.sock, ssl.SSLSocket):
                    for _ in range(20):
                        key_update(ann.sock)
                    sent += 20 * 27
                else:
                    with contextlib.suppress(BlockingIOError):
                        sent += ann.sock.send(FLOOD[what] * 20_000)
                bob.ping()
                if connection.paused:
                    break
            assert connection.paused is held
            assert bob.ping()
            if held:
                assert connection.received - began < 400_000
