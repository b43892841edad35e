"""The server on real sockets: any bytes, lost connections, slow readers, deadlines, stopping."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatctl.chat.model.policy import Rules
from chatctl.errors import StartError
from chatctl.server import Limits, Server, TlsConfig
from tests.wire import DEADLINE, Wire


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(port=0, listener_limit=100) as running:
        yield running


def test_two_users_exchange_messages(server: Server) -> None:
    with Wire(server.port).login("alice", "#lobby") as alice, Wire(server.port).login("bob", "#lobby") as bob:
        alice.send("PRIVMSG #lobby :héllo 你好 🎉 שלום")
        assert bob.until("PRIVMSG").params == ["#lobby", "héllo 你好 🎉 שלום"]
        bob.send("PRIVMSG #lobby :hi")
        assert alice.until("PRIVMSG").params[1] == "hi"


HOSTILE = {
    "no newline": b"x" * 100_000,
    "NUL": b"NICK a\0b\r\n",
    "not UTF-8": b"NICK \xff\xfe\r\nPRIVMSG #lobby :\xc3\x28\r\n",
    "thousands of parameters": b"NICK" + b" a" * 200 + b"\r\n",
    "half a handshake": b"CAP LS 302\r\nNICK half\r\n",
    "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    "only line ends": b"\r\n" * 5000,
    "only spaces": (b" " * 500 + b"\r\n") * 30,
    "tags without a command": b"@a=b;c\r\n@ \r\n@;;; :\r\n",
    "a flood": b"PING x\r\n" * 5000,
    "nothing": b"",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("registered", [False, True], ids=["stranger", "user"])
def test_arbitrary_bytes_do_not_affect_other_sessions(server: Server, data: bytes, registered: bool) -> None:
    with Wire(server.port).login("alice", "#lobby") as alice, Wire(server.port).login("bob", "#lobby") as bob:
        hostile = Wire(server.port)
        if registered:
            hostile.login("mallory", "#lobby")
            alice.until(lambda m: m.command == "JOIN" and m.nick == "mallory")
        hostile.send_bytes(data)
        hostile.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        hostile.close()  # a reset, with whatever was on its way
        if registered:
            alice.until("QUIT")  # whatever it is called by now
        alice.send("PRIVMSG #lobby :still here")
        assert bob.until("PRIVMSG").params[1] == "still here"
        assert bob.ping()


def test_refused_line_is_answered_to_its_sender(server: Server) -> None:
    with Wire(server.port).login("alice") as alice:
        alice.send_bytes(b"PRIVMSG alice :\xff\r\nPRIVMSG alice :" + b"x" * 600 + b"\r\nPRIVMSG alice :ok\r\n")
        assert alice.until("FAIL").params[1] == "INVALID_UTF8"
        assert alice.until("417")
        assert alice.until("PRIVMSG").params[1] == "ok"


def test_http_request_is_answered_and_closed(server: Server) -> None:
    with Wire(server.port) as browser:
        browser.send("GET / HTTP/1.1", "Host: x", "")
        assert browser.until_end()[-1].command == "ERROR"


def test_unregistered_connections_are_bounded_and_users_still_register() -> None:
    with Server(
        port=0, listener_limit=3, limits=Limits(unregistered=5, registration_seconds=0.3, linger_seconds=0.2)
    ) as server:
        idle = [Wire(server.port) for _ in range(5)]
        try:
            with Wire(server.port).login("alice", "#lobby") as alice:
                assert alice.ping()
        finally:
            for wire in idle:
                wire.close()


def test_slow_reader_is_disconnected_without_delaying_others() -> None:
    limits = Limits(outbox_bytes=200_000, linger_seconds=0.5)
    with (
        Server(port=0, limits=limits) as server,
        Wire(server.port) as stuck,
        Wire(server.port).login("alice", "#lobby") as alice,
        Wire(server.port).login("bob", "#lobby") as bob,
    ):
        stuck.login("stuck", "#lobby")
        bob.until(lambda m: m.command == "JOIN" and m.nick == "stuck")
        text = "x" * 400
        sent = 0
        by = time.monotonic() + DEADLINE
        while not (gone := [m for m in bob.read if m.command == "QUIT"]):
            assert time.monotonic() < by
            alice.send(*[f"PRIVMSG #lobby :{text}"] * 200)
            sent += 200
            alice.ping()
            bob.ping()
        heard = sum(m.command == "PRIVMSG" for m in bob.read)
        assert heard == sent
        assert (gone[0].nick, gone[0].params) == ("stuck", ["Too slow to read"])


def test_lines_sent_before_hanging_up_are_delivered(server: Server) -> None:
    with Wire(server.port).login("bob", "#lobby") as bob:
        ann = Wire(server.port).login("ann", "#lobby")
        bob.until("JOIN")
        ann.send(*(f"PRIVMSG #lobby :{number}" for number in range(3000)))
        ann.sock.shutdown(socket.SHUT_WR)
        heard = []
        while (message := bob.until(lambda m: m.command in ("PRIVMSG", "QUIT"))).command == "PRIVMSG":
            heard.append(message.params[1])
        assert heard == [str(number) for number in range(3000)]
        ann.close()


def test_registration_in_one_packet_succeeds(server: Server) -> None:
    with Wire(server.port) as ann:
        ann.send("NICK ann", "USER u 0 * :r", "JOIN #lobby", *(f"PRIVMSG ann :{number}" for number in range(1500)))
        assert [ann.until("PRIVMSG").params[1] for _ in range(1500)][-1] == "1499"


def test_room_takes_outside_messages_and_cr_inside_a_line_is_refused(server: Server) -> None:
    with Wire(server.port).login("ann", "#x") as ann, Wire(server.port).login("bob") as bob:
        ann.send("MODE #x -n").until("MODE")
        bob.send("PRIVMSG #x :from outside").ping()
        assert ann.until("PRIVMSG").params[1] == "from outside"
        ann.send_bytes(b"TOPIC #x :a\rb\r\nAWAY :a\rb\r\n")
        assert [ann.until("FAIL").params[1] for _ in range(2)] == ["INVALID_LINE"] * 2
        bob.send("JOIN #x").until("366")
        assert bob.ping()


def test_long_paste_arrives_whole_and_in_order(server: Server) -> None:
    with Wire(server.port).login("alice", "#lobby") as alice, Wire(server.port).login("bob", "#lobby") as bob:
        alice.send(*(f"PRIVMSG #lobby :{number}" for number in range(5000)))
        heard = [bob.until("PRIVMSG").params[1] for _ in range(5000)]
        assert heard == [str(number) for number in range(5000)]


def test_stop_notifies_all_sessions_and_sends_queued_output() -> None:
    server = Server(port=0).start()
    alice, bob = Wire(server.port).login("alice", "#lobby"), Wire(server.port).login("bob", "#lobby")
    alice.send(*(f"PRIVMSG #lobby :{number}" for number in range(100)))
    alice.ping()
    stopper = threading.Thread(target=server.stop)
    stopper.start()
    read = bob.until_end()
    bob.close()
    assert [m.params[1] for m in read if m.command == "PRIVMSG"] == [str(number) for number in range(100)]
    assert read[-1].command == "ERROR"
    assert alice.until_end()[-1].command == "ERROR"
    alice.close()
    stopper.join(DEADLINE)
    assert server.wait(DEADLINE)
    server.stop()  # twice is the same as once
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", server.port), timeout=1)


def test_stop_does_not_wait_for_slow_readers() -> None:
    server = Server(port=0).start()
    with Wire(server.port).login("alice"):
        server.stop(seconds=0.3)
        assert server.wait(DEADLINE)


def test_port_in_use_is_reported_with_advice(server: Server) -> None:
    with pytest.raises(StartError, match=r"in use already.*--port"):
        Server(port=server.port).start()


def test_unknown_host_is_reported() -> None:
    with pytest.raises(StartError, match=r"No address is known.*no\.such\.host\.invalid"):
        Server("no.such.host.invalid", 0).start()
    with pytest.raises(StartError, match="not an address of this computer"):
        Server("192.0.2.1", 0).start()


def test_ipv6_wildcard_serves_ipv4_too() -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        server = Server("::", 0).start()
    except StartError as error:
        pytest.skip(f"this machine has no IPv6: {error}")
    with Wire(server.port, "::1").login("six") as six, Wire(server.port).login("four") as four:
        six.send("PRIVMSG four :hi")
        assert four.until("PRIVMSG").nick == "six"
    server.stop()


def test_wait_raises_the_error_of_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors of one connection, or of one call, end nothing else (test_failures); but an error at the end of a tick
    stops the server, since the outcome of the commit is unknown."""
    server = Server(port=0).start()
    assert server._loop is not None
    assert server._hub is not None

    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(server._hub, "end_tick", fail)
    server._loop.call(lambda: None)
    with pytest.raises(ZeroDivisionError):
        server.wait(DEADLINE)
    server.stop()


def test_descriptors_and_threads_return_to_the_base_line(server: Server) -> None:
    import os

    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("no /proc on this system")
    with Wire(server.port).login("warm", "#lobby") as warm:
        warm.ping()
    before, threads = count(), threading.active_count()
    for turn in range(30):
        wires = [Wire(server.port).login(f"u{turn}_{n}", "#lobby") for n in range(5)]
        for wire in wires:
            wire.close()
    with Wire(server.port).login("last") as last:
        by = time.monotonic() + DEADLINE
        while _users(last) > 1:
            assert time.monotonic() < by
        assert count() <= before + 4
        assert threading.active_count() == threads


def _users(wire: Wire) -> int:
    return int(wire.send("LUSERS").until("265").params[1])


def test_plain_text_from_another_machine_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.server.net.protocol_sniffer.same_machine", lambda peer, own: False)
    with Server(port=0) as server, Wire(server.port) as far:
        far.send("NICK far", "USER u 0 * :r")
        assert "use TLS on this same port" in far.until_end()[-1].params[0]
    with Server(port=0, tls=TlsConfig("off")) as server, Wire(server.port).login("far") as far:
        assert far.ping()


def test_same_machine_compares_addresses() -> None:
    from chatctl.server.net.listener import numeric, same_machine

    assert same_machine("127.0.0.1", "127.0.0.1")
    assert same_machine("127.5.0.1", "127.0.0.1")
    assert same_machine("::1", "::1")
    assert same_machine("192.0.2.7", "192.0.2.7")
    assert not same_machine("192.0.2.8", "192.0.2.7")
    assert not same_machine("2001:db8::2", "2001:db8::1")
    assert numeric(("::ffff:192.0.2.7", 1, 0, 0)) == "192.0.2.7"
    assert numeric(("::ffff:0:c000:207", 1, 0, 0)) == "::ffff:0:c000:207"
    assert numeric(("fe80::1%eth0", 1, 0, 2)) == "fe80::1"


def test_own_addresses_are_found_without_a_route(monkeypatch: pytest.MonkeyPatch) -> None:
    from chatctl.server.net import listener

    assert "127.0.0.1" in listener.on_interfaces()
    monkeypatch.setattr(listener, "on_interfaces", lambda: ["127.0.0.1", "192.0.2.7"])
    monkeypatch.setattr(socket, "getaddrinfo", _nowhere)
    monkeypatch.setattr(socket.socket, "connect", _nowhere)
    assert listener.own_addresses([("0.0.0.0", 5106)]) == ["192.0.2.7"]
    monkeypatch.setattr(listener, "on_interfaces", lambda: ["127.0.0.1"])
    assert listener.own_addresses([("0.0.0.0", 5106)]) == ["127.0.0.1"]


def _nowhere(*_: object) -> object:
    raise OSError("no way leads there")


def test_calls_of_other_threads_run_in_order_over_several_ticks() -> None:
    done: list[int] = []
    last = threading.Event()
    with Server(port=0, limits=Limits(tick_seconds=0.0)) as server, Wire(server.port).login("alice") as alice:
        loop = server._loop
        assert loop is not None
        for number in range(500):
            loop.call(lambda number=number: done.append(number))  # type: ignore[misc]
        loop.call(last.set)
        assert alice.ping()
        assert last.wait(DEADLINE)
    assert done == list(range(500))


def link_local_address() -> str:
    """Return an IPv6 address of this computer that is valid on one link, with its zone; skip if there is none."""
    for line in Path("/proc/net/if_inet6").read_text().splitlines() if Path("/proc/net/if_inet6").exists() else ():
        digits, _, _, scope, _, name = line.split()
        if scope == "20":
            return f"{ipaddress.IPv6Address(bytes.fromhex(digits))}%{name}"
    pytest.skip("no interface has a link-local address")


def test_link_local_address_is_shown_with_its_zone() -> None:
    """Without it others cannot connect, not even from this computer."""
    host = link_local_address()
    with Server(host, 0) as server:
        assert server.addresses == [(host, server.port)]
        with socket.create_connection((host, server.port)):
            pass


def test_listener_limit_defaults_to_that_of_the_rules() -> None:
    rules = Rules(listener_limit=9)
    assert Server(rules=rules).rules.listener_limit == 9
    assert Server(rules=rules, listener_limit=3).rules.listener_limit == 3
    assert Server().rules.listener_limit == Rules().listener_limit
