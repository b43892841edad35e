"""Messages of servers that give no ids, or the same id twice, are told once (chatctl/client/session/deduplication)."""

from __future__ import annotations

import pytest

from chatctl.client import events as e
from tests.client.talk import HISTORY, OURS, Talk

CAPS = HISTORY + OURS.replace("chatctl/resume ", "")
ISUPPORT = ":s 005 ann CHANTYPES=# PREFIX=(ov)@+ MSGREFTYPES=timestamp CHATHISTORY=50 :are supported"


def said(at: str, text: str, nick: str = "bob", target: str = "#lobby", batch: bool = False, id: str = "") -> str:
    tags = f"time=2026-11-22T10:00:{at}Z{';batch=b' if batch else ''}{f';msgid={id}' if id else ''}"
    return f"@{tags} :{nick}!u@h PRIVMSG {target} :{text}"


def page(*lines: tuple[str, str], target: str = "#lobby") -> list[str]:
    return [f":s BATCH +b chathistory {target}", *(said(*line, batch=True) for line in lines), ":s BATCH -b"]


def texts(events: list[e.Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, e.RoomMessage | e.PrivateMessage)]


def asked(talk: Talk) -> list[str]:
    return [line for line in talk.sent() if line.startswith("CHATHISTORY")]


def enter(talk: Talk, caps: str = CAPS, join: str = ":ann!u@h JOIN #lobby") -> None:
    """Get in, on the first connection or a later one."""
    talk.state.lost()
    talk.state.connected()
    talk.heard(f":s CAP * LS :{caps}", f":s CAP * ACK :{caps}", ":s 001 ann :Hi", ISUPPORT, ":s 422 ann :-")
    for line in talk.sent():
        if line.startswith("PING"):
            talk.heard(f":s PONG s {line.split()[1]}")
    talk.sent()
    talk.heard(":s BATCH +t draft/chathistory-targets", ":s BATCH -t", join)


def catch_up(talk: Talk, *history: tuple[str, str]) -> list[str]:
    """Answer a bouncer's history requests until there are none; return the events."""
    told: list[str] = []
    for _ in range(10):
        questions = asked(talk)
        if not questions:
            return told
        [question] = questions
        words = question.split()
        mark = words[3].removeprefix("timestamp=2026-11-22T10:00:")
        found = [line for line in history if words[1] == "LATEST" or line[0] + "Z" > mark or "T09:" in words[3]]
        told += texts(talk.heard(*page(*found)))
    raise AssertionError("it asks without an end")


@pytest.mark.parametrize("joins", [":ann!u@h JOIN #lobby", "@time=2026-11-22T10:00:00.000Z :ann!u@h JOIN #lobby"])
def test_missed_messages_without_ids_are_shown_once(joins: str) -> None:
    talk = Talk("#lobby")
    enter(talk, join=joins)
    history = [("01.100", "one"), ("02.200", "two")]
    assert catch_up(talk, *history) == ["one", "two"]
    assert texts(talk.heard(said("03.300", "three"))) == ["three"]
    history += [("03.300", "three"), ("04.400", "four"), ("05.500", "five")]
    for missed in (["four", "five"], []):
        enter(talk, join=joins)
        assert texts(talk.heard(said("05.500", "five"))) == []
        assert catch_up(talk, *history) == missed
    assert texts(talk.heard(said("06.600", "six"))) == ["six"]


def test_page_after_a_join_without_a_time_is_shown_once() -> None:
    talk = Talk("#lobby")
    for told in (["one", "two"], [], []):
        enter(talk)
        assert catch_up(talk, ("01.100", "one"), ("02.200", "two")) == told


def test_times_rounded_down_to_seconds_count_as_equal() -> None:
    talk = Talk("#lobby")
    enter(talk)
    catch_up(talk)
    assert texts(talk.heard(said("03.300", "ha"), said("03.400", "well"))) == ["ha", "well"]
    enter(talk)
    history = (("03.000", "ha"), ("03.000", "well"), ("03.000", "missed"), ("03.000", "ha"), ("04.000", "late"))
    assert texts(talk.heard(said("04.700", "late"))) == []
    assert catch_up(talk, *history) == ["missed", "ha", "late"]


def test_equal_messages_are_all_shown() -> None:
    talk = Talk("#lobby")
    enter(talk)
    catch_up(talk)
    assert texts(talk.heard(said("03.300", "ha"), said("03.300", "ha"))) == ["ha", "ha"]
    enter(talk)
    assert catch_up(talk, *[("03.300", "ha")] * 3, ("03.301", "ha")) == ["ha", "ha"]
    assert texts(talk.heard(said("03.300", "ha", nick="eve"), said("03.300", "hi"))) == ["ha", "hi"]


def test_unrequested_playback_of_a_bouncer_is_shown_once() -> None:
    """ZNC without CHATHISTORY: its buffer comes as live lines with times, at every attach."""
    talk = Talk("#lobby")
    for told in (["one", "two"], []):
        enter(talk, "server-time message-tags batch echo-message")
        assert texts(talk.heard(said("01.100", "one"), said("02.200", "two"))) == told
    assert texts(talk.heard(said("03.300", "three"))) == ["three"]


def test_message_id_reused_in_another_conversation_drops_nothing() -> None:
    talk = Talk("#lobby", "#tea")
    enter(talk, "server-time message-tags batch echo-message")
    talk.heard(":ann!u@h JOIN #tea")
    lines = [
        said("01.100", "a", id="1"),
        said("02.100", "b", target="#tea", id="1"),
        said("03.100", "c", target="ann", id="1"),
        said("04.100", "d", nick="eve", target="ann", id="1"),
        said("05.100", "a again", id="1"),
    ]
    assert texts(talk.heard(*lines)) == ["a", "b", "c", "d"]
