"""Messages of several lines, in and out (chatctl/client/session/batches, saying)."""

from __future__ import annotations

import pytest

from chatctl.client import events as e
from tests.client.talk import HISTORY, OURS, Talk

MULTILINE = f"{HISTORY}{OURS} draft/multiline=max-bytes=4096,max-lines=5"


@pytest.fixture
def lobby() -> Talk:
    talk = Talk("#lobby")
    talk.enter(MULTILINE)
    talk.heard(":ann!~chatctl@cloak JOIN #lobby", ":s BATCH +h chathistory #lobby", ":s BATCH -h")
    talk.sent()
    return talk


def batch(*lines: str, tags: str = "msgid=m1", inside: str = "", reference: str = "x") -> list[str]:
    outer = f";batch={inside}" if inside else ""
    return [
        f"@{tags}{outer} :bob!u@h BATCH +{reference} draft/multiline #lobby",
        *(f"@batch={reference} :bob!u@h PRIVMSG #lobby :{line}" for line in lines),
        f":s BATCH -{reference}",
    ]


def test_multiline_batch_is_one_message(lobby: Talk) -> None:
    [said] = lobby.heard(*batch("one", "", "three"))
    assert isinstance(said, e.RoomMessage)
    assert (said.text, said.id, said.name) == ("one\n\nthree", "m1", "bob")


def test_multiline_batch_is_shown_only_when_complete(lobby: Talk) -> None:
    assert lobby.heard(*batch("one", "two")[:-1]) == []


def test_concatenated_line_has_no_line_feed_before_it(lobby: Talk) -> None:
    lines = batch("how is ", "everyone?")
    lines[2] = lines[2].replace("@batch=x", "@batch=x;draft/multiline-concat")
    [said] = lobby.heard(*lines)
    assert isinstance(said, e.RoomMessage)
    assert said.text == "how is everyone?"


def test_multiline_batch_inside_a_history_page_is_one_message(lobby: Talk) -> None:
    number = 7
    lobby.state.backfill.request(
        lobby.state.backfill.past.page(number, "BEFORE", "#lobby", "m9", lobby.state.now(), 50)
    )
    assert "CHATHISTORY BEFORE #lobby msgid=m9 50" in lobby.sent()
    [page] = lobby.heard(":s BATCH +h chathistory #lobby", *batch("one", "two", inside="h"), ":s BATCH -h")
    assert isinstance(page, e.HistoryReceived)
    assert [event.text for event in page.events if isinstance(event, e.RoomMessage)] == ["one\ntwo"]
    assert (page.number, page.ends) == (7, False)


def test_empty_or_endless_batch_is_bounded(lobby: Talk) -> None:
    odd = (":s BATCH +x draft/multiline #lobby", ":s BATCH -x", ":s BATCH -y", ":s BATCH", ":s BATCH +")
    assert lobby.heard(*odd) == []
    lobby.heard(*(f":s BATCH +{number} draft/multiline #lobby" for number in range(1000)))
    [said] = lobby.heard(":bob!u@h PRIVMSG #lobby :still here")
    assert isinstance(said, e.RoomMessage)


def test_multiline_message_is_sent_as_one_batch_and_echoed_once(lobby: Talk) -> None:
    lobby.state.say("message", "#lobby", "one\n\nthree", ticket=5)
    lines = lobby.sent(tags=True)
    assert lines == [
        "@chatctl/ref=me.1 BATCH +c1 draft/multiline #lobby",
        "@batch=c1 PRIVMSG #lobby :one",
        "@batch=c1 PRIVMSG #lobby :",
        "@batch=c1 PRIVMSG #lobby :three",
        "BATCH -c1",
    ]
    assert lobby.state.in_flight.out == 1
    [said] = lobby.heard(*(line.replace("bob!", "ann!") for line in batch("one", "", "three")))
    assert isinstance(said, e.RoomMessage)
    assert (said.ticket, said.own, lobby.state.in_flight.out) == (5, True, 0)


def test_long_line_of_a_multiline_message_is_split_and_marked_for_concatenation(lobby: Talk) -> None:
    words = "word " * 200
    lobby.state.say("message", "#lobby", f"first\n{words.strip()}")
    texts = [line.partition(" :")[2] for line in lobby.sent(tags=True) if " PRIVMSG " in line]
    assert texts[0] == "first"
    assert "".join(texts[1:]) == words.strip()


def test_multiline_message_over_the_servers_limit_is_several_messages(lobby: Talk) -> None:
    lobby.state.say("message", "#lobby", "\n".join("abcdefg"))
    lines = lobby.sent()
    assert [line for line in lines if line.startswith("BATCH +")] == [
        "BATCH +c1 draft/multiline #lobby", "BATCH +c2 draft/multiline #lobby"
    ]  # fmt: skip


def test_lines_without_multiline_support_are_separate_messages() -> None:
    talk = Talk("#lobby")
    talk.enter()
    talk.sent()
    talk.state.say("message", "#lobby", "one\n\nthree")
    assert [line for line in talk.sent() if "PRIVMSG" in line] == ["PRIVMSG #lobby :one", "PRIVMSG #lobby :three"]


def test_refused_batch_names_its_message(lobby: Talk) -> None:
    lobby.state.say("message", "#lobby", "one\ntwo", ticket=9)
    [failed] = lobby.heard(":s FAIL BATCH MULTILINE_MAX_LINES 1 :Too many lines")
    assert isinstance(failed, e.Failed)
    assert failed.ticket == 9
