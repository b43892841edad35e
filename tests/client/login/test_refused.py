"""Failed logins: no server, no place, a wrong password, a refused name."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path

import pytest

from chatctl.chat.model.policy import Rules
from chatctl.client import Timing
from chatctl.client import events as e
from chatctl.client.errors import InputError, PasswordError
from chatctl.errors import InvalidNameError, NameTakenError, RefusedError, UnreachableError
from chatctl.server import Server
from tests.client.clients import client, heard
from tests.client.peer import Peer, Talk
from tests.wire import DEADLINE


def test_refused_registration_raises_the_servers_reason(server: Server) -> None:
    with client(server.port), client(server.port, "bob"):
        with pytest.raises(NameTakenError, match="The name Ann is taken"):
            client(server.port, "Ann").start()
        with pytest.raises(InvalidNameError, match="digit"):
            client(server.port, "1st").start()
        with client(server.port, "eve"), pytest.raises(RefusedError, match="listener_limit = 3"):
            client(server.port, "fay").start()


def test_wrong_server_password_is_reported(tmp_path: Path) -> None:
    with Server(port=0, rules=Rules(password="sesam")) as server:
        for wrong in (None, "wrong"):
            with pytest.raises(PasswordError, match="password"):
                client(server.port, password=wrong).start()
        with client(server.port, password="sesam") as ann:
            assert ann.online


def test_unreachable_server_is_reported_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(UnreachableError, match=rf"No chat server answers at 127\.0\.0\.1:{port}"):
        client(port).start()


def test_server_of_another_protocol_is_reported() -> None:
    peer = Peer(lambda talk: talk.send("SSH-2.0-OpenSSH_9.2"))
    with peer, pytest.raises(UnreachableError, match="is not a chat server"):
        client(peer.port).start()


@pytest.mark.parametrize("name", ["", "a b", "a\nb"])
def test_invalid_name_is_refused_before_connecting(name: str) -> None:
    with pytest.raises((InvalidNameError, InputError)):
        client(1, name)


def test_alternative_name_is_used_if_the_name_stays_taken() -> None:
    def taken(talk: Talk) -> None:
        talk.until("USER")
        talk.send(":s 421 * CAP :Unknown command", ":s 433 * ann :Nickname is already in use")
        talk.until("NICK ann_")
        talk.send(":s 001 ann_ :Hi", ":s 422 ann_ :-").rest()

    def first(talk: Talk) -> None:
        talk.welcome("ann")

    with Peer(first, taken) as peer, client(peer.port) as ann:
        [renamed] = heard(ann, e.NickChanged)
        assert isinstance(renamed, e.NickChanged)
        assert (renamed.old, renamed.name) == ("ann", "ann_")
        assert ann.name == "ann_"


def test_own_name_is_retried_before_an_alternative() -> None:
    def taken(talk: Talk) -> None:
        talk.until("USER")
        talk.send(":s 421 * CAP :Unknown command", ":s 433 * ann :Nickname is already in use").rest()

    patient = Timing(enter=DEADLINE, first_pause=0.01, longest_pause=0.01, own_name=DEADLINE)
    scripts = (lambda talk: talk.welcome("ann"), taken, taken, lambda talk: talk.welcome("ann").rest())
    with Peer(*scripts) as peer, client(peer.port, timing=patient) as ann:
        [back] = heard(ann, e.Reconnected)
        assert isinstance(back, e.Reconnected)
        assert back.name == "ann"


def test_too_long_name_is_invalid() -> None:
    with pytest.raises(InvalidNameError, match="too long"):
        client(1, "x" * 600)


def test_waiting_ends_when_the_caller_gives_up() -> None:
    with Peer(lambda talk: talk.welcome("ann").deaf()) as peer:
        ann = client(peer.port).start()
        ann.say("#lobby", "hi")
        assert not ann.flush(enough=lambda: ann.waiting == 1)
        ann.stop(seconds=0.0)


def test_server_that_talks_without_answering_is_disconnected() -> None:
    timing = Timing(enter=DEADLINE, silence=0.05, answer=0.3, first_pause=DEADLINE)
    left = threading.Event()

    def chatter(talk: Talk) -> None:
        talk.welcome("ann")
        talk.until("PING")  # asked at last
        with contextlib.suppress(OSError):
            while not left.wait(0.02):
                talk.send(":bob!u@h PRIVMSG #lobby :la la")

    with Peer(chatter) as peer, client(peer.port, timing=timing) as ann:
        try:
            [loss] = heard(ann, e.Reconnecting)
        finally:
            left.set()
        assert isinstance(loss, e.Reconnecting)
        assert "does not answer" in loss.reason


@pytest.mark.parametrize("reply", [":s 451 * :You have not registered", ":s 410 * LS :Invalid CAP command", ""])
def test_taken_name_on_a_server_without_cap_is_reported_at_once(reply: str) -> None:
    def script(talk: Talk) -> None:
        talk.until("USER")
        talk.send(*([reply] if reply else []), ":s 433 * ann :Nickname is already in use").deaf()

    timing = Timing(enter=DEADLINE if reply else 0.2)
    with Peer(script) as peer, pytest.raises(NameTakenError, match="already in use"):
        client(peer.port, timing=timing).start()


def test_giving_up_after_refusals_keeps_the_error_type() -> None:
    def full(talk: Talk) -> None:
        talk.until("USER")
        talk.send("ERROR :The chat is full")

    timing = Timing(enter=DEADLINE, first_pause=0.2, longest_pause=0.2)
    with Peer(lambda talk: talk.welcome("ann"), full) as peer:
        ann = client(peer.port, timing=timing, give_up_after=0.01).start()
        heard(ann, e.Disconnected)
    assert type(ann.error) is RefusedError
    assert "The chat is full" in str(ann.error)
