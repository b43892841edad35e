"""The client without a thread: what we say, and what becomes of it."""

from __future__ import annotations

import pytest

from chatctl.client import events as e
from chatctl.client.session.in_flight import WINDOW_MESSAGES
from chatctl.protocol.message import MAX_LINE_BYTES
from tests.client.talk import NOW, OURS, Talk, in_lobby


@pytest.fixture
def lobby() -> Talk:
    return in_lobby()


def test_own_message_with_echo_is_shown_once_at_its_echo(lobby: Talk) -> None:
    lobby.state.say("message", "#Lobby", "hi")
    assert lobby.sent() == ["PRIVMSG #lobby :hi"]
    assert lobby.news() == []
    [said] = lobby.heard("@msgid=7 :ann!~chatctl@cloak PRIVMSG #lobby :hi")
    assert said == e.RoomMessage(time=NOW, room="#lobby", name="ann", text="hi", own=True, id="7")
    assert lobby.state.in_flight.out == 0


def test_own_message_without_echo_is_shown_at_once() -> None:
    talk = Talk("#lobby")
    talk.enter(None)
    talk.heard(":ann!u@h JOIN #lobby")
    talk.state.say("action", "#lobby", "waves")
    assert talk.news() == [e.RoomMessage(time=NOW, room="#lobby", name="ann", text="waves", kind="action", own=True)]


@pytest.mark.parametrize("caps", [OURS, None])
def test_message_to_oneself_without_echo_is_shown_once(caps: str | None) -> None:
    talk = Talk()
    talk.enter(caps)
    talk.state.say("message", "ann", "note")
    again = ["@msgid=3 :ann!u@h PRIVMSG ann :note"] * (2 if caps else 1)
    told = [event for event in [*talk.news(), *talk.heard(*again)] if isinstance(event, e.PrivateMessage)]
    assert [event.text for event in told] == ["note"]


def test_long_text_is_split_to_fit_the_relayed_line(lobby: Talk) -> None:
    lobby.state.say("action", "#lobby", "wörd " * 300)
    lines = lobby.sent()
    relayed = [f":ann!~chatctl@cloak {line}\r\n" for line in lines if line.startswith("PRIVMSG")]
    assert len(relayed) > 3
    assert all(len(line.encode()) <= MAX_LINE_BYTES for line in relayed)
    assert max(len(line.encode()) for line in relayed) > MAX_LINE_BYTES - 10
    assert all("\x01ACTION wörd" in line and line.endswith("\x01\r\n") for line in relayed)


def test_parts_are_shorter_while_the_own_prefix_is_unknown() -> None:
    talk = Talk()
    talk.enter()
    talk.state.say("message", "#lobby", "x" * 2000)
    host = "h" * 63
    assert all(
        len(f":ann!~0123456789@{host} {line}\r\n".encode()) <= MAX_LINE_BYTES
        for line in talk.sent()
        if line.startswith("PRIVMSG")
    )


def test_send_window_closes_when_full_and_opens_at_a_pong(lobby: Talk) -> None:
    for number in range(WINDOW_MESSAGES):
        assert lobby.state.may_send_more
        lobby.state.say("message", "#lobby", str(number))
    assert not lobby.state.may_send_more
    pings = [line.split()[1] for line in lobby.sent() if line.startswith("PING")]
    assert len(pings) == 2
    lobby.heard(f":s PONG s {pings[0]}")
    assert lobby.state.may_send_more
    assert lobby.state.in_flight.out == WINDOW_MESSAGES // 2


def test_connection_loss_reports_unconfirmed_and_resends_unsent_messages(lobby: Talk) -> None:
    for text in ("echoed", "written", "unwritten"):
        lobby.state.say("message", "#lobby", text)
    lines = list(lobby.state.lines)
    lobby.state.lines.clear()
    lobby.heard(":ann!~chatctl@cloak PRIVMSG #lobby :echoed")
    lobby.state.lost(lines[2:])
    assert lobby.news() == []
    assert lobby.state.unsent() == (e.Outgoing("#lobby", "unwritten"),)
    lobby.state.connected()
    lobby.sent()
    news = lobby.heard(":s CAP * LS :", ":s 001 ann :Hi", ":s 422 ann :-")
    # The server is another one now, which would not know it again.
    assert e.Unconfirmed(time=NOW, messages=(e.Outgoing("#lobby", "written"),)) in news
    assert [line for line in lobby.sent() if line[:4] in ("JOIN", "PRIV")] == [
        "JOIN #lobby",
        "PRIVMSG #lobby :unwritten",
    ]


def test_refused_message_is_not_unconfirmed(lobby: Talk) -> None:
    lobby.state.say("message", "absent", "hi")
    lobby.heard(":s 401 ann absent :No user has the name absent")
    lobby.state.lost()
    assert not any(isinstance(event, e.Unconfirmed) for event in lobby.news())


def test_reconnect_restores_rooms_and_away_state(lobby: Talk) -> None:
    lobby.state.join("#dev", "key")
    lobby.state.away("lunch")
    lobby.sent()
    lobby.state.lost()
    lobby.state.connected()
    lobby.sent()
    [back] = lobby.heard(":s CAP * LS :", ":s 001 ann :Hi", ":s 422 ann :-")
    assert back == e.Reconnected(time=NOW, name="ann", server="s", network="")
    sent = lobby.sent()
    assert sent[:3] == ["CAP END", "JOIN #lobby", "JOIN #dev key"]
    assert sent[-1] == "AWAY :lunch"


def test_nick_is_remembered_only_if_it_was_requested(lobby: Talk) -> None:
    lobby.heard(":ann!u@h NICK Guest7")
    assert (lobby.state.nick, lobby.state.name) == ("Guest7", "ann")
    lobby.state.rename("anna")
    lobby.heard(":Guest7!u@h NICK anna")
    assert (lobby.state.nick, lobby.state.name) == ("anna", "anna")


def test_names_fold_by_unicode_on_a_chatctl_server(lobby: Talk) -> None:
    assert lobby.state.fold("#CAFÉ") == lobby.state.fold("#café")


def _pings(talk: Talk) -> list[str]:
    return [line.split()[1] for line in talk.sent() if line.startswith("PING")]


@pytest.mark.parametrize("caps", ["echo-message server-time", OURS])
def test_message_without_its_echo_is_shown_at_the_answer_to_a_later_ping(caps: str) -> None:
    talk = Talk()
    talk.enter(caps=caps)
    talk.state.say("message", "NickServ", "help", ticket=7)
    talk.state.barrier()
    (token,) = _pings(talk)
    (told,) = talk.heard(f":s PONG s {token}")
    assert isinstance(told, e.PrivateMessage)
    assert told.own
    assert told.ticket == 7
    assert told.text == "help"


def test_echo_after_the_ping_is_not_shown_twice() -> None:
    talk = Talk()
    talk.enter(caps="echo-message server-time")
    talk.state.say("message", "bob", "hi", ticket=7)
    talk.state.barrier()
    (token,) = _pings(talk)
    assert len(talk.heard(f":s PONG s {token}")) == 1
    assert talk.heard(":ann!u@h PRIVMSG bob :hi") == []
    assert len(talk.heard(":ann!u@h PRIVMSG bob :hi")) == 1  # said elsewhere


@pytest.mark.parametrize("caps", ["", "echo-message server-time"])
def test_message_to_oneself_shows_once(caps: str) -> None:
    talk = Talk()
    talk.enter(caps=caps)
    talk.state.say("message", "ann", "note", ticket=7)
    news = talk.news()
    for _ in range(2 if caps else 1):
        news += talk.heard(":ann!u@h PRIVMSG ann :note")
    assert [event.type for event in news] == ["private"]


def test_message_to_oneself_from_elsewhere_shows() -> None:
    talk = Talk()
    talk.enter(caps="echo-message server-time")
    assert len(talk.heard(":ann!u@h PRIVMSG ann :note")) == 1
