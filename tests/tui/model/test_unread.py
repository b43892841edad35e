"""Unread messages, positions, alerts (chatctl/tui/model/view_model, event_handlers, history_pages)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chatctl.client import events as e
from tests.tui.view_models import NOW, World, page, said


def test_unread_and_mentions_are_counted_in_other_buffers_only(world: World) -> None:
    world.handle(said("here"), said("there", "#dev"), said("ann: there", "#dev"), said("annual", "#dev"))
    assert (world.buffer("#lobby").unread, world.buffer("#dev").unread, world.buffer("#dev").mentions) == (0, 3, 1)
    assert world.buffer("#dev").log.unread is world.buffer("#dev").log.items[0]
    assert [item.text for _, item in world.model.alerts] == ["ann: there"]
    world.model.look_at(world.buffer("#dev"))
    assert (world.buffer("#dev").unread, world.buffer("#dev").mentions) == (0, 0)


def test_nothing_is_read_while_the_terminal_lacks_focus(world: World) -> None:
    world.model.attend(False)
    world.handle(said("ann?"))
    assert (world.buffer("#lobby").unread, len(world.model.alerts)) == (1, 1)
    world.model.attend(True)
    assert world.buffer("#lobby").unread == 0
    assert world.buffer("#lobby").log.unread is not None  # the line stays, so that one sees where to go on


def test_focused_user_is_not_notified_of_visible_messages(world: World) -> None:
    def calls(text: str) -> int:
        world.model.alerts.clear()
        world.handle(said(f"ann: {text}", "#dev"))
        return len(world.model.alerts)

    assert calls("no word of the terminal yet") == 1
    world.model.front(True)
    assert calls("it is in front") == 0
    assert world.buffer("#dev").mentions == 2, "counted it is all the same"
    world.model.attend(False)
    assert calls("no input for long") == 1
    world.model.attend(True)
    world.model.front(False)
    assert calls("it is not in front") == 1


def test_history_after_the_read_marker_is_unread(world: World) -> None:
    world.handle(said("old", "#dev", history=True))
    assert world.buffer("#dev").unread == 0
    world.handle(e.ReadUntil(time=NOW, target="#dev", until=NOW), said("newer", "#dev", seconds=5, history=True))
    assert world.buffer("#dev").unread == 1
    world.handle(e.ReadUntil(time=NOW, target="#dev", until=NOW + timedelta(seconds=9)))
    assert world.buffer("#dev").unread == 0


def test_read_position_is_shown_and_paged_to(world: World) -> None:
    here, at = world.buffer("#lobby"), [NOW + timedelta(seconds=second) for second in range(10)]
    world.handle(e.ReadUntil(time=at[9], target="#lobby", until=at[1]))
    told = [said(f"m{number}", seconds=number, id=f"m{number}", history=True) for number in range(8)]
    world.handle(*told[6:])
    assert here.log.unread is here.log.find("m6")
    assert here.unread == 0, "it is looked at"
    world.model.mark_read()
    for asked in (told[4:6], told[0:4]):  # the marker has moved; the position has not
        world.model.seek()
        number = len(world.client.asked)
        assert world.client.asked[-1][:2] == ("BEFORE", "#lobby")
        world.handle(page(number, *asked))
    assert here.log.unread is here.log.find("m2")
    asked_before = len(world.client.asked)
    world.model.seek()
    assert len(world.client.asked) == asked_before, "it is found"


def test_unread_messages_of_other_buffers_are_counted_from_history(world: World) -> None:
    dev = world.buffer("#dev")
    world.handle(e.ReadUntil(time=NOW, target="#dev", until=NOW))
    world.handle(said("late", "#dev", seconds=9, id="late", history=True))
    world.model.seek()
    missed = [said("ann: early", "#dev", seconds=5, id="e1"), said("mine", "#dev", name="ann", own=True, seconds=6)]
    missed.insert(0, said("read", "#dev", seconds=-5, id="e0"))
    world.handle(page(len(world.client.asked), *missed, ends=True))
    assert (dev.unread, dev.mentions) == (2, 1)
    assert dev.log.unread is dev.log.find("e1")


def test_unread_line_says_if_more_is_unread_than_loaded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.tui.model.view_state._MAX_PAGES_BACK", 1)
    dev, at = world.buffer("#dev"), [NOW + timedelta(seconds=second) for second in range(10)]
    world.handle(e.ReadUntil(time=at[9], target="#dev", until=at[1]))
    told = [said(f"m{number}", "#dev", seconds=number, id=f"m{number}", history=True) for number in range(8)]
    world.handle(*told[6:])
    world.model.seek()
    assert not dev.log.unread_above, "more is asked for"
    world.handle(e.HistoryReceived(time=at[9], number=dev.asked, target="#dev", events=tuple(told[4:6])))
    world.model.seek()
    assert (dev.log.unread, dev.log.unread_above) == (dev.log.find("m4"), True)
    for asked, unread, above in ((told[2:4], "m2", True), (told[:2], "m2", False)):  # the user scrolls there
        world.model.load_before(dev)
        world.handle(e.HistoryReceived(time=at[9], number=dev.asked, target="#dev", events=tuple(asked)))
        assert (dev.log.unread, dev.log.unread_above) == (dev.log.find(unread), above)


def test_read_messages_are_not_paged_to(world: World) -> None:
    world.handle(e.ReadUntil(time=NOW, target="#dev", until=NOW))
    world.handle(said("late", "#dev", seconds=9, history=True))
    world.model.look_at(world.buffer("#dev"))
    world.model.look_at(world.buffer("#lobby"))
    world.client.asked.clear()
    world.model.seek()
    assert not world.client.asked


def test_read_marker_is_sent_once_and_never_moves_back(world: World) -> None:
    world.handle(said("hi", seconds=3))
    world.model.mark_read()
    world.model.mark_read()
    assert [asked for asked in world.client.asked if asked[0] == "READ"] == [
        ("READ", "#lobby", NOW + timedelta(seconds=3))
    ]


def test_former_conversations_are_listed_below_the_rooms(world: World) -> None:
    world.handle(e.Conversations(time=NOW, people=(("dave", NOW), ("bob", NOW), ("eve", NOW))))
    assert [buffer.name for buffer in world.model.buffers] == ["#lobby", "#dev", "dave", "bob", "eve"]
    assert world.model.here is world.buffer("#lobby")
    numbers = {buffer.name: buffer.asked for buffer in world.model.buffers}
    read = e.ReadUntil(time=NOW, target="bob", until=NOW + timedelta(seconds=2))
    talk = [
        e.PrivateMessage(time=NOW + timedelta(seconds=second), name="bob", to="ann", text=f"{second}", id=f"{second}")
        for second in (1, 2, 3)
    ]
    world.handle(read, page(numbers["bob"], *talk))
    assert (world.buffer("bob").unread, world.buffer("bob").log.unread) == (1, world.buffer("bob").log.find("3"))
    own = e.PrivateMessage(time=NOW, name="ann", to="eve", text="yes", own=True)
    late = [replace(message, name="eve", id=f"e{message.id}") for message in talk]
    world.handle(
        page(numbers["eve"], own, *late)
    )  # the read position is unknown: messages after our last one are unread
    assert world.buffer("eve").unread == 3
    world.handle(page(numbers["dave"], failed=True))
    assert world.buffer("dave").unread == 0


def test_open_conversation_is_not_listed_twice(world: World) -> None:
    world.model.converse("bob")
    world.client.asked.clear()
    world.handle(e.Conversations(time=NOW, people=(("bob", NOW),)))
    assert not world.client.asked
