"""The client without a thread: lines in, events and lines out."""

from __future__ import annotations

from datetime import UTC

import pytest

from chatctl.client import events as e
from chatctl.client.engine import Phase
from chatctl.client.errors import PasswordError
from chatctl.client.events.sentences import SentenceContext, words
from chatctl.client.login.resume_tokens import ResumeTokens
from chatctl.errors import InvalidNameError, NameTakenError, RefusedError
from tests.client.talk import ISUPPORT, NOW, Talk, in_lobby


@pytest.fixture
def lobby() -> Talk:
    return in_lobby()


# Getting in.


def test_registration_lines_of_every_server_are_sent_at_once() -> None:
    talk = Talk(password="se sam")
    talk.state.connected()
    assert talk.sent() == ["CAP LS 302", "PASS :se sam", "NICK ann", "USER chatctl 0 * ann"]


def test_capabilities_are_requested_after_the_last_line_of_cap_ls() -> None:
    talk = Talk()
    talk.state.connected()
    talk.sent()
    talk.heard(":s CAP * LS * :sasl=PLAIN echo-message")
    assert talk.sent() == []
    talk.heard(":s CAP * LS :server-time=x draft/other")
    assert talk.sent() == ["CAP REQ :server-time echo-message"]
    talk.heard(":s CAP * ACK :server-time echo-message")
    assert talk.sent() == ["CAP END"]


def test_capabilities_refused_together_are_requested_one_by_one() -> None:
    talk = Talk()
    talk.state.connected()
    talk.heard(":s CAP * LS :echo-message server-time")
    talk.sent()
    talk.heard(":s CAP * NAK :server-time echo-message")
    assert talk.sent() == ["CAP REQ server-time", "CAP REQ echo-message"]
    talk.heard(":s CAP * NAK :server-time", ":s CAP * ACK :echo-message")
    assert talk.sent() == ["CAP END"]
    assert talk.state.echoes


def test_negotiation_ends_if_no_capability_is_wanted() -> None:
    talk = Talk()
    talk.state.connected()
    talk.sent()
    talk.heard(":s CAP * LS :")
    assert talk.sent() == ["CAP END"]


def test_resume_tokens_are_sent_before_cap_end() -> None:
    talk = Talk()
    talk.state.connected()
    talk.heard(":s CAP * LS :chatctl/resume")
    talk.sent()
    talk.heard(":s CAP * ACK :chatctl/resume")
    assert talk.sent() == ["RESUME secret instance", "CAP END"]


def test_name_held_by_the_own_dead_connection_is_requested_again() -> None:
    talk = Talk()
    talk.state.connected()
    talk.sent()
    talk.heard(":s CAP * LS :chatctl/resume", ":s 433 * ann :taken")
    talk.sent()
    assert talk.state.name_problem is None
    talk.heard(":s CAP * ACK :chatctl/resume")
    assert talk.sent() == ["RESUME secret instance", "NICK ann", "CAP END"]
    talk.heard(":s 433 * ann :still taken")
    assert isinstance(talk.state.name_problem, NameTakenError)
    assert str(talk.state.name_problem) == "still taken"


def test_repr_contains_no_secret() -> None:
    assert "secret!" not in repr(ResumeTokens("secret!", "instance!"))
    assert "instance!" not in repr(ResumeTokens("secret!", "instance!"))


@pytest.mark.parametrize("caps", [None, "", "echo-message"])
def test_taken_name_is_reported(caps: str | None) -> None:
    talk = Talk()
    talk.state.connected()
    talk.heard(":s 433 * ann :Nickname is already in use")
    if caps is None:
        talk.heard(":s 421 * CAP :Unknown command")
    else:
        talk.heard(f":s CAP * LS :{caps}")
        if caps:
            talk.heard(f":s CAP * ACK :{caps}")
    assert isinstance(talk.state.name_problem, NameTakenError)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (":s 432 * ann :That name cannot be used: no", InvalidNameError),
        (":s 437 * ann :Nick is temporarily unavailable", NameTakenError),
        (":s 436 ann :Nickname collision KILL", NameTakenError),
        (":s 484 * :Your connection is restricted", InvalidNameError),
        ("FAIL NICK NICKNAME_INVALID x :Bad name", InvalidNameError),
    ],
)
def test_every_numeric_that_refuses_a_name_is_reported(line: str, kind: type[Exception]) -> None:
    talk = Talk()
    talk.state.connected()
    talk.heard(":s CAP * LS :", line)
    assert type(talk.state.name_problem) is kind


def test_alternative_names_are_tried_if_given() -> None:
    talk = Talk()
    talk.state.connected(["ann_", "ann2"])
    talk.heard(":s CAP * LS :", ":s 433 * ann :taken", ":s 433 * ann_ :taken")
    assert talk.sent()[-2:] == ["NICK ann_", "NICK ann2"]
    assert talk.state.name_problem is None
    news = talk.heard(":s 001 ann2 :Welcome", ":s 422 ann2 :No MOTD")
    assert e.NickChanged(time=NOW, old="ann", name="ann2", own=True) in news
    assert talk.state.name == "ann"


def test_refusal_has_the_servers_reason() -> None:
    talk = Talk()
    talk.state.connected()
    talk.heard("ERROR :The chat is full: all 5 places are taken")
    assert type(talk.state.refusal) is RefusedError
    assert str(talk.state.refusal) == "The chat is full: all 5 places are taken"


def test_wrong_password_is_its_own_error_with_the_servers_text() -> None:
    talk = Talk()
    talk.state.connected()
    talk.heard(":s 464 * :The password is wrong or missing", "ERROR :Closing Link")
    assert type(talk.state.refusal) is PasswordError
    assert str(talk.state.refusal) == "The password is wrong or missing"


def test_registration_takes_the_nick_of_the_welcome() -> None:
    talk = Talk(name="a_very_long_name")
    news = talk.enter(None, nick="a_very_lo")
    assert news == [
        e.Connected(time=NOW, name="a_very_lo", server="s", network="net"),
        e.NickChanged(time=NOW, old="a_very_long_name", name="a_very_lo", own=True),
    ]


def test_welcome_without_end_of_motd_ends_at_the_pong() -> None:
    talk = Talk()
    talk.state.connected()
    talk.sent()
    talk.heard(":s 001 ann :Hi")
    [ping] = talk.sent()
    assert talk.news() == []
    assert [type(event) for event in talk.heard(f":s PONG s :{ping.split()[1]}")] == [e.Connected]
    assert talk.state.phase is Phase.ONLINE


# Events of a room.


def test_message_has_its_time_and_id(lobby: Talk) -> None:
    [said] = lobby.heard("@time=2026-01-02T03:04:05.678Z;msgid=m1 :bob!u@h PRIVMSG #lobby :hi  there")
    assert said.to_json() == {
        "type": "message",
        "time": "2026-01-02T03:04:05.678+00:00",
        "room": "#lobby",
        "name": "bob",
        "text": "hi  there",
        "kind": "message",
        "own": False,
        "id": "m1",
        "history": False,
    }


@pytest.mark.parametrize("time", ["2016-12-31T23:59:60.419Z", "yesterday", "", "0001-01-01T00:00:00+23:59"])
def test_invalid_time_tag_is_replaced_by_now(lobby: Talk, time: str) -> None:
    [said] = lobby.heard(f"@time={time} :bob!u@h PRIVMSG #lobby :hi")
    assert said.time.tzinfo is UTC


def test_action_and_notice_are_events_and_other_ctcp_is_not(lobby: Talk) -> None:
    assert lobby.heard(":bob!u@h PRIVMSG #lobby :\x01ACTION waves\x01") == [
        e.RoomMessage(time=NOW, room="#lobby", name="bob", text="waves", kind="action")
    ]
    assert lobby.heard(":bob!u@h NOTICE ann :psst") == [
        e.PrivateMessage(time=NOW, name="bob", to="ann", text="psst", kind="notice")
    ]
    assert lobby.heard(":bob!u@h PRIVMSG ann :\x01VERSION\x01") == []
    assert lobby.heard(":s NOTICE ann :maintenance") == [e.ServerNotice(time=NOW, text="maintenance", code="NOTICE")]


def test_member_list_follows_joins_and_parts(lobby: Talk) -> None:
    room = lobby.state.rooms.get("#LOBBY")
    assert room is not None
    assert dict(room.members) == {"bob": ("bob", "@"), "ann": ("ann", "")}
    lobby.heard(":eve!u@h JOIN #lobby", ":s MODE #lobby +v-o eve bob", ":bob!u@h NICK bobby")
    assert dict(room.members) == {"bobby": ("bobby", ""), "ann": ("ann", ""), "eve": ("eve", "+")}
    assert lobby.heard(":eve!u@h QUIT :Quit: bye") == [
        e.Parted(time=NOW, name="eve", rooms=("#lobby",), how="quit", reason="Quit: bye")
    ]
    assert set(room.members) == {"bobby", "ann"}


def test_requested_names_are_marked_as_requested(lobby: Talk) -> None:
    lobby.state.names("#lobby")
    [names] = lobby.heard(":s 353 ann = #lobby :@+bob", ":s 353 ann = #lobby :ann", ":s 366 ann #lobby :End")
    assert names == e.Names(time=NOW, room="#lobby", names=("bob", "ann"), operators=("bob",), asked=True)


def test_kicked_client_does_not_rejoin(lobby: Talk) -> None:
    [left] = lobby.heard(":bob!u@h KICK #lobby ann :enough")
    assert left == e.Parted(time=NOW, name="ann", rooms=("#lobby",), how="kick", reason="enough", by="bob", own=True)
    lobby.state.lost()
    lobby.enter()
    assert not any(line.startswith("JOIN") for line in lobby.sent())


def test_topic_who_and_away_are_events(lobby: Talk) -> None:
    assert lobby.heard(":s 332 ann #lobby :cats") == [e.Topic(time=NOW, room="#lobby", text="cats")]
    assert lobby.heard(":bob!u@h TOPIC #lobby :dogs") == [e.Topic(time=NOW, room="#lobby", text="dogs", name="bob")]
    [who] = lobby.heard(":s 352 ann #lobby ~u host s bob G@ :0 Bob B", ":s 315 ann #lobby :End")
    assert who == e.Who(
        time=NOW, mask="#lobby", people=(e.Person("bob", "~u", "host", "Bob B", away=True, operator=True),)
    )
    assert lobby.heard(":s 301 ann bob :lunch") == [e.Away(time=NOW, name="bob", text="lunch")]


def test_refusals_are_reported_with_the_servers_text(lobby: Talk) -> None:
    assert lobby.heard(":s 482 ann #lobby :Only an operator may") == [
        e.Failed(time=NOW, text="Only an operator may", code="482", about="#lobby")
    ]
    assert lobby.heard(":s 696 ann #lobby k * :A key has no spaces") == [
        e.Failed(time=NOW, text="A key has no spaces", code="696", about="#lobby")
    ]
    assert lobby.heard(":s 433 ann bob :taken") == [e.NameTaken(time=NOW, name="bob", text="taken")]
    assert lobby.heard(":s 432 ann b%d :bad") == [e.NameRefused(time=NOW, name="b%d", text="bad")]
    assert lobby.heard(":s FAIL PRIVMSG NOT_STORED #lobby :The disk is full") == [
        e.Failed(time=NOW, text="The disk is full", code="NOT_STORED", command="PRIVMSG", about="#lobby")
    ]


def test_user_counts_are_shown_on_request_and_not_at_the_welcome() -> None:
    talk = Talk()
    talk.state.connected()
    talk.heard(":s CAP * LS :", ":s 001 ann :Welcome", ISUPPORT)
    assert talk.heard(":s 251 ann :There are 3 users", ":s 265 ann 3 9 :Current local users 3, max 9") == []
    talk.heard(":s 422 ann :No MOTD")
    [counted] = talk.heard(":s 251 ann :There are 3 users")
    assert isinstance(counted, e.ServerNotice)
    assert counted.text == "There are 3 users"


def test_own_invitation_is_confirmed(lobby: Talk) -> None:
    [told] = lobby.heard(":s 341 ann bob #tea")
    assert isinstance(told, e.ServerNotice)
    assert told.text == "bob is invited into #tea"


# The server's 005 tokens may change.


def test_casemapping_change_refolds_the_stored_names() -> None:
    talk = Talk("#a[b")
    talk.enter(caps="away-notify")
    talk.heard(":ann!u@h JOIN #a[b", ":s 353 ann = #a[b :ann b{b", ":s 366 ann #a[b :End")
    assert "#A{B" not in talk.state.rooms
    news = talk.heard(":s 005 ann CASEMAPPING=rfc1459 :are supported")
    assert any(isinstance(event, e.PresenceChanged) and not event.name for event in news)
    assert "#A{B" in talk.state.rooms
    (said,) = talk.heard(":B[B!u@h PRIVMSG #A{B :hi")
    assert isinstance(said, e.RoomMessage)
    assert said.room == "#a[b"
    talk.heard(":B[b!u@h QUIT")
    room = talk.state.rooms.get("#a[b")
    assert room is not None
    assert [nick for nick, _ in room.members.values()] == ["ann"]


def test_negated_token_returns_to_its_default() -> None:
    talk = Talk()
    talk.enter()
    talk.heard(":s 005 ann MONITOR=100 CASEMAPPING=rfc1459 CHANTYPES=! PREFIX=(q)~ STATUSMSG=~ :are supported")
    assert talk.state.isupport.monitors
    talk.heard(":s 005 ann -MONITOR -CASEMAPPING -CHANTYPES -PREFIX -STATUSMSG -NETWORK -OTHER :are supported")
    isupport = talk.state.isupport
    assert not isupport.monitors
    assert (isupport.chantypes, isupport.prefixes, isupport.statusmsg) == ("#&", {"o": "@", "v": "+"}, "")
    assert isupport.network == ""


# Misleading input.


def test_own_user_modes_are_not_room_modes() -> None:
    talk = in_lobby()
    (mode,) = talk.heard(":ann MODE ann :+i")
    assert isinstance(mode, e.ModeChanged)
    assert mode.own
    ((_, text),) = words(mode, SentenceContext("ann", several=False))
    assert text == "--- Your user modes changed: +i (only people in your rooms find you in lists)"
    (mode,) = talk.heard(":bob!u@h MODE #lobby +m")
    assert isinstance(mode, e.ModeChanged)
    assert not mode.own


def test_statusmsg_names_its_audience() -> None:
    talk = in_lobby()
    talk.heard(":s 005 ann STATUSMSG=@+ :are supported")
    (said,) = talk.heard(":bob!u@h PRIVMSG @#lobby :psst")
    assert isinstance(said, e.RoomMessage)
    assert said.audience == "@"
    assert said.room == "#lobby"
    assert words(said, SentenceContext("ann", several=False)) == [("said", "[bob -> operators]: psst")]
    (said,) = talk.heard(":bob!u@h PRIVMSG #lobby :all")
    assert isinstance(said, e.RoomMessage)
    assert said.audience is None


def test_histserv_lines_of_ergo_are_not_messages() -> None:
    talk = in_lobby()
    assert talk.heard(":HistServ!HistServ@localhost PRIVMSG #lobby :bob joined the channel") == []
    assert talk.heard(":HistServ!HistServ@localhost PRIVMSG ann :help") != []


def test_taken_name_on_a_server_that_ignores_cap_is_reported_at_once() -> None:
    talk = Talk()
    talk.state.connected()
    talk.heard(":s 433 * ann :Nickname is already in use")
    assert isinstance(talk.state.name_problem, NameTakenError)
