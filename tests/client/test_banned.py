"""Somebody who is sent away for good does not come back again and again."""

from __future__ import annotations

import threading

import pytest

from chatctl.chat.entries import proposals as p
from chatctl.chat.model.ids import NO_SESSION
from chatctl.client import Client
from chatctl.client import events as e
from chatctl.client.errors import BannedError, SentAwayError
from chatctl.errors import RefusedError
from chatctl.server import Server
from tests import deadline
from tests.client.clients import client, heard
from tests.client.peer import Peer, Talk

DEADLINE = deadline.DEADLINE


def ban(server: Server, target: str) -> None:
    propose(server, p.AddBan(NO_SESSION, "", target, False, "spam", 0))


def propose(server: Server, proposal: p.Proposal) -> None:
    hub, loop, done = server._hub, server._loop, threading.Event()
    assert hub is not None
    assert loop is not None
    loop.call(lambda: hub.admin_requests.ask(proposal, lambda worked, text: done.set()))
    assert done.wait(DEADLINE)


def test_ban_while_registered_ends_the_client() -> None:
    with Server(port=0) as server, Client(port=server.port, name="ann") as ann:
        ban(server, "127.0.0.0/8")
        said = [event.to_json() for event in ann.events(timeout=DEADLINE)]
        assert isinstance(ann.error, BannedError)
        assert str(ann.error) == "You are banned from this server: spam"
        assert ann.error.exit_code == 5
        assert any("You are banned" in str(item) for item in said)


def test_ban_on_a_name_is_not_evaded_by_reconnecting_under_another() -> None:
    with Server(port=0) as server, client(server.port, "ann") as ann:
        ban(server, "ann")
        heard(ann, e.Disconnected)
        assert isinstance(ann.error, BannedError)
        assert ann.name == "ann"


def test_disconnected_user_does_not_reconnect() -> None:
    with Server(port=0) as server, client(server.port, "ann") as ann, Client(port=server.port, name="bob"):
        propose(server, p.DisconnectUser(NO_SESSION, "", "ann", "calm down"))
        heard(ann, e.Disconnected)
        assert type(ann.error) is SentAwayError
        assert str(ann.error) == "You were sent away: calm down"
        assert ann.error.exit_code == 5


def test_kill_by_an_operator_ends_the_client_and_a_collision_does_not() -> None:
    def operator(talk: Talk) -> None:
        talk.welcome("ann").send(":irc.test KILL ann :Nick collision", "ERROR :Killed (irc.test (Nick collision))")

    def again(talk: Talk) -> None:
        talk.welcome("ann").send(
            ":bob!u@h KILL eve :no", ":bob!u@h KILL ann :calm down", "ERROR :Killed (bob (calm down))"
        )

    with Peer(operator, again) as peer, client(peer.port) as ann:
        heard(ann, e.Disconnected)
    assert str(ann.error) == "You were sent away by bob: calm down"


def test_banned_user_cannot_register() -> None:
    with Server(port=0) as server:
        ban(server, "127.0.0.0/8")
        with pytest.raises(RefusedError, match="You are banned from this server: spam"):
            Client(port=server.port, name="ann").start()
