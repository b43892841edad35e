"""Away states, typing, reactions, deletions, read markers, WHOIS (chatctl/client/session/presence, tag_handlers)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chatctl.client import events as e
from chatctl.client.session import tag_handlers
from tests.client.talk import HISTORY, NOW, OURS, Talk

CAPS = f"{HISTORY}{OURS} away-notify draft/read-marker draft/message-redaction extended-join soju.im/search"


@pytest.fixture
def lobby() -> Talk:
    talk = Talk("#lobby", attentive=True)
    talk.enter(CAPS)
    talk.heard(":s 005 ann MONITOR=100 :are supported", ":ann!~c@h JOIN #lobby * :Ann")
    talk.heard(":s BATCH +h chathistory #lobby", ":s BATCH -h")
    talk.sent()
    talk.heard(":s 353 ann = #lobby :@bob ann carol", ":s 366 ann #lobby :End")
    return talk


def test_away_members_are_queried_once_and_silently(lobby: Talk) -> None:
    assert "WHO #lobby" in lobby.sent()
    told = lobby.heard(
        ":s 352 ann #lobby u h s bob H@ :0 Bob", ":s 352 ann #lobby u h s carol G :0 C", ":s 315 ann #lobby :End"
    )
    assert [event.type for event in told] == ["presence"]
    assert lobby.state.presence.away == {"carol"}


def test_away_and_return_are_reported_once_each(lobby: Talk) -> None:
    told = lobby.heard(":bob!u@h AWAY :tea", ":bob!u@h AWAY :tea", ":bob!u@h AWAY")
    assert [(event.name, event.away) for event in told if isinstance(event, e.PresenceChanged)] == [
        ("bob", True), ("bob", False)
    ]  # fmt: skip


def test_nick_change_keeps_the_known_presence(lobby: Talk) -> None:
    lobby.heard(":bob!u@h AWAY :tea", ":bob!u@h NICK robert")
    assert lobby.state.presence.away == {"robert"}


def test_watched_user_is_reported_and_watched_again_after_reconnect(lobby: Talk) -> None:
    from chatctl.client.session import presence

    presence.watch(lobby.state, "dave")
    assert "MONITOR + dave" in lobby.sent()
    [there, gone] = lobby.heard(":s 730 ann :dave!u@h", ":s 731 ann :dave")
    assert isinstance(there, e.PresenceChanged)
    assert isinstance(gone, e.PresenceChanged)
    assert (there.name, there.online, gone.online) == ("dave", True, False)


@pytest.mark.parametrize("target", ["#lobby", "ann"])
def test_typing_of_others_is_an_event_and_own_is_sent(lobby: Talk, target: str) -> None:
    [typing] = lobby.heard(f"@+typing=active :bob!u@h TAGMSG {target}")
    assert isinstance(typing, e.Typing)
    assert (typing.target, typing.name, typing.state) == ("#lobby" if target == "#lobby" else "bob", "bob", "active")


@pytest.mark.parametrize(
    "line", ["@+typing=dancing :bob!u@h TAGMSG #lobby", ":bob!u@h TAGMSG", "@+draft/react=x :b TAGMSG #l"]
)
def test_invalid_tags_are_ignored(lobby: Talk, line: str) -> None:
    assert lobby.heard(line) == []


def test_reaction_and_its_removal_are_events(lobby: Talk) -> None:
    [one, two] = lobby.heard(
        "@+draft/react=👍;+draft/reply=m1 :bob!u@h TAGMSG #lobby", "@+draft/unreact=👍;+reply=m1 :bob!u@h TAGMSG #lobby"
    )
    assert isinstance(one, e.Reacted)
    assert isinstance(two, e.Reacted)
    assert (one.id, one.reaction, one.removed, two.removed) == ("m1", "👍", False, True)


def test_deletion_is_sent_and_reported(lobby: Talk) -> None:
    [gone] = lobby.heard(":bob!u@h REDACT #lobby m1 :oops")
    assert isinstance(gone, e.Deleted)
    assert (gone.target, gone.id, gone.name, gone.reason) == ("#lobby", "m1", "bob", "oops")


def test_read_marker_is_sent_and_reported(lobby: Talk) -> None:
    [mark, none] = lobby.heard(":s MARKREAD #lobby timestamp=2026-11-22T15:00:00.000Z", ":s MARKREAD bob *")
    assert isinstance(mark, e.ReadUntil)
    assert isinstance(none, e.ReadUntil)
    assert (mark.until, none.until) == (datetime(2026, 11, 22, 15, tzinfo=UTC), None)
    assert lobby.heard(":s MARKREAD #lobby timestamp=yesterday") == []


def test_whois_is_one_event(lobby: Talk) -> None:
    [whois] = lobby.heard(
        ":s 311 ann bob user host * :Bob B",
        ":s 319 ann bob :#lobby @#tea +#dev &local",
        ":s 301 ann bob :tea",
        ":s 317 ann bob 7300 1 :idle",
        ":s 318 ann bob :End",
    )
    assert isinstance(whois, e.Whois)
    rooms = "in #lobby, #tea (operator), #dev, &local"
    assert whois.lines == ("bob (Bob B)", rooms, "away: tea", "silent for 2 hours", "address: user@host")


def test_reply_names_the_message_it_answers(lobby: Talk) -> None:
    lobby.state.say("message", "#lobby", "yes", reply="m1")
    assert any("+reply=m1" in line for line in lobby.sent(tags=True))
    [said] = lobby.heard("@+reply=m1 :bob!u@h PRIVMSG #lobby :yes")
    assert isinstance(said, e.RoomMessage)
    assert said.reply == "m1"


def test_search_result_is_one_page(lobby: Talk) -> None:
    past = lobby.state.backfill.past
    lobby.state.backfill.request(past.search(3, "green tea", "", "bob", 50))
    [line] = [line for line in lobby.sent() if line.startswith("SEARCH")]
    assert line == r"SEARCH from=bob;text=green\stea;limit=50"
    [page] = lobby.heard(
        ":s BATCH +q soju.im/search", "@batch=q;msgid=m1 :bob!u@h PRIVMSG #lobby :green tea", ":s BATCH -q"
    )
    assert isinstance(page, e.HistoryReceived)
    assert (page.number, len(page.events)) == (3, 1)


def test_refused_history_request_is_answered(lobby: Talk) -> None:
    lobby.state.backfill.request(lobby.state.backfill.past.page(4, "AROUND", "#lobby", "m1", NOW, 50))
    [page] = lobby.heard(":s FAIL CHATHISTORY MESSAGE_ERROR AROUND #lobby :No")
    assert isinstance(page, e.HistoryReceived)
    assert (page.number, page.failed) == (4, True)


def test_history_request_is_answered_when_the_connection_is_lost(lobby: Talk) -> None:
    lobby.state.backfill.request(lobby.state.backfill.past.page(5, "BEFORE", "#lobby", None, NOW, 50))
    lobby.state.lost()
    assert [event.number for event in lobby.news() if isinstance(event, e.HistoryReceived) and event.failed] == [5]


def test_history_page_includes_joins_and_parts() -> None:
    talk = Talk("#lobby", attentive=True)
    talk.enter(f"{CAPS} draft/event-playback")
    talk.heard(":ann!~c@h JOIN #lobby", ":s BATCH +h chathistory #lobby", ":s BATCH -h")
    talk.state.backfill.request(talk.state.backfill.past.page(1, "BEFORE", "#lobby", "m5", NOW, 50))
    [page] = talk.heard(
        ":s BATCH +h chathistory #lobby", "@batch=h :bob!u@h JOIN #lobby", "@batch=h :bob!u@h QUIT :tea", ":s BATCH -h"
    )
    assert isinstance(page, e.HistoryReceived)
    assert [event.type for event in page.events] == ["joined", "left"]


def test_conversations_are_listed_with_their_times(lobby: Talk) -> None:
    lobby.state.backfill.request(lobby.state.backfill.past.conversations(7, datetime(2026, 10, 1, tzinfo=UTC)))
    assert any(line.startswith("CHATHISTORY TARGETS timestamp=2026-10-01T00:00:00.000Z ") for line in lobby.sent())
    [told] = lobby.heard(
        ":s BATCH +t draft/chathistory-targets",
        "@batch=t :s CHATHISTORY TARGETS #lobby 2026-11-22T15:00:00.000Z",
        "@batch=t :s CHATHISTORY TARGETS bob 2026-11-22T15:00:00.000Z",
        "@batch=t :s CHATHISTORY TARGETS eve nonsense",
        ":s BATCH -t",
    )
    assert isinstance(told, e.Conversations)
    assert told.people == (("bob", datetime(2026, 11, 22, 15, tzinfo=UTC)),)


def test_unsupported_request_fails_without_being_sent() -> None:
    talk = Talk("#lobby")
    talk.enter("batch")
    talk.sent()
    tag_handlers.send_reaction(talk.state, {"+draft/react": "👍"}, "#lobby")
    tag_handlers.delete_message(talk.state, ("#lobby", "m1"))
    assert [event.text for event in talk.news() if isinstance(event, e.Failed)] == [
        "This server does not support reactions",
        "This server does not support deleting messages",
    ]
    assert talk.sent() == []
