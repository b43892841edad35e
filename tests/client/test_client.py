"""The client as a library: with a server of ours, and with scripted ones for what ours would not do."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from chatctl.client import events as e
from chatctl.client.errors import InputError
from chatctl.errors import UnreachableError
from chatctl.server import Server
from tests.client.clients import client, heard
from tests.client.peer import Peer, eventually
from tests.wire import DEADLINE


def test_client_starts_talks_and_stops(server: Server) -> None:
    with client(server.port) as ann, client(server.port, "bob") as bob:
        heard(ann, e.Joined, 2)
        assert ann.members("#lobby") == ("ann", "bob")
        assert ann.rooms == ("#lobby",)
        ann.say("#lobby", "hello\n\n  \nагой 👋")
        ann.act("#lobby", "waves")
        bob.notice("ann", "psst")
        assert ann.flush(DEADLINE)
        assert bob.flush(DEADLINE)
        assert [event.text for event in heard(bob, e.RoomMessage, 3) if isinstance(event, e.RoomMessage)] == [
            "hello",
            "агой 👋",
            "waves",
        ]
        [private] = heard(ann, e.PrivateMessage)
        assert isinstance(private, e.PrivateMessage)
        assert (private.name, private.to, private.kind) == ("bob", "ann", "notice")
    assert not ann.running
    with pytest.raises(UnreachableError):
        ann.say("#lobby", "too late")
    assert not ann.flush(0.0)
    [*_, last] = ann.events(0.0)
    assert isinstance(last, e.Disconnected)


def test_events_reach_the_callback_even_after_it_raised(server: Server) -> None:
    told: list[e.Event] = []
    done = threading.Event()

    def fails(event: e.Event) -> None:
        raise RuntimeError("a listener's own")

    def listens(event: e.Event) -> None:
        told.append(event)
        if isinstance(event, e.RoomMessage):
            done.set()

    ann = client(server.port)
    ann.on(fails)
    off = ann.on(listens)
    with ann:
        ann.say("#lobby", "hi")
        assert done.wait(DEADLINE)
        off()
        ann.say("#lobby", "unheard")
        assert ann.flush(DEADLINE)
    assert [event.text for event in told if isinstance(event, e.RoomMessage)] == ["hi"]


def test_burst_of_messages_arrives_complete_and_in_order(server: Server) -> None:
    with client(server.port) as ann, client(server.port, "bob") as bob:
        heard(bob, e.Joined)  # messages from before are history, not new
        for number in range(2000):
            ann.say("#lobby", str(number), timeout=DEADLINE)
        assert ann.flush(DEADLINE)
        said = [event.text for event in heard(bob, e.RoomMessage, 2000) if isinstance(event, e.RoomMessage)]
        assert said == [str(number) for number in range(2000)]


def test_message_that_cannot_be_sent_raises_an_error(server: Server) -> None:
    with client(server.port) as ann:
        for target in ("", "a b", "#a,#b", ":x"):
            with pytest.raises(InputError, match="not the name of one room or person"):
                ann.say(target, "hi")
        with pytest.raises(InputError, match="bytes too long"):
            ann.topic("#lobby", "x" * 600)
        with pytest.raises(InputError):
            ann.send_raw("PRIVMSG", "#lobby", "a\r\nQUIT")
        ann.say("#lobby", "half a pair: \ud800")
        assert ann.flush(DEADLINE)
        [said] = heard(ann, e.RoomMessage)
        assert isinstance(said, e.RoomMessage)
        assert said.text == "half a pair: ?"


def test_stop_sends_queued_messages_and_quits() -> None:
    with Peer(lambda talk: talk.welcome("ann").rest()) as peer:
        ann = client(peer.port).start()
        for number in range(3):
            ann.say("#lobby", str(number))
        ann.stop("so long")
    lines = [line for line in peer.talks[0].lines if not line.startswith("PING")]
    assert lines[-4:] == ["PRIVMSG #lobby :0", "PRIVMSG #lobby :1", "PRIVMSG #lobby :2", "QUIT :so long"]
    assert peer.talks[0].lines[-1] == "QUIT :so long"


def test_stop_ends_at_the_deadline_if_the_server_never_answers() -> None:
    with Peer(lambda talk: talk.welcome("ann").deaf()) as peer:
        ann = client(peer.port).start()
        ann.stop(seconds=0.1)
        assert not ann.running
        ann.stop()


def test_stop_in_a_callback_does_not_deadlock(server: Server) -> None:
    ann = client(server.port)
    ann.on(lambda event: ann.stop("enough") if isinstance(event, e.RoomMessage) else None)
    with ann:
        ann.say("#lobby", "stop")
        heard(ann, e.Disconnected)
    eventually(lambda: not ann.running)


def test_unfetched_events_are_bounded_and_the_dropped_counted(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.client.client.MAX_EVENTS", 5)
    with client(server.port) as ann:
        for number in range(20):
            ann.say("#lobby", str(number))
        assert ann.flush(DEADLINE)
        first, *rest = ann.events(0.0)
    assert isinstance(first, e.Overrun)
    assert [event.text for event in rest if isinstance(event, e.RoomMessage)] == ["15", "16", "17", "18", "19"]


def test_repr_contains_no_secret() -> None:
    shown = repr(client(1, secret="hush", password="hush"))
    assert "hush" not in shown


def test_importing_client_loads_no_heavy_module() -> None:
    code = (
        "import sys; from chatctl.client import Client; "
        "print([m for m in ('ssl', 'sqlite3', 'asyncio', 'pydantic', 'typer', 'prompt_toolkit', 'hmac', 'secrets')"
        " if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_second_start_is_refused(server: Server) -> None:
    with client(server.port) as ann:
        with pytest.raises(InputError, match="starts once"):
            ann.start()
        ann.say("#lobby", "still here")
        assert ann.flush(DEADLINE)
    with pytest.raises(InputError, match="starts once"):
        ann.start()


def test_waiting_before_the_start_is_refused() -> None:
    with pytest.raises(InputError, match="not been started"):
        client(1).flush()
    with pytest.raises(InputError, match="not been started"):
        next(client(1).events())


def test_blocking_call_in_a_callback_is_refused(server: Server) -> None:
    refused = threading.Event()
    ann = client(server.port)

    def callback(event: e.Event) -> None:
        if isinstance(event, e.Joined):
            try:
                ann.say("#lobby", "hi", timeout=None)
            except RuntimeError:
                refused.set()
            sys.exit("a callback must not end the client")

    ann.on(callback)
    with ann:
        assert refused.wait(DEADLINE)
        ann.say("#lobby", "hi")
        assert ann.flush(DEADLINE)
        assert ann.running


def test_few_events_are_buffered_if_a_callback_gets_them(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.client.client.MAX_EVENTS_WITH_CALLBACK", 5)
    ann = client(server.port)
    ann.on(lambda event: None)
    with ann:
        for number in range(20):
            ann.say("#lobby", str(number))
        assert ann.flush(DEADLINE)
        first, *rest = ann.events(0.0)
        assert isinstance(first, e.Overrun)
        assert len(rest) == 5
        for number in range(20):
            ann.say("#lobby", str(number))
        assert ann.flush(DEADLINE)
        assert len(list(ann.events(0.0))) == 20
