"""With whom one has talked: CHATHISTORY TARGETS, and where it is looked up."""

from __future__ import annotations

import pytest

from tests.chat.test_history import CAPS, batch, texts
from tests.chat.world import World


def test_targets_are_counted_from_the_first_time() -> None:
    world = World()
    bob = world.person("bob", caps=CAPS)
    for nick in ("ann", "eve", "joe"):
        world.now += 1000
        world.person(nick).send("PRIVMSG bob :psst")
    begin, end = "timestamp=2023-01-01T00:00:00.000Z", "timestamp=2030-01-01T00:00:00.000Z"
    for times, nicks in ((f"{begin} {end}", ["ann", "eve"]), (f"{end} {begin}", ["eve", "joe"])):
        bob.forget().send(f"CHATHISTORY TARGETS {times} 2")
        assert [message.params[1] for message in batch(bob, "draft/chathistory-targets")] == nicks


def test_of_many_conversations_the_latest_are_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.chat.commands.history.CONVERSATIONS", 2)
    monkeypatch.setattr("chatctl.chat.commands.search.CONVERSATIONS", 2)
    world = World()
    bob = world.person("bob", caps=f"{CAPS} soju.im/search")
    for nick in ("ann", "eve", "joe"):
        world.person(nick).send("PRIVMSG bob :psst", "QUIT")
    assert texts(bob.forget().send("CHATHISTORY LATEST joe * 9")) == "psst"
    assert bob.send("CHATHISTORY LATEST ann * 9").one("FAIL").params[1] == "INVALID_TARGET"
    found = batch(bob.send("SEARCH text=psst"), "soju.im/search")
    assert [message.source.partition("!")[0] for message in found] == ["eve", "joe"]
