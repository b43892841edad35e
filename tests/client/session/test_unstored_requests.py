"""A full disk on the server: what the client sends by itself is repeated until it can be stored."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from chatctl.client import events as e
from chatctl.client.events.sentences import SentenceContext, words
from chatctl.client.timing import RetryTimer, Timing
from tests.client.clients import client, heard
from tests.client.peer import Peer
from tests.client.peer import Talk as PeerTalk
from tests.client.talk import OURS, Talk, in_lobby
from tests.wire import DEADLINE

REFUSED = ":s FAIL JOIN NOT_STORED #tea :This was not done: the disk is full"
JOINED = ":ann!~chatctl@cloak JOIN #tea"
TOLD = "The server cannot store anything at the moment, so #tea could not be joined; trying again"


def refused() -> Talk:
    """Ann is not in #tea, because the server could not store that; she was told."""
    talk = Talk("#tea", attentive=True)
    talk.enter(f"{OURS} draft/read-marker")
    talk.heard(REFUSED)
    return talk


def repeat(talk: Talk) -> list[str]:
    """Run one round of retries. Return the lines sent, and answer its PING."""
    assert talk.state.unstored.pending
    talk.sent()
    talk.state.unstored.repeat(talk.state)
    *lines, ping = talk.sent()
    assert ping.startswith("PING")
    return [*lines, ping.replace("PING", ":s PONG s")]


@pytest.mark.parametrize("line", [REFUSED, REFUSED.replace("#tea ", ""), REFUSED.replace("#tea", "*")])
def test_unstored_join_is_reported_once_and_repeated_until_joined(line: str) -> None:
    talk = Talk("#tea")
    talk.enter()
    [failed] = talk.heard(line)
    assert isinstance(failed, e.Failed)
    assert (failed.text, failed.code, failed.command, failed.about) == (TOLD, "NOT_STORED", "JOIN", "#tea")
    assert words(failed, SentenceContext("ann", several=True)) == [("trouble", f"!!! {TOLD}")]
    for _ in range(3):
        join, pong = repeat(talk)
        assert join == "JOIN #tea"
        assert talk.heard(line, pong) == []
    join, pong = repeat(talk)
    assert [type(event) for event in talk.heard(JOINED, pong)] == [e.Joined]
    assert not talk.state.unstored.pending
    assert not talk.state.unstored.unsettled


def test_unstored_join_after_a_reconnect_is_reported_and_repeated() -> None:
    talk = refused()
    for _ in range(2):
        talk.state.lost()
        talk.enter()
        assert [type(event) for event in talk.heard(REFUSED)] == [e.Failed]
        assert repeat(talk)[0] == "JOIN #tea"


def test_repeated_join_has_the_key_of_the_room() -> None:
    talk = in_lobby()
    talk.state.join("#tea", "sesam")
    talk.heard(REFUSED)
    assert repeat(talk)[0] == "JOIN #tea sesam"


def test_several_rooms_refused_are_all_repeated() -> None:
    talk = Talk("#tea", "#cake", "#pie")
    talk.enter()
    talk.heard(REFUSED, ":ann!~chatctl@cloak JOIN #cake", ":s FAIL JOIN NOT_STORED #pie :This was not done: no")
    assert repeat(talk)[:-1] == ["JOIN #tea", "JOIN #pie"]


def test_join_typed_again_is_reported_again() -> None:
    talk = refused()
    talk.state.join("#tea")
    assert [type(event) for event in talk.heard(REFUSED)] == [e.Failed]
    assert talk.heard(REFUSED) == []


def test_room_left_while_its_join_is_unstored_is_not_joined_again() -> None:
    talk = refused()
    talk.state.say("message", "#tea", "hello", ticket=7)
    talk.state.part("#tea")
    failed, left = talk.news()
    assert isinstance(failed, e.Failed)
    assert (failed.text, failed.said, failed.ticket) == ("Not sent, because #tea was not joined", "hello", 7)
    assert isinstance(left, e.Parted)
    assert (left.rooms, left.how, left.own) == (("#tea",), "part", True)
    assert talk.sent() == []
    assert not talk.state.unstored.pending


def test_room_left_while_its_join_is_pending_is_not_joined_again() -> None:
    talk = refused()
    _, pong = repeat(talk)
    talk.state.part("#tea")
    assert talk.sent() == []  # the server would refuse it, since we are not in the room
    assert [type(event) for event in talk.heard(REFUSED, pong)] == [e.Parted]
    assert not talk.state.unstored.pending


def test_room_left_while_its_join_is_pending_is_parted_if_it_succeeds() -> None:
    talk = refused()
    _, pong = repeat(talk)
    talk.state.part("#tea")
    talk.heard(":ann!u@h JOIN #tea", pong)
    assert talk.sent() == ["PART :#tea"]
    assert "#tea" not in talk.state.wanted
    assert [type(event) for event in talk.heard(":ann!u@h PART #tea")] == [e.Parted]


def test_room_joined_again_after_it_was_left_stays_joined() -> None:
    talk = refused()
    _, pong = repeat(talk)
    talk.state.part("#tea")
    talk.state.join("#tea")
    talk.heard(":ann!u@h JOIN #tea", pong)
    assert not any("PART" in line for line in talk.sent())
    assert "#tea" in talk.state.wanted


@pytest.mark.parametrize(
    "line", [":s 473 ann #tea :Cannot join channel (+i)", ":s FAIL JOIN BANNED #tea :You are banned"]
)
def test_refusal_for_another_reason_ends_the_repetition(line: str) -> None:
    talk = refused()
    talk.state.say("message", "#tea", "hello", ticket=7)
    repeat(talk)
    assert [event.ticket for event in talk.heard(line) if isinstance(event, e.Failed)] == [7, None]
    assert not talk.state.unstored.unsettled


def test_join_without_any_answer_is_repeated() -> None:
    talk = refused()
    talk.heard(repeat(talk)[-1])
    assert repeat(talk)[0] == "JOIN #tea"


# Lines typed meanwhile.


def test_messages_to_a_refused_room_are_sent_in_order_when_it_is_joined() -> None:
    talk = refused()
    for text in ("one", "two"):
        talk.state.say("message", "#Tea", text)
    talk.state.say("message", "bob", "hi")
    assert talk.sent() == ["PRIVMSG bob :hi"]
    assert not talk.state.send_held()
    assert [message.text for message in talk.state.unsent()] == ["one", "two"]
    talk.heard(JOINED)
    talk.sent()
    talk.state.say("message", "#tea", "three")
    while talk.state.send_held():
        pass
    assert talk.sent() == ["PRIVMSG #tea :one", "PRIVMSG #tea :two", "PRIVMSG #tea :three"]


def test_messages_to_a_refused_room_survive_a_reconnect() -> None:
    talk = refused()
    talk.state.say("message", "#tea", "one")
    for _ in range(2):
        talk.state.lost()
        assert [message.text for message in talk.state.unsent()] == ["one"]
        talk.state.connected()
    talk.state.receive(":s 001 ann :Hi")
    talk.heard(REFUSED, ":s 422 ann :-")
    assert [message.text for message in talk.state.unsent()] == ["one"]
    talk.heard(JOINED)
    talk.sent()
    assert talk.state.send_held()
    assert talk.sent() == ["PRIVMSG #tea :one"]


def test_messages_to_a_refused_room_are_bounded_and_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.client.session.unstored_requests.MAX_HELD_MESSAGES", 2)
    talk = refused()
    for number in range(3):
        talk.state.say("message", "#tea", str(number), ticket=number)
    [failed] = talk.news()
    assert isinstance(failed, e.Failed)
    assert (failed.said, failed.ticket) == ("2", 2)


# Read markers.


def test_unstored_read_marker_is_repeated_silently() -> None:
    talk = refused()
    talk.heard(JOINED)
    mark = ("#tea", "timestamp=2026-11-22T15:41:13.123Z")
    talk.state.send_mark(mark)
    assert talk.heard(":s FAIL MARKREAD NOT_STORED #tea :This was not done: the disk is full") == []
    assert repeat(talk)[:-1] == [f"MARKREAD {' '.join(mark)}"]
    talk.heard(f":s MARKREAD {' '.join(mark)}")
    assert not talk.state.unstored.pending


def test_unstored_read_marker_is_replaced_by_a_later_one() -> None:
    talk = refused()
    talk.heard(JOINED)
    refusal = ":s FAIL MARKREAD NOT_STORED #tea :This was not done: the disk is full"
    for second in (1, 2):
        talk.state.send_mark(("#tea", f"timestamp=2026-11-22T15:41:0{second}.000Z"))
        talk.heard(refusal)
    assert repeat(talk)[:-1] == ["MARKREAD #tea timestamp=2026-11-22T15:41:02.000Z"]


def test_read_marker_refused_or_lost_is_repeated_on_the_next_connection() -> None:
    talk = refused()
    talk.heard(JOINED)
    talk.state.send_mark(("#tea", "timestamp=2026-11-22T15:41:01.000Z"))
    talk.state.lost()
    talk.enter(f"{OURS} draft/read-marker")
    assert repeat(talk)[:-1] == ["MARKREAD #tea timestamp=2026-11-22T15:41:01.000Z"]


def test_refusal_of_a_users_command_is_reported() -> None:
    talk = refused()
    for command in ("MARKREAD", "TOPIC", "PART"):
        [failed] = talk.heard(f":s FAIL {command} NOT_STORED :This was not done: the disk is full")
        assert isinstance(failed, e.Failed)
    [failed] = talk.heard(":s FAIL JOIN NOT_STORED #a,#b :This was not done: the disk is full")
    assert isinstance(failed, e.Failed)


# When.


def test_pauses_between_rounds_double_and_are_bounded() -> None:
    talk = refused()
    repeats = RetryTimer(Timing(first_pause=1.0, longest_pause=5.0))
    pauses: list[float] = []
    now = 100.0
    for _ in range(5):
        at = repeats.at(talk.state.unstored, now, 1.0)
        assert repeats.at(talk.state.unstored, now + 0.5, 1.2) == at
        pauses.append(at - now)
        now = at
        repeats.began()
        pong = repeat(talk)[-1]
        assert repeats.at(talk.state.unstored, now, 1.0) == float("inf")
        talk.heard(REFUSED, pong)
    assert pauses == [1.0, 2.0, 4.0, 5.0, 5.0]
    talk.heard(JOINED)
    assert repeats.at(talk.state.unstored, now, 1.0) == float("inf")
    talk.state.join("#tea")
    talk.heard(REFUSED)
    assert repeats.at(talk.state.unstored, now, 1.0) == now + 1.0


def test_client_joins_and_sends_when_the_server_can_store_again() -> None:
    def script(talk: PeerTalk) -> None:
        talk.until("USER")
        talk.send(":s 421 * CAP :Unknown command", ":s 001 ann :Hi", ":s 422 ann :-")
        talk.until("JOIN #tea")
        talk.send(REFUSED).pong()
        for _ in range(3):
            talk.until("JOIN #tea")
            talk.send(REFUSED).pong()
        talk.until("JOIN #tea")
        talk.send(JOINED).pong()
        talk.until("PRIVMSG #tea")
        talk.rest()

    with Peer(script) as peer, client(peer.port, rooms=["#tea"]) as ann:
        [failed] = heard(ann, e.Failed)
        assert isinstance(failed, e.Failed)
        assert failed.text == TOLD
        ann.say("#tea", "hello")
        assert ann.flush(DEADLINE)
        assert ann.waiting == 0
        assert ann.rooms == ("#tea",)
        [said] = heard(ann, e.RoomMessage)
        assert isinstance(said, e.RoomMessage)
        assert said.text == "hello"


def test_stop_reports_the_messages_that_waited_for_the_room() -> None:
    def script(talk: PeerTalk) -> None:
        talk.until("USER")
        talk.send(":s 421 * CAP :Unknown command", ":s 001 ann :Hi", ":s 422 ann :-")
        talk.until("JOIN #tea")
        talk.send(REFUSED).pong()
        talk.rest()

    slow = Timing(enter=DEADLINE, first_pause=DEADLINE)
    with Peer(script) as peer:
        ann = client(peer.port, rooms=["#tea"], timing=slow).start()
        heard(ann, e.Failed)
        ann.say("#tea", "hello")
        assert not ann.flush(enough=lambda: ann.waiting == 1)
        ann.stop()
        [unsent] = heard(ann, e.Unsent)
        assert isinstance(unsent, e.Unsent)
        assert [message.text for message in unsent.messages] == ["hello"]


def test_mark_read_of_the_library_is_repeated_too() -> None:
    until = datetime(2026, 11, 22, 15, 41, 13, tzinfo=UTC)
    repeated = threading.Event()

    def script(talk: PeerTalk) -> None:
        talk.until("CAP LS")
        talk.send(":s CAP * LS :draft/read-marker")
        talk.until("CAP REQ")
        talk.send(":s CAP * ACK :draft/read-marker")
        talk.until("CAP END")
        talk.send(":s 001 ann :Hi", ":s 422 ann :-").pong()
        first = talk.until("MARKREAD")
        talk.send(":s FAIL MARKREAD NOT_STORED #tea :This was not done: the disk is full")
        assert talk.until("MARKREAD") == first
        repeated.set()
        talk.rest()

    with Peer(script) as peer, client(peer.port, rooms=[], attentive=True) as ann:
        ann.mark_read("#tea", until)
        assert repeated.wait(DEADLINE)
