"""Ends of a peer's input, and the answers after them; the output of a disconnected reader; how a stop ends."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chatctl.server import Limits, Server, TlsConfig
from tests.server.tls import TlsWire, trusting
from tests.wire import DEADLINE, Wire


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(port=0, listener_limit=50, tls=TlsConfig(folder=tmp_path)) as running:
        running.certificate()
        yield running


def commands(wire: Wire) -> list[str]:
    return [message.command for message in wire.until_end()]


def end_stream(wire: Wire) -> None:
    wire.sock.shutdown(socket.SHUT_WR)


class CloseNotify:
    """A TLS connection that says by a close_notify alone that it sends no more, and goes on reading."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._ssl = trusting().wrap_bio(self._incoming, self._outgoing, server_hostname="here")
        self._step(self._ssl.do_handshake)

    def _step(self, call: Callable[[], object]) -> object:
        while True:
            try:
                result = call()
            except ssl.SSLWantReadError:
                self._flush()
                self._incoming.write(self.sock.recv(65536))
            else:
                self._flush()
                return result

    def _flush(self) -> None:
        self.sock.sendall(self._outgoing.read())

    def say_all_and_read(self, data: bytes) -> bytes:
        """Send `data` and the close_notify; all that comes until the stream ends."""
        self._ssl.write(data)
        try:
            self._ssl.unwrap()
        except ssl.SSLWantReadError:
            self._flush()
        received = b""
        while data := self.sock.recv(65536):
            received += data
        self.sock.close()
        return received


LINES = ("NICK ann", "USER u 0 * :r", "JOIN #tea", "PING here", "LIST", "WHOIS ann")


@pytest.mark.parametrize("kind", [Wire, TlsWire], ids=["plain", "TLS"])
def test_half_close_still_answers_received_commands(server: Server, kind: type[Wire]) -> None:
    with Wire(server.port).login("bob", "#tea") as bob, kind(server.port) as ann:
        ann.send(*LINES)
        end_stream(ann)
        if kind is Wire:  # Python's ssl reads no more once the stream is shut down
            wanted = ["JOIN", "PONG", "323", "318", "ERROR"]
            assert [word for word in commands(ann) if word in wanted] == wanted
        assert bob.until("QUIT").nick == "ann"


def test_half_close_before_registering_ends_with_error(server: Server) -> None:
    with Wire(server.port) as wire:
        wire.send("NICK ann", "CAP LS")
        end_stream(wire)
        assert commands(wire) == ["CAP", "ERROR"]


@pytest.mark.e2e
def test_half_close_with_lines_slowed_answers_all_of_them() -> None:
    with (
        Server(port=0, listener_limit=50, limits=Limits(messages_per_second=20)) as server,
        Wire(server.port).login("bob", "#lobby") as bob,
        Wire(server.port).login("ann", "#lobby") as ann,
    ):
        ann.send(*(f"PRIVMSG #lobby :{number}" for number in range(60)), "PING last")
        end_stream(ann)
        assert [word for word in commands(ann) if word in ("PONG", "ERROR")] == ["PONG", "ERROR"]
        assert [bob.until("PRIVMSG").params[1] for _ in range(60)] == [str(number) for number in range(60)]


def test_close_notify_ends_the_session_and_its_answers_arrive(server: Server) -> None:
    with Wire(server.port).login("bob", "#tea") as bob:
        received = CloseNotify(server.port).say_all_and_read("".join(f"{line}\r\n" for line in LINES).encode())
        assert bob.until("QUIT").params == ["Connection closed"]
        assert len(received) > 1500, "the answers, and the end of the stream"


def test_lost_connection_is_broadcast_at_once(server: Server) -> None:
    with Wire(server.port).login("bob", "#tea") as bob:
        ann = Wire(server.port).login("ann", "#tea")
        ann.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        ann.close()
        assert bob.until("QUIT").nick == "ann"


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_disconnected_slow_reader_receives_whole_lines_and_the_reason(secure: bool, tmp_path: Path) -> None:
    """It reads long after the seconds that a connection has to close."""
    limits = Limits(outbox_bytes=300_000, linger_seconds=0.01)
    with (
        Server(port=0, listener_limit=50, limits=limits, tls=TlsConfig(folder=tmp_path)) as server,
        Wire(server.port).login("ann", "#lobby") as ann,
    ):
        server.certificate()
        with (TlsWire if secure else Wire)(server.port).login("stuck", "#lobby") as stuck:
            while not any(message.command == "QUIT" for message in ann.read):
                ann.send(*(f"PRIVMSG #lobby :{'x' * 400}" for _ in range(100))).ping()
            loop = server._loop
            assert loop is not None
            for _ in range(5):  # rounds in which deadlines are handled
                done = threading.Event()
                loop.call(done.set)
                assert done.wait(DEADLINE)
                done.clear()
                done.wait(0.02)
            last = stuck.until_end()
            assert last[-1].params[0].startswith("You were too slow to read")
            assert {message.params[1] for message in last if message.command == "PRIVMSG"} == {"x" * 400}


@pytest.mark.parametrize("kind", [Wire, TlsWire], ids=["plain", "TLS"])
def test_stop_does_not_wait_for_peers_that_have_received_everything(tmp_path: Path, kind: type[Wire]) -> None:
    """They neither read nor close; the stop may take as long as this test has."""
    server = Server(port=0, listener_limit=50, tls=TlsConfig(folder=tmp_path)).start()
    server.certificate()
    peers = [kind(server.port).login(f"n{number}", "#lobby") for number in range(3)]
    server.stop("bye", seconds=600)
    assert server.wait(0)
    for peer in peers:
        assert peer.until_end()[-1].params == ["bye"]
        peer.close()
