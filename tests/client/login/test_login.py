"""Logging in on the way in, and making an account with an invitation (account_login, client/login/registration)."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatctl.chat.entries import proposals as p
from chatctl.chat.model.cloak import token_hash
from chatctl.chat.model.ids import NO_SESSION
from chatctl.chat.model.policy import Rules
from chatctl.client import Client
from chatctl.client.errors import AccountNeededError, LoginError, OwnedNameError
from chatctl.client.login.account_login import AccountLogin, LoginExchange
from chatctl.errors import NameTakenError, RefusedError
from chatctl.protocol import scram
from chatctl.protocol.message import Message
from chatctl.server import Server
from tests.deadline import DEADLINE

RULES = Rules(iterations=4096)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(port=0, listener_limit=100, rules=RULES) as running:
        yield running


def add(server: Server, name: str, password: str) -> None:
    hub = server._hub
    loop = server._loop
    assert hub is not None
    assert loop is not None
    import threading

    done = threading.Event()
    verifier = str(scram.make(password, b"salt", 4096))

    def ask() -> None:
        hub.admin_requests.ask(p.AddAccount(NO_SESSION, "", name, verifier, "control"), lambda ok, text: done.set())
        key = token_hash("token")
        hub.admin_requests.ask(p.AddInvitation(NO_SESSION, "", key, 1, 1 << 60, "", "control"), lambda ok, text: None)

    loop.call(ask)
    assert done.wait(DEADLINE)


def test_login_as_owner_gets_the_name_of_the_account(server: Server) -> None:
    add(server, "ann", "sesame")
    with pytest.raises(OwnedNameError, match="belongs to an account"):
        Client(port=server.port, name="ann").start()
    with pytest.raises(LoginError):
        Client(port=server.port, name="ann", login=AccountLogin("ann", "wrong")).start()
    with Client(port=server.port, name="ann", login=AccountLogin("ann", "sesame")) as ann:
        assert ann.name == "ann"


def test_invitation_makes_an_account_and_is_used_once(server: Server) -> None:
    add(server, "ann", "sesame")
    with pytest.raises(NameTakenError):
        Client(port=server.port, name="ann", login=AccountLogin("ann", "hunter22", "token")).start()
    with Client(port=server.port, name="bob", login=AccountLogin("bob", "hunter22", "token")) as bob:
        login = bob._state._registration.login
        assert login is not None
        assert login.token == ""
    with Client(port=server.port, name="bob", login=AccountLogin("bob", "hunter22")):
        pass
    with pytest.raises(RefusedError, match="unknown, used up or has expired"):
        Client(port=server.port, name="carol", login=AccountLogin("carol", "hunter22", "nonsense")).start()


def test_guest_is_refused_if_accounts_are_required() -> None:
    with Server(port=0, rules=Rules(iterations=4096, guests=False)) as server:
        add(server, "ann", "sesame")
        with pytest.raises(AccountNeededError):
            Client(port=server.port, name="eve").start()
        with Client(port=server.port, name="ann", login=AccountLogin("ann", "sesame")):
            pass


# The exchange, without a server.


def sent(exchange: LoginExchange) -> list[str]:
    lines = [" ".join(words) for words in exchange.lines]
    exchange.lines.clear()
    return lines


def test_sasl_plain_is_used_over_secure_connections_only() -> None:
    offered = {"sasl": "PLAIN,EXTERNAL"}
    assert LoginExchange(AccountLogin("a", "b"), offered, secure=False).problem is not None
    exchange = LoginExchange(AccountLogin("ann", "x" * 500), offered, secure=True)
    assert sent(exchange) == ["AUTHENTICATE PLAIN"]
    exchange.receive(Message("AUTHENTICATE", ("+",)))
    pieces = [line.partition(" ")[2] for line in sent(exchange)]
    assert [len(piece) for piece in pieces[:-1]] == [400] * (len(pieces) - 1)
    assert base64.b64decode("".join(pieces)) == b"ann\0ann\0" + b"x" * 500
    exchange.receive(Message("903", ("ann", "ok")))
    assert exchange.done


def test_scram_login_fails_if_the_server_does_not_prove_itself() -> None:
    exchange = LoginExchange(AccountLogin("ann", "sesame"), {"sasl": "PLAIN,SCRAM-SHA-256"}, secure=True)
    assert sent(exchange) == ["AUTHENTICATE SCRAM-SHA-256"]
    exchange.receive(Message("AUTHENTICATE", ("+",)))
    exchange.receive(Message("903", ("ann", "ok")))
    assert isinstance(exchange.problem, LoginError)
    assert not exchange.done


def test_login_fails_clearly_if_the_server_has_no_accounts() -> None:
    assert "does not offer SASL" in str(LoginExchange(AccountLogin("a", "b"), {}, secure=True).problem)


@given(st.lists(st.text(max_size=50), max_size=5))
def test_any_server_input_during_login_is_handled(pieces: list[str]) -> None:
    exchange = LoginExchange(AccountLogin("ann", "sesame"), {"sasl": "SCRAM-SHA-256"}, secure=True)
    for piece in pieces:
        exchange.receive(Message("AUTHENTICATE", (piece,)))
    assert not exchange.done
