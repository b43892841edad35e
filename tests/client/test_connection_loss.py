"""The client when its connection is lost or its server stays silent: with our server, and with scripted ones."""

from __future__ import annotations

import threading

import pytest

from chatctl.client import Timing
from chatctl.client import events as e
from chatctl.client.connection import MAX_QUEUED_LINES
from chatctl.client.errors import FullError
from chatctl.client.login.resume_tokens import ResumeTokens
from chatctl.client.session.in_flight import CAUTIOUS_WINDOW_MESSAGES
from chatctl.errors import NameTakenError, UnreachableError
from chatctl.server import Server
from tests.client.clients import client, heard
from tests.client.peer import Peer, Talk, eventually
from tests.wire import DEADLINE, Wire


def test_reconnected_client_sends_messages_typed_meanwhile() -> None:
    gone = threading.Event()
    typed = threading.Event()

    def first(talk: Talk) -> None:
        talk.welcome("ann")
        gone.wait(DEADLINE)

    def second(talk: Talk) -> list[str]:
        typed.wait(DEADLINE)
        return talk.welcome("ann").rest()

    with Peer(first, second) as peer, client(peer.port, rooms=["#lobby", "#dev"]) as ann:
        gone.set()
        heard(ann, e.Reconnecting)
        ann.say("#lobby", "while away")
        typed.set()
        heard(ann, e.Reconnected)
        assert ann.flush(DEADLINE)
    lines = peer.talks[1].lines
    assert [line for line in lines if line.startswith(("JOIN", "PRIVMSG", "QUIT"))] == [
        "JOIN #lobby",
        "JOIN #dev",
        "PRIVMSG #lobby :while away",
        "QUIT",
    ]


def test_unconfirmed_message_is_reported_and_not_resent() -> None:
    def first(talk: Talk) -> None:
        talk.welcome("ann").until("PRIVMSG")

    def second(talk: Talk) -> list[str]:
        return talk.welcome("ann").rest()

    with Peer(first, second) as peer, client(peer.port) as ann:
        ann.say("#lobby", "did it arrive?")
        [unconfirmed] = heard(ann, e.Unconfirmed)
        assert isinstance(unconfirmed, e.Unconfirmed)
        assert unconfirmed.messages == (e.Outgoing("#lobby", "did it arrive?"),)
        heard(ann, e.Reconnected)
    assert not any(line.startswith("PRIVMSG") for line in peer.talks[1].lines)


def test_reconnecting_client_reclaims_its_name_from_its_dead_connection(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = ResumeTokens("secret", "instance")
    monkeypatch.setattr("chatctl.client.client.identity", lambda *_: known)
    held = Wire(server.port).send("CAP REQ chatctl/resume", "RESUME secret instance", "CAP END").login("ann", "#lobby")
    with client(server.port) as ann:
        assert ann.name == "ann"
    held.sock.close()
    monkeypatch.setattr("chatctl.client.client.identity", lambda *_: ResumeTokens("secret", "another running client"))
    dead = Wire(server.port).send("CAP REQ chatctl/resume", "RESUME secret instance", "CAP END").login("ann", "#lobby")
    with pytest.raises(NameTakenError):
        client(server.port).start()
    dead.sock.close()


def test_client_gives_up_after_the_time_limit() -> None:
    with Peer(lambda talk: talk.welcome("ann")) as peer:
        ann = client(peer.port, give_up_after=0.05).start()
    peer._listener.close()
    [end] = heard(ann, e.Disconnected)
    assert isinstance(end, e.Disconnected)
    assert isinstance(ann.error, UnreachableError)
    assert "gave up" in end.reason
    ann.stop()


def test_connection_loss_without_reconnect_ends_the_client() -> None:
    with Peer(lambda talk: talk.welcome("ann").send("ERROR :Too much noise")) as peer:
        ann = client(peer.port, reconnect=False).start()
        [end] = heard(ann, e.Disconnected)
    assert isinstance(end, e.Disconnected)
    assert "Too much noise" in end.reason


def test_silent_server_is_disconnected() -> None:
    timing = Timing(enter=DEADLINE, silence=0.05, answer=0.05, first_pause=0.01)

    def silent(talk: Talk) -> list[str]:
        return talk.welcome("ann").deaf()

    with Peer(silent) as peer, client(peer.port, timing=timing) as ann:
        [loss] = heard(ann, e.Reconnecting)
        assert isinstance(loss, e.Reconnecting)
        assert "does not answer" in loss.reason
    assert any(line.startswith("PING") for line in peer.talks[0].lines)


def test_unsent_messages_are_bounded_and_reported_at_the_end() -> None:
    gone = threading.Event()

    def first(talk: Talk) -> None:
        talk.welcome("ann")
        gone.wait(DEADLINE)

    with Peer(first) as peer:
        ann = client(peer.port, timing=Timing(first_pause=DEADLINE)).start()
        gone.set()
        heard(ann, e.Reconnecting)
        for number in range(MAX_QUEUED_LINES):
            ann.say("#lobby", str(number))
        with pytest.raises(FullError, match="1000 lines"):
            ann.say("#lobby", "one too many")
        ann.stop()
    [unsent] = heard(ann, e.Unsent)
    assert isinstance(unsent, e.Unsent)
    assert len(unsent.messages) == MAX_QUEUED_LINES


def test_unconfirmed_messages_to_a_foreign_server_stay_within_the_window() -> None:
    seen: list[int] = []

    def slow(talk: Talk) -> list[str]:
        talk.welcome("ann")
        talk.until("PRIVMSG")
        while not talk.lines[-1].endswith(":29"):
            talk.line()
            if talk.lines[-1].startswith("PING"):
                seen.append(sum(line.startswith("PRIVMSG") for line in talk.lines))
                talk.send(f":irc.test PONG irc.test {talk.lines[-1].split(' ', 1)[1]}")
        return talk.rest()

    with Peer(slow) as peer, client(peer.port) as ann:
        for number in range(30):
            ann.say("#lobby", str(number))
        assert ann.flush(DEADLINE)
    assert [line for line in peer.talks[0].lines if line.startswith("PRIVMSG")] == [
        f"PRIVMSG #lobby :{number}" for number in range(30)
    ]
    assert len(seen) >= 30 // CAUTIOUS_WINDOW_MESSAGES


def test_server_that_answers_nothing_is_sent_one_window() -> None:
    with Peer(lambda talk: talk.welcome("ann").deaf()) as peer:
        ann = client(peer.port).start()
        for number in range(30):
            ann.say("#lobby", str(number))
        eventually(lambda: sum(line.startswith("PRIVMSG") for line in peer.talks[0].lines) >= CAUTIOUS_WINDOW_MESSAGES)
        ann.stop(seconds=0.1)
    assert sum(line.startswith("PRIVMSG") for line in peer.talks[0].lines) == CAUTIOUS_WINDOW_MESSAGES
    [unsent] = heard(ann, e.Unsent)
    assert isinstance(unsent, e.Unsent)
    assert len(unsent.messages) == 30 - CAUTIOUS_WINDOW_MESSAGES
