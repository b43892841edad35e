"""Asking about names, at a server of ours and at others."""

from __future__ import annotations

import contextlib
import socket

import pytest

from chatctl.client.name_check import Answer, NameCheck
from chatctl.errors import RefusedError, UnreachableError
from chatctl.server import Server
from tests.client.peer import Peer, Talk
from tests.wire import Wire


def test_name_check_takes_no_place_and_is_invisible() -> None:
    with Server(port=0, listener_limit=1) as server:
        bob = Wire(server.port).login("bob", "#lobby")
        with NameCheck("127.0.0.1", server.port) as checking:
            assert not checking.advice
            assert checking.check("ann") == Answer("ann", "free")
            taken = checking.check("Bob")
            assert (taken.status, taken.alternatives) == ("taken", ("Bob_", "Bob2", "Bob3"))
            invalid = checking.check("1 bob")
            assert (invalid.status, invalid.reason) == ("invalid", "it contains a space")
            assert len(invalid.alternatives) == 3
        bob.send("PING x")
        assert bob.until("PONG").params[-1] == "x"
        assert not any(message.command in ("JOIN", "QUIT", "NICK") and message.nick != "bob" for message in bob.read)
        bob.sock.close()


def test_alternatives_are_free_at_the_server() -> None:
    with Server(port=0) as server:
        here = [Wire(server.port).login(name) for name in ("bob", "bob_", "bob3")]
        with NameCheck("127.0.0.1", server.port) as checking:
            assert checking.check("bob").alternatives == ("bob2", "bob4", "bob5")
        for wire in here:
            wire.sock.close()


def answer_names(talk: Talk, taken: set[str], *, cap: bool) -> list[str]:
    """Play a server that knows CAP or does not."""
    talk.until("CAP LS 302")
    talk.send(":s CAP * LS * :sasl", ":s CAP * LS :echo-message") if cap else talk.send(":s 421 * CAP :Unknown command")
    try:
        while True:
            line = talk.line()
            command, _, rest = line.partition(" ")
            if command == "NICK" and rest in taken:
                talk.send(f":s 433 * {rest} :Nickname is already in use.")
            elif command == "NICK" and rest.startswith(":"):
                talk.send(":s 432 * * :Erroneous nickname")
            elif line == "CAP LIST":
                talk.send(":s NOTICE * :*** Looking up your hostname", ":s CAP * LIST :")
            elif command == "PING":
                talk.send(f":s PONG s :{rest}" if cap else ":s 451 * :You have not registered")
    except EOFError:
        return talk.lines


@pytest.mark.parametrize("cap", [True, False])
def test_name_check_on_other_servers_is_advice(cap: bool) -> None:
    peer = Peer(lambda talk: answer_names(talk, {"bob", "bob2"}, cap=cap))
    with peer, NameCheck("127.0.0.1", peer.port) as checking:
        assert checking.advice
        assert checking.check("ann").status == "free"
        taken = checking.check("bob")
        assert (taken.status, taken.reason) == ("taken", "Nickname is already in use.")
        assert taken.alternatives == ("bob_", "bob3", "bob4")
        assert checking.check("b b").status == "invalid"
        assert checking.check("").status == "invalid"
    lines = peer.talks[0].lines
    assert lines[-1] == "QUIT"
    assert not any(line.startswith(("USER", "CAP END")) for line in lines)


def check(port: int, seconds: float = 10.0) -> None:
    with NameCheck("127.0.0.1", port, seconds):
        pass


def test_name_check_without_a_server_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(UnreachableError, match=rf"No chat server answers at 127\.0\.0\.1:{port}"):
        check(port)


def test_name_check_with_an_unknown_host_is_unreachable() -> None:
    with pytest.raises(UnreachableError, match="there is no such address"), NameCheck("a..b", 1):
        pass


def test_name_check_on_another_protocol_is_unreachable() -> None:
    def web(talk: Talk) -> None:
        talk.line()
        talk.send("HTTP/1.1 400 Bad Request", "Connection: close", "")

    with Peer(web) as peer, pytest.raises(UnreachableError, match="is not a chat server"):
        check(peer.port)


def test_name_check_on_a_silent_server_ends_at_the_deadline() -> None:
    with Peer(Talk.deaf) as peer, pytest.raises(UnreachableError, match="is not a chat server"):
        check(peer.port, 0.1)


def test_name_check_on_a_server_that_ignores_cap_uses_ping() -> None:
    def simple(talk: Talk) -> None:
        talk.until("PING chatctl-0")
        talk.send(":s PONG s :chatctl-0")
        talk.until("NICK ann")
        talk.send(":s 433 * ann :taken")
        while True:
            token = talk.until("PING").partition(" ")[2]
            talk.send(f":s PONG s :{token}")

    def until_the_end(talk: Talk) -> None:
        with contextlib.suppress(EOFError):
            simple(talk)

    with Peer(until_the_end) as peer, NameCheck("127.0.0.1", peer.port) as checking:
        assert checking.check("ann") == Answer("ann", "taken", "taken", ("ann_", "ann2", "ann3"))


def test_name_check_reports_a_refused_connection() -> None:
    def script(talk: Talk) -> None:
        talk.until("PING")
        talk.send("ERROR :Too many connections from your address")

    with Peer(script) as peer, pytest.raises(RefusedError, match="Too many connections"):
        check(peer.port)


def test_refusal_that_does_not_mention_the_name_is_not_free() -> None:
    def script(talk: Talk) -> None:
        talk.send(":s CAP * LS :")
        talk.until("NICK")
        talk.until("CAP LIST")
        talk.send(":s 438 * ann :Nick change too fast", ":s CAP * LIST :").rest()

    with (
        Peer(script) as peer,
        NameCheck("127.0.0.1", peer.port) as checking,
        pytest.raises(RefusedError, match="Nick change too fast"),
    ):
        checking.check("ann")


def test_refused_connection_ends_the_search_for_alternatives() -> None:
    def script(talk: Talk) -> None:
        talk.send(":s CAP * LS :")
        for reply in (":s 433 * ann :taken", ":s NOTICE * :fine", ":s 438 * ann2 :too fast"):
            talk.until("CAP LIST")
            talk.send(reply, ":s CAP * LIST :")
        talk.rest()

    with Peer(script) as peer, NameCheck("127.0.0.1", peer.port) as checking:
        assert checking.check("ann") == Answer("ann", "taken", "taken", ("ann_",))


def test_chat_server_that_disconnects_is_recognised_as_one() -> None:
    def script(talk: Talk) -> None:
        talk.until("PING")
        talk.send("NOTICE * :*** Looking up your hostname")

    with Peer(script) as peer, pytest.raises(UnreachableError, match="broke off"):
        check(peer.port)
