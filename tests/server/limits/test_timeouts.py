"""Limits on unregistered and silent connections in time and bytes. Each test fails without its limit."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from chatctl.protocol.message import Message
from chatctl.server import Limits, Server, TlsConfig
from chatctl.server.limits.timeouts import RECENT_SECONDS
from tests.server.clock import HOUR, Clock
from tests.wire import DEADLINE, Wire

OFF = 1_000_000.0


def is_open(wire: Wire) -> bool:
    """Return whether the server has not ended the connection; nothing is sent on it."""
    wire.sock.setblocking(False)
    try:
        while wire.sock.recv(65536):
            pass
    except BlockingIOError:
        return True
    except ConnectionError:
        pass
    return False


def _answered(message: Message) -> bool:
    """A registration was, either way."""
    return message.command in ("001", "433", "ERROR")


@pytest.mark.parametrize(("seconds", "held"), [(HOUR, True), (OFF, False)])
def test_unregistered_connection_is_closed_after_its_time_whatever_it_sends(seconds: float, held: bool) -> None:
    limits = Limits(registration_seconds=seconds, registration_bytes=10**9, idle_seconds=OFF)
    clock = Clock()
    with (
        Server(port=0, limits=limits, clock=clock) as server,
        Wire(server.port).login("witness") as witness,
        Wire(server.port) as stranger,
    ):
        stranger.ping()
        for _ in range(9):
            clock.advance(HOUR / 10, stranger)
        clock.advance(HOUR / 10, witness)
        if held:
            assert "No registration within" in stranger.until_end()[-1].params[0]
        else:
            assert stranger.ping("y")


@pytest.mark.parametrize(("seconds", "held"), [(HOUR, True), (OFF, False)])
@pytest.mark.parametrize("data", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"], ids=repr)
def test_stalled_handshake_is_closed_after_the_time_to_register(
    data: bytes, seconds: float, held: bool, tmp_path: Path
) -> None:
    limits = Limits(registration_seconds=seconds, idle_seconds=OFF, linger_seconds=0.1)
    clock = Clock()
    with Server(port=0, limits=limits, tls=TlsConfig(folder=tmp_path), clock=clock) as server:
        server.certificate()
        with Wire(server.port) as wire:
            wire.send_bytes(data)
            with Wire(server.port).login("witness") as witness:
                clock.advance(HOUR - 60, witness)
                assert is_open(wire)
                clock.advance(60, witness)
                clock.advance(1, witness)  # and the time to linger
                assert is_open(wire) is not held


@pytest.mark.parametrize(("size", "held"), [(1000, True), (10**9, False)])
def test_unregistered_connection_is_closed_past_its_bytes(size: int, held: bool) -> None:
    with (
        Server(port=0, limits=Limits(registration_bytes=size, registration_seconds=OFF)) as server,
        Wire(server.port) as stranger,
    ):
        stranger.send(*(["NICK 1"] * 5000))
        if held:
            assert "without registering" in stranger.until_end()[-1].params[0]
        else:
            assert stranger.ping()


@pytest.mark.parametrize(("seconds", "held"), [(HOUR, True), (OFF, False)])
def test_silent_user_is_sent_a_ping_and_then_disconnected(seconds: float, held: bool) -> None:
    limits = Limits(idle_seconds=seconds)
    clock = Clock()
    with (
        Server(port=0, limits=limits, clock=clock) as server,
        Wire(server.port).login("bob", "#lobby") as bob,
        Wire(server.port).login("silent", "#lobby") as silent,
    ):
        clock.advance(HOUR, bob)
        clock.advance(HOUR / 2 - 60, bob)
        assert not [message for message in bob.read if message.command == "QUIT"]
        clock.advance(60, bob)
        bob.ping()
        gone = [message for message in bob.read if message.command == "QUIT"]
        assert [(m.nick, m.params[0].partition(" for ")[0]) for m in gone] == [("silent", "No answer")] * held
        if held:
            assert [m.command for m in silent.until_end()][-2:] == ["PING", "ERROR"]
        assert bob.ping()


@pytest.mark.parametrize("wanted", ["name", "place"])
@pytest.mark.parametrize("answers", [True, False])
def test_silent_holder_of_a_wanted_name_or_place_is_probed(wanted: str, answers: bool) -> None:
    limits = Limits(probe_seconds=HOUR, idle_seconds=OFF, registration_seconds=OFF)
    login = ("NICK ann" if wanted == "name" else "NICK eve", "USER u 0 * :r")
    clock = Clock()
    with (
        Server(port=0, listener_limit=9 if wanted == "name" else 1, limits=limits, clock=clock) as server,
        Wire(server.port).login("ann") as ann,
        Wire(server.port) as witness,
    ):
        clock.advance(RECENT_SECONDS, witness)
        with Wire(server.port) as first:
            assert first.send(*login).until(_answered).command in ("433", "ERROR")
        if answers:
            ann.until("PING")
            ann.ping()
        clock.advance(HOUR, witness)
        if not answers:
            assert "No answer for" in ann.until_end()[-1].params[0]
        with Wire(server.port) as second:
            assert (second.send(*login).until(_answered).command == "001") is not answers
        if answers:
            assert ann.ping()


@pytest.mark.parametrize("name", ["ann", "eve"])
def test_dead_connection_with_queued_lines_frees_its_place(name: str) -> None:
    """Its name, or the last place: the queued lines of a fast sender would hold both for minutes."""
    limits = Limits(messages_per_second=1)
    with Server(port=0, listener_limit=2, limits=limits) as server, Wire(server.port).login("bob", "#lobby") as bob:
        with Wire(server.port).login("ann", "#lobby") as ann:
            ann.send(*["PRIVMSG #lobby :x"] * 200)
            bob.until("PRIVMSG")
        by = time.monotonic() + DEADLINE
        entered = ""
        while entered != "001" and time.monotonic() < by:
            with Wire(server.port) as newcomer:
                newcomer.send(f"NICK {name}", "USER u 0 * :r")
                entered = newcomer.until(_answered).command
        assert entered == "001"
        assert bob.until("QUIT").nick == "ann"
