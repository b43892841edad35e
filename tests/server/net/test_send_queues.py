"""Send queues of slow readers: limited each, and in total. Each test fails without its limit."""

from __future__ import annotations

import ctypes
import errno
import threading
import time
import tracemalloc
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import pytest

from chatctl.chat.delivery.session import Session
from chatctl.chat.model.ids import UserId
from chatctl.chat.model.room import Room
from chatctl.server import Limits, Server, TlsConfig
from chatctl.server.loop import EventLoop
from chatctl.server.net import send_queues
from chatctl.server.net.tls_connection import TlsConnection
from chatctl.server.net.uring import ROOM_BYTES, WriteRing
from tests.server.tls import TlsWire
from tests.wire import DEADLINE, Wire

pytestmark = pytest.mark.e2e

T = TypeVar("T")
OFF = 10**12


@pytest.fixture(params=["one by one", "together"], autouse=True)
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it is so whether sessions are written to one by one, or many in one call (uring.py)."""
    monkeypatch.setattr(send_queues, "MIN_RING_SESSIONS", 1 if request.param == "together" else OFF)


PIECE = 300_000
LINE = f":{'x' * 400}"


def waiting(server: Server) -> int:
    """Bytes that wait in all outboxes, as the server counts them between two ticks."""
    loop, found = server._loop, []
    assert loop is not None
    counted = threading.Event()

    def count() -> None:
        # The counters are correct.
        assert loop is not None
        there = sum(connection.pending_bytes for connection in loop._connections.values())
        found.append((loop._send_queues.total_bytes, there))
        counted.set()

    loop.call(count)
    assert counted.wait(DEADLINE)
    assert found[0][0] == found[0][1]
    return found[0][0]


def is_closing(server: Server) -> bool:
    """Whether a connection is about to be closed."""
    loop = server._loop
    assert loop is not None
    return any(connection.closing_at for connection in list(loop._connections.values()))


def fill(server: Server, speaker: Wire, target: str, more: int) -> int:
    """Send to `target` until `more` bytes than now are queued, or a session was disconnected; return the queued
    bytes."""
    began, by = waiting(server), time.monotonic() + 3 * DEADLINE
    while (now := waiting(server)) - began < more and not quits(speaker):
        assert time.monotonic() < by, f"{now - began} of {more} bytes"
        speaker.send(*(f"PRIVMSG {target} {LINE}" for _ in range(100)))
        speaker.ping()
    return now


def quits(wire: Wire) -> dict[str, str]:
    return {message.nick: message.params[0] for message in wire.read if message.command == "QUIT"}


@pytest.mark.parametrize(("limit", "held"), [(4 * PIECE, True), (OFF, False)])
def test_queue_of_one_session_is_bounded(limit: int, held: bool) -> None:
    with (
        Server(port=0, listener_limit=50, limits=Limits(outbox_bytes=limit, linger_seconds=0.5)) as server,
        Wire(server.port).login("stuck", "#lobby"),
        Wire(server.port).login("ann", "#lobby") as ann,
    ):
        assert fill(server, ann, "#lobby", 5 * PIECE) <= (limit + 100 * 500 if held else OFF)
        assert quits(ann) == ({"stuck": "Too slow to read"} if held else {})


@pytest.mark.parametrize(("limit", "held"), [(50_000, True), (OFF, False)])
def test_queue_of_an_unregistered_session_is_bounded(limit: int, held: bool) -> None:
    """A request of a few bytes has an answer of a thousand, and unregistered connections may send 16 KiB of them."""
    asked = 12_000  # more than the system keeps for both ends of the connection
    limits = Limits(registration_bytes=OFF, registration_outbox_bytes=limit, outbox_bytes=OFF, linger_seconds=DEADLINE)
    with Server(port=0, limits=limits) as server, Wire(server.port) as stranger:
        by = time.monotonic() + DEADLINE
        stranger.send(*["CAP LS 302"] * asked)
        while not (waiting(server) > 5 * PIECE or is_closing(server)):
            assert time.monotonic() < by
        assert is_closing(server) is held
        if held:
            assert stranger.until_end()[-1].params[0].startswith("You were too slow to read")


@pytest.mark.parametrize(("limit", "held"), [(6 * PIECE, True), (OFF, False)])
def test_total_queue_is_bounded_and_the_slowest_reader_is_disconnected(limit: int, held: bool) -> None:
    """Each of them is well within what one may have."""
    limits = Limits(outbox_bytes=OFF, outbox_total_bytes=limit, linger_seconds=DEADLINE)
    with (
        Server(port=0, listener_limit=50, limits=limits) as server,
        Wire(server.port).login("most", "#lobby") as most,
        Wire(server.port).login("less", "#lobby") as less,
        Wire(server.port).login("ann", "#lobby") as ann,
    ):
        fill(server, ann, "most", 4 * PIECE)
        assert quits(ann) == {}
        assert fill(server, ann, "less", 3 * PIECE) <= (limit if held else OFF)
        assert quits(ann) == ({"most": "Too slow to read"} if held else {})
        if held:
            assert "the most of all" in most.until_end()[-1].params[0]
            assert waiting(server) < limit
            less.ping()  # a client that reads again is not disconnected: all output arrives
            assert sum(message.command == "PRIVMSG" for message in less.read) > 500
            assert waiting(server) == 0


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_queues_of_closed_sessions_are_not_counted(secure: bool, tmp_path: Path) -> None:
    kind = TlsWire if secure else Wire
    with (
        Server(port=0, listener_limit=50, tls=TlsConfig(folder=tmp_path)) as server,
        Wire(server.port).login("ann", "#lobby") as ann,
    ):
        server.certificate()
        for number in range(3):
            wire = kind(server.port).login(f"n{number}", "#lobby")
            fill(server, ann, "#lobby", PIECE)
            wire.close()
            by = time.monotonic() + DEADLINE
            while f"n{number}" not in quits(ann):
                assert time.monotonic() < by
                ann.send(*(f"PRIVMSG #lobby {LINE}" for _ in range(10))).ping()
            ann.read.clear()
        assert waiting(server) == 0


def test_session_that_breaks_during_a_write_is_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        Server(port=0, listener_limit=50, tls=TlsConfig(folder=tmp_path)) as server,
        Wire(server.port).login("ann", "#lobby") as ann,
        TlsWire(server.port).login("bob", "#lobby") as bob,
    ):
        bob.ping()
        monkeypatch.setattr(TlsConnection, "write_pending", lambda connection: setattr(connection, "broken", True))
        ann.send("PRIVMSG #lobby :hi").until("QUIT")
        assert waiting(server) == 0


def test_list_of_twenty_thousand_rooms_disconnects_no_session() -> None:
    """SAFELIST (modern.ircdocs.horse): far more than a send queue holds, to a slow reader."""
    with (
        Server(port=0, listener_limit=50, limits=Limits(outbox_bytes=PIECE)) as server,
        Wire(server.port).login("ann", "#lobby") as ann,
    ):
        made, loop, hub = threading.Event(), server._loop, server._hub
        assert loop is not None
        assert hub is not None

        def make() -> None:
            for number in range(20_000):
                room = hub.state.rooms[f"#{number}"] = Room(f"#{number}", 0)
                room.topic = "x" * 300
                room.members[UserId("someone")] = 0
            made.set()

        loop.call(make)
        assert made.wait(DEADLINE)
        ann.send("LIST", "PING end")
        by = time.monotonic() + DEADLINE
        while not waiting(server):
            assert time.monotonic() < by
        assert waiting(server) < PIECE
        ann.until(lambda message: message.command == "PONG" and message.params[-1] == "end")
        assert sum(message.command == "322" for message in ann.read) == 20_001


def test_slow_and_broken_sessions_do_not_affect_others() -> None:
    """The others hear everything, in order."""
    with ExitStack() as stack:
        limits = Limits(outbox_bytes=2 * PIECE, linger_seconds=0.5)
        server = stack.enter_context(Server(port=0, listener_limit=50, limits=limits))
        wires = [stack.enter_context(Wire(server.port).login(f"n{number}", "#lobby")) for number in range(20)]
        stuck, gone, speaker, *others = wires
        gone.close()
        said = 0
        while "n0" not in quits(speaker):
            speaker.send(*(f"PRIVMSG #lobby :{number} {'x' * 400}" for number in range(said, said + 100)))
            for wire in (speaker, *others):
                wire.ping()
            said += 100
            assert said < 100_000
        for other in others:
            heard = [message.params[1].split()[0] for message in other.read if message.command == "PRIVMSG"]
            assert heard == [str(number) for number in range(said)]
            assert {"n0", "n1"} == quits(other).keys()
        assert stuck.until_end()[-1].params[0].startswith("You were too slow to read")


def test_sessions_of_an_unknown_outcome_end_and_later_ones_are_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(ring: WriteRing, fds: list[int], chunks: list[bytes]) -> list[tuple[int, int]]:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(send_queues, "MIN_RING_SESSIONS", 1)
    with Server(port=0, listener_limit=50) as server, ExitStack() as stack:
        ann, bob = (stack.enter_context(Wire(server.port).login(nick, "#lobby")) for nick in ("ann", "bob"))
        assert server._loop is not None
        if server._loop._send_queues._ring is None:
            pytest.skip("this system has no io_uring for us")
        with monkeypatch.context() as patch:
            patch.setattr(WriteRing, "send", fail)
            ann.send("PRIVMSG #lobby :hi")
            bob.until_end()
        again = stack.enter_context(Wire(server.port).login("cat", "#lobby"))
        again.ping()
        assert server._loop._send_queues._ring is None


def test_sessions_are_written_one_by_one_without_io_uring(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("chatctl.server.net.uring.WriteRing", none)
    with (
        Server(port=0, listener_limit=50) as server,
        Wire(server.port).login("ann", "#lobby") as ann,
        Wire(server.port).login("bob", "#lobby") as bob,
    ):
        assert server._loop is not None
        assert server._loop._send_queues._ring is None
        ann.send("PRIVMSG #lobby :hi")
        assert bob.until("PRIVMSG").params[1] == "hi"


def on_loop(server: Server, do: Callable[[EventLoop], T]) -> T:
    """Return the result of `do` on the loop's thread."""
    loop, found, done = server._loop, [], threading.Event()
    assert loop is not None

    def call() -> None:
        found.append(do(loop))
        done.set()

    loop.call(call)
    assert done.wait(DEADLINE)
    return found[0]


def hand(loop: EventLoop, nick: str, out: bytes | list[bytes]) -> Session:
    """Have the loop write `out` to a session."""
    session = next(each.session for each in loop._connections.values() if each.session.nick == nick)
    session.out = out
    loop._hub.fanout.dirty.append(session)
    return session


def test_burst_does_not_disconnect_a_reading_client() -> None:
    """More than goes out in one call (uring.py): the system takes a part of it at once, and only the rest waits."""
    limits = Limits(outbox_bytes=ROOM_BYTES)
    with Server(port=0, listener_limit=50, limits=limits) as server, Wire(server.port).login("ann") as ann:
        line = b":s PRIVMSG ann :" + b"x" * 400 + b"\r\n"

        def do(loop: EventLoop) -> float:
            session = hand(loop, "ann", line * (ROOM_BYTES // len(line) + 1))
            loop._send_queues.flush()
            return loop._by_session[session.id].closing_at

        assert not on_loop(server, do)
        ann.ping()
        assert sum(message.command == "PRIVMSG" for message in ann.read) == ROOM_BYTES // len(line) + 1


def test_joined_output_of_many_sessions_is_bounded() -> None:
    with Server(port=0, listener_limit=60) as server, ExitStack() as stack:
        for number in range(40):
            stack.enter_context(Wire(server.port).login(f"n{number}"))

        def do(loop: EventLoop) -> int:
            for number in range(40):
                # None of them gets the same as another.
                hand(loop, f"n{number}", [b"%d" % number + b"x" * 250_000, b"y" * 250_000])
            tracemalloc.start()
            try:
                before = tracemalloc.get_traced_memory()[0]
                loop._send_queues.flush()
                return tracemalloc.get_traced_memory()[1] - before - loop._send_queues.total_bytes
            finally:
                tracemalloc.stop()

        assert on_loop(server, do) < 5_000_000


def test_error_of_one_session_does_not_affect_others() -> None:
    """[contain-failures] in both ways of writing."""
    with Server(port=0, listener_limit=50) as server, ExitStack() as stack:
        ann, bob, cat = (stack.enter_context(Wire(server.port).login(nick)) for nick in ("ann", "bob", "cat"))

        def do(loop: EventLoop) -> None:
            hand(loop, "ann", b":s NOTICE ann :one\r\n")
            hand(loop, "bob", [b"x", None])  # type: ignore[list-item]
            hand(loop, "cat", [b":s NOTICE cat :", b"two\r\n"])
            loop._send_queues.flush()

        on_loop(server, do)
        assert ann.until("NOTICE").params[1] == "one"
        assert cat.until("NOTICE").params[1] == "two"
        bob.until_end()
        ann.ping()


def test_ring_refused_later_is_dropped_and_no_output_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send_queues, "MIN_RING_SESSIONS", 1)
    with Server(port=0, listener_limit=50) as server, ExitStack() as stack:
        ann, bob = (stack.enter_context(Wire(server.port).login(nick, "#lobby")) for nick in ("ann", "bob"))
        assert server._loop is not None
        if (ring := server._loop._send_queues._ring) is None:
            pytest.skip("this system has no io_uring for us")

        def refused(*values: int) -> int:
            ctypes.set_errno(errno.EPERM)
            return -1

        monkeypatch.setattr(ring, "_system", refused)
        ann.send("PRIVMSG #lobby :one", "PRIVMSG #lobby :two")
        bob.until(lambda message: message.params[-1] == "two")
        assert [message.params[1] for message in bob.read if message.command == "PRIVMSG"] == ["one", "two"]
        assert server._loop._send_queues._ring is None
