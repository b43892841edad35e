"""Folds, reactions, and the order of a log (chatctl/tui/model/items, log)."""

from __future__ import annotations

import pytest

from chatctl.client.events.folding import Move, fold_words
from chatctl.tui.model.items import Item
from chatctl.tui.model.message_log import MAX_LIVE_ITEMS, MessageLog


@pytest.mark.parametrize(
    ("moves", "words"),
    [
        ("+ann", "ann joined"),
        ("+ann +bob", "ann and bob joined"),
        ("+ann +bob +eve", "ann, bob and eve joined"),
        ("+alice +bob +carl +dora +eve", "alice, bob and 3 others joined"),
        ("-ann", "ann left (tea)"),
        ("-ann -bob", "ann and bob left"),
        ("+ann -ann", "ann joined and left (tea)"),
        ("-ann +ann", "ann left and rejoined"),
        ("+ann -bob", "ann joined · bob left (tea)"),
        ("+ann -ann +ann", "ann joined"),
    ],
)
def test_joins_and_parts_are_one_line(moves: str, words: str) -> None:
    signs: dict[str, Move] = {"+": "joined", "-": "left"}
    assert fold_words([(move[1:], signs[move[0]], "tea" if move[0] == "-" else "") for move in moves.split()]) == words


def said(text: str, id: str | None = None, time: float = 0.0) -> Item:
    return Item("said", time, text, "bob", id=id)


def texts(log: MessageLog) -> list[str]:
    return [item.text or fold_words(item.moves or []) for item in log.items]


def test_joins_and_parts_without_a_message_between_are_one_item() -> None:
    log = MessageLog()
    log.move(0, "ann", "joined", "")
    log.move(1, "eve", "joined", "")
    log.add(said("hi"))
    log.move(2, "ann", "left", "")
    assert texts(log) == ["ann and eve joined", "hi", "ann left"]


def test_message_id_is_listed_once() -> None:
    log = MessageLog()
    assert log.add(said("hi", "m1"))
    assert not log.add(said("hi", "m1"))
    assert log.put_before([said("hi", "m1"), said("before", "m0")]) == 1
    assert texts(log) == ["before", "hi"]


def test_pending_message_stays_last_until_its_echo() -> None:
    log = MessageLog()
    log.add(Item("said", 0, "mine", "ann", own=True, ticket=7))
    log.add(said("theirs", "m1"))
    assert texts(log) == ["theirs", "mine"]
    log.confirmed(7)
    log.add(said("mine", "m2"))
    log.add(said("later", "m3"))
    assert texts(log) == ["theirs", "mine", "later"]


def test_history_is_inserted_above_lines_of_the_program() -> None:
    log = MessageLog()
    log.add(Item("news", 10, "You are ann"))
    log.add(said("an hour ago", "m1", time=5), past=True)
    log.add(said("now", "m2", time=11))
    assert texts(log) == ["an hour ago", "You are ann", "now"]


def test_failed_message_stays_with_its_reason() -> None:
    log = MessageLog()
    log.add(Item("said", 0, "mine", "ann", own=True, ticket=7))
    item = log.failed(7, "you are banned")
    assert item is not None
    assert (item.problem, item.ticket, log.failures()) == ("you are banned", 0, [item])
    assert log.failed(7, "again") is None


def test_number_of_items_is_bounded() -> None:
    log = MessageLog()
    for number in range(MAX_LIVE_ITEMS + 2000):
        log.add(said(str(number), str(number)))
    assert len(log) <= MAX_LIVE_ITEMS + 1000
    assert log.find("0") is None
    assert log.dropped > 0


def test_nth_last_message_counts_messages_only() -> None:
    log = MessageLog()
    log.add(said("one", "m1"))
    log.add(said("two", "m2"))
    log.move(0, "ann", "joined", "")
    found = log.said(2)
    assert found is not None
    assert found.text == "one"
    assert log.said(3) is None


def test_reactions_are_counted_per_user() -> None:
    item = said("hi", "m1")
    for name, removed in (("ann", False), ("ann", False), ("eve", False), ("eve", True)):
        item.react(name, "👍", removed=removed)
    assert item.reactions == {"👍": ["ann"]}
    item.react("ann", "👍", removed=True)
    assert item.reactions is None
