"""Banned addresses on real sockets: told why in the words of a client, with TLS and without, and kept out."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chatctl.chat.entries import proposals as p
from chatctl.chat.model.cloak import token_hash
from chatctl.chat.model.ids import NO_SESSION
from chatctl.chat.model.policy import Rules
from chatctl.server import Limits, Server, TlsConfig
from tests.server.tls import TlsWire
from tests.wire import DEADLINE, Wire

TOLD = ["465", "ERROR"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    rules = Rules(registration="invite", guests=False, iterations=4096)
    limits = Limits(linger_seconds=0.2, unregistered=8)
    with Server(port=0, listener_limit=50, rules=rules, limits=limits, tls=TlsConfig(folder=tmp_path)) as running:
        running.certificate()
        yield running


def ask(server: Server, proposal: p.Proposal) -> None:
    """Through the control socket's desk."""
    hub, done = server._hub, threading.Event()
    assert hub is not None
    assert server._loop is not None
    server._loop.call(lambda: hub.admin_requests.ask(proposal, lambda done_, text: done.set()))
    assert done.wait(DEADLINE)


def invite(server: Server) -> Callable[[Wire], list[str]]:
    """An invitation, and a visit with it: the commands that are read up to the end, or until one is in."""
    ask(server, p.AddInvitation(NO_SESSION, "", token_hash("token"), 1, 2**45, "#lobby", "control"))

    def visit(wire: Wire) -> list[str]:
        with wire, contextlib.suppress(ConnectionError):
            wire.send("CAP REQ :draft/account-registration", "REDEEM token", "NICK eve", "USER u 0 * :r")
            wire.send("REGISTER eve * sesame", "CAP END")
            wire.until(lambda message: message.command in ("001", "ERROR"))
        return [message.command for message in wire.read]

    return visit


@pytest.mark.parametrize("kind", [Wire, TlsWire], ids=["plain", "TLS"])
def test_banned_user_reads_the_reason_and_an_invitation_does_not_help(server: Server, kind: type[Wire]) -> None:
    visit = invite(server)
    ask(server, p.AddBan(NO_SESSION, "", "127.0.0.0/8", False, "spam", 3600))
    wire = kind(server.port)
    assert visit(wire) == TOLD
    assert wire.read[0].params[0] == "*"
    assert wire.read[0].params[1].startswith("You are banned from this server until 20")
    assert wire.read[0].params[1].endswith(" UTC: spam")
    assert wire.read[1].params == ["Banned: spam"]
    ask(server, p.RemoveBan(NO_SESSION, "", "127.0.0.0/8", False))
    assert "001" in visit(kind(server.port)), "the invitation was not used up"


@pytest.mark.parametrize(("strangers", "at_once"), [(6, True), (2, False)])
def test_banned_address_is_refused_on_accept_under_load(
    server: Server, strangers: int, at_once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = iter([f"192.0.2.{number}" for number in range(strangers)] + ["198.51.100.1"])
    monkeypatch.setattr("chatctl.server.net.acceptor.numeric", lambda address: next(addresses))
    monkeypatch.setattr("chatctl.server.net.protocol_sniffer.same_machine", lambda peer, own: True)
    ask(server, p.AddBan(NO_SESSION, "", "198.51.100.1", False, "spam", 0))
    with contextlib.ExitStack() as stack:
        for _ in range(strangers):
            stack.enter_context(Wire(server.port)).ping()
        silent = stack.enter_context(Wire(server.port))
        if not at_once:
            silent.send("PING t")
        read = silent.until_end()
        assert [message.command for message in read] == (["ERROR"] if at_once else TOLD)
        assert read[-1].params == ["You are banned from this server: spam" if at_once else "Banned: spam"]
