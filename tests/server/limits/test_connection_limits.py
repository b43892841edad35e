"""Limits on unregistered connections and addresses, on real sockets. Each test fails without its limit."""

from __future__ import annotations

import contextlib
import gc
import select
import socket
import threading
import time
import tracemalloc

import pytest

from chatctl.chat.history.memory_journal import MemoryJournal
from chatctl.server import Limits, Server
from chatctl.server.limits.connection_limits import ConnectionLimits
from tests.deadline import Deadline
from tests.wire import DEADLINE, Wire

pytestmark = pytest.mark.e2e

FAR = "192.0.2.7"


@pytest.fixture
def from_afar(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every connection comes from one address of another computer, that may talk in plain text."""
    monkeypatch.setattr("chatctl.server.net.acceptor.numeric", lambda address: FAR)
    monkeypatch.setattr("chatctl.server.net.protocol_sniffer.same_machine", lambda peer, own: True)


def refused(port: int) -> str:
    """Why a new connection is refused; ``""`` where it gets an answer."""
    with Wire(port) as wire, contextlib.suppress(ConnectionError):
        wire.send("PING t")
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            message = wire.until(lambda message: message.command in ("PONG", "ERROR"))
            return message.params[0] if message.command == "ERROR" else ""
    return "reset"


@pytest.mark.usefixtures("from_afar")
@pytest.mark.parametrize(("limit", "held"), [(3, True), (0, False)])
def test_connections_of_one_address_are_limited(limit: int, held: bool) -> None:
    limits = Limits(connections_per_address=limit, unregistered_per_address=0)
    with Server(port=0, listener_limit=50, limits=limits) as server:
        people = [Wire(server.port).login(f"n{number}") for number in range(3)]
        assert ("connections_per_address = 3" in refused(server.port)) is held
        people[0].send("QUIT").until_end()
        people[0].close()
        if held:  # a place is free again, as soon as the server has seen the end
            by = time.monotonic() + DEADLINE
            while refused(server.port) and time.monotonic() < by:
                time.sleep(0.01)
            assert time.monotonic() < by
        for wire in people[1:]:
            wire.close()


@pytest.mark.usefixtures("from_afar")
@pytest.mark.parametrize(("limit", "held"), [(3, True), (0, False)])
def test_unregistered_connections_of_one_address_are_limited(limit: int, held: bool) -> None:
    with Server(port=0, limits=Limits(unregistered_per_address=limit)) as server:
        idle = [Wire(server.port) for _ in range(3)]
        for wire in idle:
            wire.ping()
        assert ("not registered" in refused(server.port)) is held
        for wire in idle:
            wire.close()


@pytest.mark.usefixtures("from_afar")
@pytest.mark.parametrize(("rate", "held"), [(0.1, True), (0, False)])
def test_new_connections_of_one_address_are_rate_limited(rate: float, held: bool) -> None:
    with Server(port=0, limits=Limits(new_per_second=rate, new_burst=3)) as server:
        for _ in range(3):
            assert refused(server.port) == ""
        assert ("Too many new connections" in refused(server.port)) is held


def test_loopback_is_exempt() -> None:
    limits = Limits(connections_per_address=1, unregistered_per_address=1, new_per_second=0.1, new_burst=1)
    with Server(port=0, listener_limit=50, limits=limits) as server:
        people = [Wire(server.port).login(f"n{number}") for number in range(10)]
        for wire in people:
            assert wire.ping()
            wire.close()


@pytest.mark.parametrize(("limit", "held"), [(3, True), (0, False)])
@pytest.mark.parametrize("what", ["connections_per_address", "unregistered_per_address"])
def test_connections_of_one_ipv6_network_are_limited(
    what: str, limit: int, held: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = iter([f"2001:db8::{number:x}" for number in range(1, 5)] + ["2001:db8:0:1::1"])
    monkeypatch.setattr("chatctl.server.net.acceptor.numeric", lambda address: next(hosts))
    monkeypatch.setattr("chatctl.server.net.protocol_sniffer.same_machine", lambda peer, own: True)
    limits = Limits(**{"connections_per_address": 0, "unregistered_per_address": 0, what: limit})
    with Server(port=0, listener_limit=50, limits=limits) as server, contextlib.ExitStack() as stack:
        for _ in range(3):
            assert stack.enter_context(Wire(server.port)).ping()
        assert ("from your address" in refused(server.port)) is held
        assert refused(server.port) == "", "another network is another address"


def test_ipv6_network_counts_as_one_address() -> None:
    crowd = ConnectionLimits(Limits(new_per_second=0.001, new_burst=2))
    assert crowd.refusal("2001:db8::1", 0.0) == ""
    assert crowd.refusal("2001:db8::2", 0.0) == ""
    assert crowd.refusal("2001:db8::3", 0.0)
    assert crowd.refusal("2001:db8:0:1::3", 0.0) == ""


def test_link_local_addresses_count_singly() -> None:
    crowd = ConnectionLimits(Limits(new_per_second=0.001, new_burst=2))
    assert [crowd.refusal("fe80::1", 0.0) for _ in range(2)] == ["", ""]
    assert crowd.refusal("fe80::1", 0.0)
    assert crowd.refusal("fe80::2", 0.0) == ""


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("local", [True, False])
def test_loopback_is_limited_only_if_it_is_not_trusted(address: str, local: bool) -> None:
    crowd = ConnectionLimits(Limits(new_per_second=0.001, new_burst=1), local=local)
    assert crowd.refusal(address, 0.0) == ""
    assert bool(crowd.refusal(address, 0.0)) == (not local)


def test_idle_addresses_are_forgotten() -> None:
    crowd = ConnectionLimits(Limits(new_per_second=1000, new_burst=1))
    for number in range(5000):
        crowd.refusal(f"2001:db8:{number:x}::1", float(number))
    assert len(crowd._addresses) < 2000


@pytest.mark.parametrize(("limit", "held"), [(5, True), (500, False)])
def test_oldest_unregistered_connection_is_closed_for_a_new_one(limit: int, held: bool) -> None:
    limits = Limits(unregistered=limit, registration_seconds=DEADLINE)
    with Server(port=0, limits=limits) as server, contextlib.ExitStack() as stack:
        idle = [stack.enter_context(Wire(server.port)) for _ in range(30)]
        with Wire(server.port).login("alice", "#lobby") as alice:
            assert alice.ping()
            if held:
                assert "wait to register" in idle[0].until_end()[-1].params[0]
            else:
                assert idle[0].ping()


@pytest.mark.parametrize(("rate", "held"), [(10, True), (0, False)])
def test_flood_is_slowed_down_and_arrives_whole(rate: float, held: bool) -> None:
    count = 60
    with (
        Server(port=0, limits=Limits(messages_per_second=rate)) as server,
        Wire(server.port).login("ann", "#lobby", caps="standard-replies") as ann,
        Wire(server.port).login("bob", "#lobby") as bob,
    ):
        began = time.monotonic()
        ann.send(*(f"PRIVMSG #lobby :{number}" for number in range(count)))
        texts = [bob.until("PRIVMSG").params[1] for _ in range(count)]
        assert texts == [str(number) for number in range(count)]
        if held:  # never sooner, however quick the machine is
            assert time.monotonic() - began >= 3.0
        ann.ping()
        assert any(message.command == "NOTE" for message in ann.read) is held


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize(("lines", "size"), [(1_000_000, 100), (6_000, 4_000)], ids=["lines", "bytes"])
def test_queued_input_of_one_session_is_bounded(lines: int, size: int, held: bool) -> None:
    """A flood that is not handled yet is slowed down by TCP, long before it is all in memory."""
    off = 10**12
    limits = Limits(messages_per_second=1, inbox_lines=1024 if held else off, inbox_bytes=256 * 1024 if held else off)
    with Server(port=0, limits=limits) as server, Wire(server.port).login("ann", "#lobby") as ann:
        data = (b"@+x=" + b"y" * (size - 40) + b" PRIVMSG #lobby :z\r\n") if size > 600 else b"PRIVMSG #lobby :z\r\n"
        ann.sock.setblocking(False)
        assert server._loop is not None
        (connection,) = server._loop._connections.values()
        sent, end = 0, Deadline()
        flood = memoryview(data * lines)
        while sent < len(flood) and not connection.paused:
            end.check(f"{sent} bytes sent")
            select.select([], [ann.sock], [], 0.05)
            with contextlib.suppress(BlockingIOError):
                sent += ann.sock.send(flood[sent : sent + 65536])
        assert (sent < len(flood)) is held
        if not held:
            return
        (session,) = server._loop._hub.sessions.values()
        waiting = sum(len(item) for item in session.inbox if isinstance(item, str))
        assert len(session.inbox) <= limits.inbox_lines + 65536 // len(data) + 1
        assert waiting <= max(limits.inbox_bytes, 64 * size) + 65536 + size


def test_threads_and_descriptors_return_to_the_base_line() -> None:
    import os

    def held() -> tuple[int, int]:
        return threading.active_count(), len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0

    before = held()
    with Server(port=0, listener_limit=50, limits=Limits(linger_seconds=0.2)) as server:
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", server.port)) as sock:
                sock.sendall(b"\x00\xff\r\nNICK " + b"x" * 600)
    assert held() == before


def hostile_round(server: Server, turn: int) -> None:
    """Strangers, stalled handshakes, people who never read, rubbish: all of them come and go."""
    with Wire(server.port).login("ann", "#lobby") as ann, contextlib.ExitStack() as stack:
        for number in range(100):
            wire = stack.enter_context(Wire(server.port))
            wire.send_bytes(
                (b"\x16\x03\x01\x02\x00\x01", b"NICK half", b"\xff\x00\r\n" * 50, b"GET / HTTP/1.1\r\n")[number % 4]
            )
        for number in range(5):
            stuck = stack.enter_context(Wire(server.port)).login(f"n{turn}x{number}", "#lobby", f"#r{turn}{number}")
            stuck.send(f"MODE #r{turn}{number} +b a{number}", "MONITOR + x,y,z")
        for _ in range(20):
            ann.send(*(f"PRIVMSG #lobby :{'x' * 400}" for _ in range(100))).ping()
    with Wire(server.port).login("last", "#lobby") as last:
        by = time.monotonic() + DEADLINE
        while last.send("LUSERS").until("265").params[1] != "1" or last.until("266") is None:
            assert time.monotonic() < by


def test_memory_returns_to_the_base_line() -> None:
    """Python's memory after two more such rounds equals that before."""
    limits = Limits(linger_seconds=0.1, outbox_bytes=200_000)
    tracemalloc.start()
    try:
        with Server(port=0, listener_limit=50, limits=limits, journal=MemoryJournal(100)) as server:
            for number in range(2):
                hostile_round(server, number)
            before = held_at_last(0)
            for number in range(2, 4):
                hostile_round(server, number)
            after = held_at_last(before + 100_000)
    finally:
        tracemalloc.stop()
    assert after - before < 100_000


def held_at_last(aim: int) -> int:
    """Return Python's memory once it is at most `aim`, or stops shrinking: the last connections end by themselves, a
    little later."""
    by = time.monotonic() + DEADLINE
    held = 1 << 60
    while True:
        gc.collect()
        less, held = tracemalloc.get_traced_memory()[0] < held, tracemalloc.get_traced_memory()[0]
        if held <= aim or time.monotonic() > by or not (aim or less):
            return held
