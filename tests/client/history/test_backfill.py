"""The client without a thread: missed and unconfirmed messages (client/history/backfill, [safe-resend])."""

from __future__ import annotations

import pytest

from chatctl.client import events as e
from tests.client.talk import HISTORY, ISUPPORT, OURS, Talk

CAPS = HISTORY + OURS
JOIN = "@time=2026-11-22T10:00:00.000Z;msgid=j1 :ann!~chatctl@cloak JOIN #lobby"


def said(
    number: int, text: str = "", nick: str = "bob", batch: str = "", target: str = "#lobby", more: str = ""
) -> str:
    tags = f"time=2026-11-22T10:00:{number:02}.000Z;msgid=m{number}{f';batch={batch}' if batch else ''}{more}"
    return f"@{tags} :{nick}!u@h PRIVMSG {target} :{text or number}"


def page(*numbers: int, target: str = "#lobby", nick: str = "bob", to: str = "") -> list[str]:
    lines = (said(number, batch="b", nick=nick, target=to or target) for number in numbers)
    return [f":s BATCH +b chathistory {target}", *lines, ":s BATCH -b"]


def texts(events: list[e.Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, e.RoomMessage | e.PrivateMessage)]


def asked(talk: Talk) -> list[str]:
    """The questions to history that went out."""
    return [line for line in talk.sent() if line.startswith("CHATHISTORY")]


@pytest.fixture
def lobby() -> Talk:
    """Ann is in #lobby, saw its last message (m1), and has her first look behind her."""
    talk = Talk("#lobby")
    talk.enter(CAPS)
    talk.heard(JOIN)
    assert asked(talk) == ["CHATHISTORY LATEST #lobby * 20"]
    assert texts(talk.heard(*page(), said(1))) == ["1"]
    return talk


def enter(talk: Talk) -> None:
    """Get in again, up to the end of the welcome; no PING is answered."""
    talk.state.connected()
    talk.heard(f":s CAP * LS :{CAPS}", f":s CAP * ACK :{CAPS}", ":s 001 ann :Hi", ISUPPORT, ":s 422 ann :-")


def back(talk: Talk) -> Talk:
    """Disconnect and rejoin the room; there are no private messages."""
    talk.state.lost()
    enter(talk)
    [question] = asked(talk)
    assert question.startswith("CHATHISTORY TARGETS timestamp=2026-11-22T09:59:5")
    assert question.endswith(" timestamp=9999-12-31T23:59:59.999Z 50")
    talk.heard(":s BATCH +t draft/chathistory-targets", ":s BATCH -t", JOIN.replace("j1", "j2"))
    return talk


def test_first_page_precedes_live_messages_and_is_marked_as_history() -> None:
    talk = Talk("#lobby")
    talk.enter(CAPS)
    assert texts(talk.heard(JOIN, said(3))) == []
    events = [event for event in talk.heard(*page(1, 2, 3)) if isinstance(event, e.RoomMessage)]
    assert [(event.text, event.history) for event in events] == [("1", True), ("2", True), ("3", False)]
    assert events[0].time.second == 1
    assert events[0].to_json()["history"] is True


def test_live_messages_beyond_the_first_page_stay_in_order() -> None:
    talk = Talk("#lobby")
    talk.enter(CAPS)
    assert texts(talk.heard(JOIN, *map(said, range(5, 9)), *page(7, 8))) == ["5", "6", "7", "8"]


def test_missed_messages_are_requested_by_page_and_shown_once(lobby: Talk) -> None:
    back(lobby)
    assert asked(lobby) == ["CHATHISTORY AFTER #lobby msgid=m1 50"]
    assert texts(lobby.heard(said(6))) == []
    assert texts(lobby.heard(*page(2, 3))) == ["2", "3"]
    assert asked(lobby) == ["CHATHISTORY AFTER #lobby msgid=m3 50"]
    assert texts(lobby.heard(said(7), *page(4, 5, 6))) == ["4", "5", "6", "7"]
    assert asked(lobby) == []
    assert texts(lobby.heard(said(7), said(8))) == ["8"]


def test_empty_page_ends_the_backfill(lobby: Talk) -> None:
    back(lobby)
    assert texts(lobby.heard(said(2), *page())) == ["2"]


@pytest.mark.parametrize("code", ["MESSAGE_ERROR", "INVALID_PARAMS", "INVALID_MSGREFTYPE"])
def test_unknown_message_id_is_replaced_by_its_time_once(lobby: Talk, code: str) -> None:
    back(lobby).sent()
    assert texts(lobby.heard(said(9))) == []
    assert lobby.heard(f"FAIL CHATHISTORY {code} AFTER #lobby :Messages could not be retrieved") == []
    assert asked(lobby) == ["CHATHISTORY AFTER #lobby timestamp=2026-11-22T10:00:00.999Z 50"]
    assert texts(lobby.heard(f"FAIL CHATHISTORY {code} AFTER #lobby :No")) == ["9"]


def test_request_without_an_answer_before_its_ping_is_dropped(lobby: Talk) -> None:
    back(lobby)
    [ping] = [line.split()[1] for line in lobby.sent() if line.startswith("PING")][-1:]
    assert texts(lobby.heard(said(9), f":s PONG s {ping}")) == ["9"]


def test_connection_loss_drops_incomplete_batch_and_keeps_held_messages(lobby: Talk) -> None:
    back(lobby)
    assert texts(lobby.heard(said(5), *page(2, 3)[:-1])) == []
    back(lobby)
    assert asked(lobby)[-1] == "CHATHISTORY AFTER #lobby msgid=m1 50"
    assert texts(lobby.heard(*page(2, 3, 4, 5, 6))) == ["2", "3", "4", "5", "6"]
    assert texts(lobby.heard(*page())) == []


def test_missed_private_messages_are_backfilled(lobby: Talk) -> None:
    lobby.state.lost()
    enter(lobby)
    lobby.sent()
    assert texts(lobby.heard(said(8, target="ann"))) == []
    at = "2026-11-22T10:00:0"
    listed = [
        f"@batch=t :s CHATHISTORY TARGETS {name} {at}{second}.000Z" for second, name in ((7, "#lobby"), (8, "bob"))
    ]
    lobby.heard(":s BATCH +t draft/chathistory-targets", *listed, ":s BATCH -t")
    assert asked(lobby) == ["CHATHISTORY AFTER bob timestamp=2026-11-22T09:59:51.000Z 50"]
    assert texts(lobby.heard(*page(6, 7, 8, target="bob", to="ann"))) == ["6", "7", "8"]


def test_join_after_leaving_requests_the_first_page(lobby: Talk) -> None:
    lobby.heard(":ann!~chatctl@cloak PART #lobby")
    lobby.heard(JOIN)
    assert asked(lobby) == ["CHATHISTORY LATEST #lobby * 20"]


def test_history_without_batch_capability_is_not_requested() -> None:
    talk = Talk("#lobby")
    talk.state.connected()
    talk.sent()
    talk.heard(":s CAP * LS :draft/chathistory message-tags server-time")
    assert talk.sent() == ["CAP REQ :server-time message-tags"]


# Unconfirmed messages.


def test_unconfirmed_message_is_resent_first_with_its_number(lobby: Talk) -> None:
    for text in ("echoed", "written", "unwritten"):
        lobby.state.say("message", "#lobby", text)
    lines = list(lobby.state.lines)
    assert [line.data.split()[0] for line in lines] == [f"@chatctl/ref=me.{n}".encode() for n in (1, 2, 3)]
    lobby.state.lines.clear()
    lobby.heard(said(2, "echoed", nick="ann"))
    lobby.state.lost(lines[2:])
    lobby.state.connected()
    assert not any(isinstance(event, e.Unconfirmed) for event in lobby.news())
    enter(lobby)
    lobby.state.lost()  # nothing was written this time, but unconfirmed messages stay unconfirmed
    enter(lobby)
    assert [line for line in lobby.sent(tags=True) if "PRIVMSG" in line] == [
        "@chatctl/ref=me.2;chatctl/resend PRIVMSG #lobby :written",
        "@chatctl/ref=me.5 PRIVMSG #lobby :unwritten",
    ]


def test_echo_of_resent_message_is_shown_once_in_its_place(lobby: Talk) -> None:
    lobby.state.say("message", "#lobby", "2")
    lobby.sent()
    back(lobby)
    assert texts(lobby.heard(said(2, nick="ann", more=";chatctl/ref=me.1"))) == []
    events = lobby.heard(said(4), *page(2, 3, nick="ann"), *page(4))
    assert texts(events) == ["2", "3", "4"]
    assert all(event.own for event in events[:2] if isinstance(event, e.RoomMessage))
    assert lobby.state.in_flight.out == 0


def test_refusal_of_resent_message_names_its_text(lobby: Talk) -> None:
    lobby.state.say("message", "#lobby", "hello")
    lobby.sent()
    back(lobby)
    [failed] = lobby.heard("FAIL PRIVMSG NOT_STORED :This was not sent: the disk is full")
    assert isinstance(failed, e.Failed)
    assert (failed.code, failed.said) == ("NOT_STORED", "hello")
    assert lobby.state.in_flight.out == 0


def test_unconfirmed_messages_are_reported_at_the_end(lobby: Talk) -> None:
    lobby.state.say("message", "#lobby", "hello")
    lobby.state.lines.clear()
    lobby.state.lost()
    lobby.state.over()
    assert [event.messages for event in lobby.news() if isinstance(event, e.Unconfirmed)] == [
        (e.Outgoing("#lobby", "hello"),)
    ]


def moved(number: int, line: str) -> str:
    return f"@time=2026-11-22T10:00:{number:02}.000Z;msgid=e{number};batch=b {line}"


def test_missed_joins_and_parts_are_reported_once_in_their_place() -> None:
    talk = Talk("#lobby", attentive=True)
    caps = f"{CAPS} draft/event-playback"
    talk.enter(caps)
    talk.heard(JOIN, *page(), said(1))
    talk.heard("@time=2026-11-22T10:00:02.000Z;msgid=e2 :carl!u@h JOIN #lobby")  # seen as it happened
    talk.state.lost()
    talk.state.connected()
    talk.heard(f":s CAP * LS :{caps}", f":s CAP * ACK :{caps}", ":s 001 ann :Hi", ISUPPORT, ":s 422 ann :-")
    talk.heard(
        ":s BATCH +t draft/chathistory-targets", ":s BATCH -t", JOIN.replace("j1", "j2").replace(":00.0", ":30.0")
    )
    assert asked(talk)[-1] == "CHATHISTORY AFTER #lobby msgid=m1 50"
    told = talk.heard(
        ":s BATCH +b chathistory #lobby",
        moved(2, ":carl!u@h JOIN #lobby"),
        moved(3, ":dora!u@h JOIN #lobby"),
        moved(4, ":eve!u@h PART #lobby :tea"),
        said(5, batch="b"),
        moved(6, ":dora!u@h QUIT :gone"),
        ":s BATCH -b",
    )
    assert [type(event).__name__ for event in told if isinstance(event, e.Missed | e.RoomMessage)] == [
        "Missed",
        "RoomMessage",
        "Missed",
    ]
    runs = [[past.to_json() for past in event.events] for event in told if isinstance(event, e.Missed)]
    assert [[(past["type"], past["name"]) for past in run] for run in runs] == [
        [("joined", "dora"), ("left", "eve")],
        [("left", "dora")],
    ]
    # A page that ends with a departure, or has nothing else, is not the last one.
    assert asked(talk)[-1] == "CHATHISTORY AFTER #lobby msgid=e6 50"
    talk.heard(":s BATCH +b chathistory #lobby", moved(31, ":bob!u@h JOIN #lobby"), ":s BATCH -b")
    assert asked(talk)[-1] == "CHATHISTORY AFTER #lobby msgid=e31 50"
    told = talk.heard(":s BATCH +b chathistory #lobby", ":s BATCH -b")
    assert not [event for event in told if isinstance(event, e.Missed)], "messages after our JOIN were shown"
