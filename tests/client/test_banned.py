"""Somebody who is sent away for good does not come back again and again."""

from __future__ import annotations

import threading

import pytest

from chatctl.chat import proposals as p
from chatctl.client import Client
from chatctl.client.refusals import BannedError
from chatctl.errors import RefusedError
from chatctl.server import Server

DEADLINE = 10.0


def ban(server: Server, target: str) -> None:
    hub, loop, done = server._hub, server._loop, threading.Event()
    assert hub is not None
    assert loop is not None
    proposal = p.AddBan(0, "", target, False, "spam", 0)
    loop.call(lambda: hub.desk.ask(proposal, lambda worked, text: done.set()))
    assert done.wait(DEADLINE)


def test_a_ban_while_we_are_in_ends_the_client() -> None:
    with Server(port=0) as server, Client(port=server.port, name="ann") as ann:
        ban(server, "127.0.0.0/8")
        said = [event.to_json() for event in ann.events(timeout=DEADLINE)]
        assert isinstance(ann.error, BannedError)
        assert str(ann.error) == "You are banned from this server: spam"
        assert ann.error.exit_code == 5
        assert any("You are banned" in str(item) for item in said)


def test_who_is_banned_does_not_get_in() -> None:
    with Server(port=0) as server:
        ban(server, "127.0.0.0/8")
        with pytest.raises(RefusedError, match="You are banned from this server: spam"):
            Client(port=server.port, name="ann").start()
