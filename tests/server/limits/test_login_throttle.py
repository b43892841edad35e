"""Logging in on real sockets while others guess (chat/commands/login_throttle, server/workers)."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from chatctl.chat.model.policy import Rules
from chatctl.server import Server
from tests.wire import Wire

pytestmark = pytest.mark.e2e

PASSWORD = "tea at five"


def plain(name: str, password: str) -> str:
    return "AUTHENTICATE " + base64.b64encode(f"\0{name}\0{password}".encode()).decode()


@pytest.fixture
def server() -> Iterator[Server]:
    """With passwords that take as long as they do by default."""
    with Server(port=0, listener_limit=2000, rules=Rules(iterations=600_000)) as running:
        with Wire(running.port).login("ann") as ann:
            ann.send(f"PRIVMSG NickServ :REGISTER {PASSWORD.replace(' ', '-')}")
            ann.until("900")
        yield running


def test_owner_logs_in_while_a_thousand_guesses_run(server: Server) -> None:
    """That the owner's try comes before theirs is shown without time in test_workers."""
    with ExitStack() as stack:
        guessers = [stack.enter_context(Wire(server.port)) for _ in range(50)]
        for number, guesser in enumerate(guessers):
            guesser.send("CAP REQ :sasl", *["AUTHENTICATE PLAIN", plain("ann", f"guess{number}")] * 20)
        with Wire(server.port) as owner:
            owner.send("CAP REQ :sasl", "AUTHENTICATE PLAIN", plain("ann", PASSWORD.replace(" ", "-")))
            owner.until("903")
        for guesser in guessers:
            guesser.until("904")


def test_thousand_simultaneous_logins_do_not_block_messages(server: Server) -> None:
    with (
        ExitStack() as stack,
        Wire(server.port).login("bob", "#lobby") as bob,
        Wire(server.port).login("cat", "#lobby") as cat,
    ):
        for _ in range(200):
            crowd = stack.enter_context(Wire(server.port))
            crowd.send("CAP REQ :sasl", *["AUTHENTICATE PLAIN", plain("ann", PASSWORD.replace(" ", "-"))] * 5)
        for number in range(20):
            bob.send(f"PRIVMSG #lobby :{number}")
            cat.until("PRIVMSG")
