"""Events in, buffers and items out (chatctl/tui/model/view_model, hearing, pages, buffers)."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from time import monotonic

import pytest

from chatctl.client import events as e
from chatctl.client.errors import InputError
from chatctl.client.events.folding import fold_words
from chatctl.tui.model.buffers import TYPING_SECONDS
from chatctl.tui.widgets.message_list import MessageList
from tests.tui.view_models import NOW, World, page, plain_rows, said


def test_lines_before_the_first_room_move_into_it(world: World) -> None:
    assert world.buffer("#lobby").log.items[0].text.startswith("You are ann on net")


def test_own_message_is_pending_until_its_echo_replaces_it(world: World) -> None:
    world.model.say("mine", "message", "#lobby", 4, NOW.timestamp())
    world.handle(said("theirs"))
    assert world.texts() == ["theirs", "mine"]
    world.handle(said("mine", name="ann", own=True, ticket=4, id="m1"))
    assert [(item.text, item.ticket) for item in world.buffer("#lobby").log.items[1:]] == [("theirs", 0), ("mine", 0)]


def test_refusal_is_shown_at_its_message(world: World) -> None:
    world.model.say("mine", "message", "#lobby", 4, NOW.timestamp())
    world.handle(e.Failed(time=NOW, text="You may not speak", code="404", about="#lobby", ticket=4))
    assert world.buffer("#lobby").log.items[-1].problem == "You may not speak"


def test_unconfirmed_message_is_marked_after_a_connection_loss(world: World) -> None:
    world.model.say("mine", "message", "#lobby", 4, NOW.timestamp())
    world.handle(e.Unconfirmed(time=NOW, messages=(e.Outgoing("#lobby", "mine", "message", 4),)))
    assert "may not have arrived" in world.buffer("#lobby").log.items[-1].problem


def test_private_message_opens_a_conversation_and_notifies(world: World) -> None:
    world.handle(e.PrivateMessage(time=NOW, name="bob", to="ann", text="psst"))
    assert (world.buffer("bob").unread, world.buffer("bob").mentions, world.buffer("bob").is_room) == (1, 1, False)
    assert ("WATCH", "bob") in world.client.asked
    assert world.model.buffers.active() is world.buffer("bob")
    world.handle(e.NickChanged(time=NOW, old="bob", name="robert"))
    assert world.buffer("robert").log.items[0].text == "psst"


def test_notice_opens_no_conversation(world: World) -> None:
    world.handle(e.PrivateMessage(time=NOW, name="bot", to="ann", text="beep", kind="notice"))
    assert world.model.buffers.get("bot") is None
    assert world.texts() == ["beep"]


def test_joins_and_parts_are_folded(world: World) -> None:
    world.handle(
        e.Joined(time=NOW, room="#lobby", name="bob"),
        e.Joined(time=NOW, room="#lobby", name="eve"),
        e.Parted(time=NOW, name="bob", rooms=("#lobby",), how="quit", reason="Quit: tea"),
    )
    assert world.texts() == ["eve joined · bob joined and left (tea)"]


def test_kicked_user_can_still_read_the_room(world: World) -> None:
    world.handle(e.Parted(time=NOW, name="ann", rooms=("#lobby",), how="kick", reason="enough", by="bob", own=True))
    assert world.texts()[-1] == "bob removed you from #lobby (enough); /join #lobby enters it again"
    assert not world.buffer("#lobby").joined


def test_kick_reason_equal_to_the_kickers_name_is_omitted(world: World) -> None:
    """The default reason of servers: modern.ircdocs.horse, KICK message."""
    world.handle(
        e.Joined(time=NOW, room="#lobby", name="eve"),
        e.Parted(time=NOW, name="eve", rooms=("#lobby",), how="kick", reason="bob", by="bob"),
    )
    assert world.texts()[-1] == "bob removed eve"


def test_own_part_closes_the_room(world: World) -> None:
    world.handle(e.Parted(time=NOW, name="ann", rooms=("#lobby",), how="part", reason="", own=True))
    assert world.model.buffers.get("#lobby") is None
    assert world.model.here is world.buffer("#dev")


def test_typing_state_ends_with_the_message(world: World) -> None:
    world.handle(e.Typing(time=NOW, target="#lobby", name="bob", state="active"))
    assert world.model.here.typing() == ["bob"]
    world.handle(said("done"))
    assert world.model.here.typing() == []
    world.model.here.types("bob", "active", now=0.0)
    assert world.model.here.typing(now=5.9) == ["bob"]
    assert world.model.here.typing(now=6.1) == []


def test_reactions_and_deletions_change_the_message(world: World) -> None:
    world.handle(said("hi", id="m1"), e.Reacted(time=NOW, target="#lobby", id="m1", name="eve", reaction="👍"))
    item = world.buffer("#lobby").log.find("m1")
    assert item is not None
    assert item.reactions == {"👍": ["eve"]}
    world.handle(e.Deleted(time=NOW, target="#lobby", id="m1", name="bob"))
    assert (item.text, item.deleted) == ("", "bob")


def test_older_pages_are_inserted_above_until_the_beginning(world: World) -> None:
    world.handle(said("now", id="m9"))
    assert world.model.load_before(world.model.here)
    assert not world.model.load_before(world.model.here)  # one at a time
    number = len(world.client.asked)
    world.handle(page(number, said("older", id="m1", seconds=-9), said("now", id="m9")))
    assert world.texts() == ["older", "now"]
    assert world.model.load_before(world.model.here)
    world.handle(page(len(world.client.asked), ends=True))
    assert not world.model.load_before(world.model.here)


def test_search_result_that_is_not_loaded_is_fetched_and_shown(world: World) -> None:
    world.handle(said("now", id="m9"))
    world.model.searched(50)
    world.handle(page(50, said("tea", id="m1"), said("tea", room="#dev", id="d1")))
    found = world.model.found
    assert found is not None
    assert [where for where, _ in found.items] == ["#lobby", "#dev"]
    world.model.jump(world.model.here, found.items[0][1])
    assert ("AROUND", "#lobby", "m1") in world.client.asked
    world.handle(page(len(world.client.asked), said("before", id="m0"), said("tea", id="m1")))
    assert world.texts() == ["before", "tea"]
    world.handle(said("meanwhile", id="m10"))
    assert world.texts() == ["before", "tea"]
    assert world.model.load_after(world.model.here)
    world.handle(page(len(world.client.asked), said("now", id="m9")))
    assert world.texts() == ["now", "meanwhile"]  # the past has met the present


def test_connection_loss_is_reported_once(world: World) -> None:
    for _ in range(3):
        world.handle(e.Reconnecting(time=NOW, seconds=1.0, reason="gone"))
    assert world.model.connection == "offline"
    world.handle(e.Reconnected(time=NOW, name="ann", server="s", network="net"))
    assert [text.split(":")[0] for text in world.texts()] == ["No connection", "Connected again"]
    world.handle(said("missed", "#dev", history=True))
    assert world.buffer("#dev").unread == 1


def test_topic_after_a_reconnect_is_not_shown_again(world: World) -> None:
    world.handle(e.Topic(time=NOW, room="#lobby", text="be kind"))
    told = len(world.texts())
    world.handle(e.Joined(time=NOW, room="#lobby", name="ann", own=True))
    world.handle(e.Topic(time=NOW, room="#lobby", text="be kind"))
    assert len(world.texts()) == told
    world.handle(e.Topic(time=NOW, room="#lobby", text="be kind"))
    assert world.texts()[-1] == "Topic of #lobby: be kind"


def test_command_refused_twice_is_reported_once(world: World) -> None:
    refusal = e.Failed(time=NOW, text="Only an operator of #lobby may do that", code="482", about="#lobby")
    world.handle(refusal, refusal)
    later = replace(refusal, time=NOW + timedelta(seconds=5))
    world.handle(later)
    assert world.texts().count(refusal.text) == 2


def test_stepping_through_rooms_wraps_around(world: World) -> None:
    buffers = world.model.buffers
    assert buffers.step(1) is world.buffer("#dev")
    assert buffers.step(-1) is world.buffer("#dev")
    assert buffers.active() is None


@pytest.mark.parametrize(
    "event",
    [
        e.Invited(time=NOW, room="#tea", name="bob"),
        e.Who(time=NOW, mask="#lobby", people=()),
        e.NameTaken(time=NOW, name="bob", text="The name bob is taken"),
        e.ModeChanged(time=NOW, target="#lobby", change="+o bob", name="eve"),
        e.Whois(time=NOW, name="bob", lines=("bob, u@h",)),
    ],
)
def test_event_without_a_room_is_shown_as_a_sentence(world: World, event: e.Event) -> None:
    world.handle(event)
    assert len(world.texts()) == 1


def test_name_that_cannot_be_queried_is_handled(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> int:
        raise InputError("'a,b' is not the name of one room or person")

    for name in ("watch", "mark_read", "look_back"):
        monkeypatch.setattr(world.client, name, refused)
    world.handle(e.PrivateMessage(time=NOW, name="a,b", to="ann", text="psst"))
    buffer = world.buffer("a,b")
    world.model.look_at(buffer)
    world.model.mark_read()
    assert not world.model.load_before(buffer)
    assert buffer.log.begins


def test_clock_days_ahead_does_not_keep_an_item_at_the_end(world: World) -> None:
    world.model.tell("of the program", now=(NOW + timedelta(days=3)).timestamp())
    world.handle(said("said now", id="a"), said("said then", id="b", seconds=-9 * 86400), said("and now", id="c"))
    assert world.texts() == ["of the program", "said now", "said then", "and now"]


def test_history_is_inserted_above_lines_of_the_program(world: World) -> None:
    world.model.tell("of the program", now=NOW.timestamp())
    world.handle(said("said before", seconds=-60, history=True))
    assert world.texts() == ["said before", "of the program"]


def test_clock_jump_adds_one_line_per_day(world: World) -> None:
    days = (0, 0, 5, 5, -3, 0)
    for number, day in enumerate(days):
        world.handle(said(f"m{number}", seconds=day * 86400 + number, id=f"m{number}"))
    shown = MessageList(str.lower)
    shown.log_shown = world.model.here.log
    shown.log_shown.begins = True
    rows = plain_rows(iter(shown.paint(60, 40)))
    assert sum("2026 ─" in row for row in rows) == 1 + 3
    assert [row.rpartition(" ")[2] for row in rows if "[bob]" in row] == [f"m{number}" for number in range(len(days))]


def test_typing_and_idling_use_the_monotonic_clock(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 0.0)
    world.handle(e.Typing(time=NOW, target="#lobby", name="bob", state="active"))
    monkeypatch.setattr(time, "time", lambda: 1e12)
    assert world.model.here.typing() == ["bob"]
    assert world.model.here.typing(now=monotonic() + TYPING_SECONDS + 1) == []


def test_missed_joins_and_parts_are_folded_in_their_place() -> None:
    world = World()
    world.handle(said("before", id="m1", seconds=1))

    def missed(*moves: tuple[str, int]) -> e.Missed:
        events = tuple(
            e.Joined(time=NOW + timedelta(seconds=at), room="#lobby", name=name, own=False, history=True)
            for name, at in moves
        )
        return e.Missed(time=events[-1].time, room="#lobby", events=events)

    world.handle(
        e.Reconnected(time=NOW + timedelta(seconds=100), name="ann", server="s", network="net"),
        e.Joined(time=NOW + timedelta(seconds=101), room="#lobby", name="zoe", own=False),  # as it happens
        missed(*((f"user{number}", 2) for number in range(500))),
        said("between", id="m3", seconds=3, history=True),
        missed(("dora", 4), ("eve", 5)),
    )
    shown = [
        fold_words(item.moves) if item.moves else item.text
        for item in world.buffer("#lobby").log.items
        if "F1" not in item.text
    ]
    assert shown == [
        "before",
        "user0, user1 and 498 others joined",
        "between",
        "dora and eve joined",
        "Connected again",
        "zoe joined",
    ]
