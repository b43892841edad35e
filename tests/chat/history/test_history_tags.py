"""A page of history reads like the live messages: tags, accounts, real names (draft/chathistory, event-playback)."""

from __future__ import annotations

from itertools import combinations

import pytest

from chatctl.protocol.message import Message
from tests.chat.accounts import a_world, add, enter
from tests.chat.world import Person

SHAPES = ("account-tag", "extended-join", "message-tags", "server-time")


def without_batch(message: Message) -> tuple[str, tuple[str, ...], str, dict[str, str]]:
    tags = {key: value for key, value in message.tags.items() if key != "batch"}
    return message.command, tuple(message.params), message.source, tags


def happen(ann: Person, bob: Person) -> None:
    ann.send("MODE ann +B", "JOIN #t", "PRIVMSG #t one", "@+draft/reply=x PRIVMSG #t two", "NOTICE #t three")
    ann.send(
        "TOPIC #t :tea",
        "@+draft/react=x TAGMSG #t",
        "PRIVMSG #t four",
        "MODE ann -B",
        "PRIVMSG #t five",
        "PRIVMSG #t six",
    )
    bob.send("JOIN #t", "PRIVMSG #t hello", "PART #t :bye", "JOIN #t", "QUIT :gone")


@pytest.mark.parametrize("chosen", [set(some) for size in range(5) for some in combinations(SHAPES, size)])
def test_history_carries_the_tags_of_live_messages(chosen: set[str]) -> None:
    world = a_world()
    add(world, "ann")
    caps = " ".join(["batch", "draft/chathistory", "draft/event-playback", *sorted(chosen)])
    observer = world.person("eve", "#t", caps=caps)
    ann, bob = enter(world, "ann", "sesame", caps="message-tags"), world.person("bob", caps="message-tags")
    happen(ann, bob)
    live = [without_batch(message) for message in observer.read() if message.command not in ("MODE",)]
    page = observer.send("CHATHISTORY LATEST #t * 50").read()
    played = [without_batch(message) for message in page if message.command not in ("BATCH", "MODE")]
    assert played[-len(live) :] == live
