"""Messages that the full screen could not deliver are printed when it has ended (chatctl/cli/leftovers)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chatctl.chat.entries import proposals as p
from chatctl.chat.model.ids import NO_SESSION
from chatctl.cli.leftovers import Leftovers
from chatctl.client import Client, Timing
from chatctl.client import events as e
from chatctl.client.errors import BannedError
from chatctl.client.transport.trust import ChangedServerError, Trust
from chatctl.server import Server, TlsConfig
from tests.client.test_banned import propose
from tests.deadline import DEADLINE
from tests.e2e.processes import ServeProcess
from tests.e2e.test_full_screen import Terminals, terminals
from tests.ports import steady_port

__all__ = ["terminals"]

TIMING = Timing(first_pause=0.01, longest_pause=0.01)


@pytest.fixture
def leftovers() -> Leftovers:
    return Leftovers()


def start(port: int, leftovers: Leftovers, trust: Trust | None = None) -> Client:
    client = Client(port=port, name="ann", secret="s", timing=TIMING, trust=trust)
    client.on(leftovers.event)
    return client.start()


def until(events: Iterator[e.Event], kind: type[e.Event]) -> None:
    assert any(isinstance(event, kind) for event in events)


def test_messages_typed_offline_are_printed_after_leaving(
    leftovers: Leftovers, capsys: pytest.CaptureFixture[str]
) -> None:
    with Server(port=0) as server:
        client = start(server.port, leftovers)
    until(client.events(timeout=DEADLINE), e.Reconnecting)
    client.say("#lobby", "one\nof two lines")
    client.say("bob", "psst \x1b[31m")
    client.stop()
    leftovers.tell()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "chatctl: These messages were not sent:"
    assert [line.split("to ")[1] for line in lines[1:]] == ["#lobby: one", "#lobby: of two lines", "bob: psst "]


def test_messages_are_printed_if_the_client_is_banned_at_its_return(
    leftovers: Leftovers, capsys: pytest.CaptureFixture[str]
) -> None:
    with Server(port=0) as server:
        port = server.port
        client = start(port, leftovers)
    events = client.events(timeout=DEADLINE)
    until(events, e.Reconnecting)
    client.say("#lobby", "typed meanwhile")
    with Server(port=0) as server:
        propose(server, p.AddBan(NO_SESSION, "", "127.0.0.0/8", False, "spam", 0))
        client._link.port = server.port
        until(events, e.Disconnected)
    assert isinstance(client.error, BannedError)
    leftovers.tell()
    assert "to #lobby: typed meanwhile" in capsys.readouterr().err


def test_messages_are_printed_if_the_certificate_has_changed(
    leftovers: Leftovers, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    trust = Trust(True, folder=tmp_path)
    with Server(port=steady_port(), tls=TlsConfig("required")) as server:
        port, loaded = server.port, server.certificate()
        assert loaded is not None
        trust.accept(f"127.0.0.1:{port}", loaded.pin)
        client = start(port, leftovers, trust)
    events = client.events(timeout=DEADLINE)
    until(events, e.Reconnecting)
    client.say("#lobby", "typed meanwhile")
    with Server(port=port, tls=TlsConfig("required")):
        until(events, e.Disconnected)
    assert isinstance(client.error, ChangedServerError)
    leftovers.tell()
    assert "to #lobby: typed meanwhile" in capsys.readouterr().err


def test_delivered_messages_are_not_printed(leftovers: Leftovers, capsys: pytest.CaptureFixture[str]) -> None:
    with Server(port=steady_port()) as server:
        port = server.port
        client = start(port, leftovers)
    events = client.events(timeout=DEADLINE)
    until(events, e.Reconnecting)
    client.say("#lobby", "typed meanwhile")
    with Server(port=port):
        until(events, e.Reconnected)
        assert client.flush(DEADLINE)
        client.stop()
    leftovers.tell()
    assert capsys.readouterr().err == ""


@pytest.mark.e2e
@pytest.mark.timeout(180)
def test_screen_that_ends_offline_prints_what_it_promised_to_send(terminals: Terminals, tmp_path: Path) -> None:
    with ServeProcess(tmp_path) as server:
        terminals.open("ann", f"--port {server.port} --name ann", 100, 24)
        terminals.until("ann", "You are ann")
        server.stop()
        terminals.until("ann", "no connection, trying again")
        terminals.type("ann", "typed meanwhile")
        terminals.until("ann", "…[ann]: typed meanwhile")
        terminals.type("ann", "/quit")
        text = terminals.until("ann", "exit=0")
    assert "chatctl: These messages were not sent:" in text
    assert "to #lobby: typed meanwhile" in text
