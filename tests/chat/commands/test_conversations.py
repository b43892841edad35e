"""With whom one has talked: CHATHISTORY TARGETS, and where it is looked up."""

from __future__ import annotations

import pytest

from tests.chat.accounts import a_world, add, enter
from tests.chat.history.test_history import CAPS, batch, texts
from tests.chat.world import Person, World


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


def test_latest_of_many_conversations_are_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.chat.commands.conversations.CONVERSATIONS", 2)
    world = World()
    bob = world.person("bob", caps=f"{CAPS} soju.im/search")
    for nick in ("ann", "eve", "joe"):
        world.person(nick).send("PRIVMSG bob :psst", "QUIT")
    assert texts(bob.forget().send("CHATHISTORY LATEST joe * 9")) == "psst"
    assert bob.send("CHATHISTORY LATEST ann * 9").one("FAIL").params[1] == "INVALID_TARGET"
    found = batch(bob.send("SEARCH text=psst"), "soju.im/search")
    assert [message.source.partition("!")[0] for message in found] == ["eve", "joe"]


WHEN = "timestamp=2023-01-01T00:00:00.000Z timestamp=2030-01-01T00:00:00.000Z"


def words(person: Person) -> str:
    """The messages of a history batch, one word each."""
    return " ".join(message.params[1] for message in batch(person))


def listed(person: Person) -> list[str]:
    person.forget().send(f"CHATHISTORY TARGETS {WHEN} 10")
    return [message.params[1] for message in batch(person, "draft/chathistory-targets")]


def reconnected(times: int = 2) -> tuple[World, Person]:
    """Bob stays; Ann, a guest, comes several times and says two things each time."""
    world = World()
    bob = world.person("bob", caps=f"{CAPS} soju.im/search")
    for time in range(times):
        ann = world.person("ann", caps=CAPS)
        for number in range(2):
            world.now += 1000
            ann.send(f"PRIVMSG bob :{time}{number}")
        if time < times - 1:
            ann.send("QUIT")
    return world, bob


@pytest.mark.parametrize("leaves", [False, True])
def test_conversation_with_a_guest_who_reconnected_is_one(leaves: bool) -> None:
    world, bob = reconnected()
    if leaves:
        user = world.hub.state.user_named("ann")
        assert user is not None
        world.hub.disconnect(world.hub.sessions[user.session], "gone")
    assert listed(bob) == ["ann"]
    for selector, found in {
        "LATEST ann * 9": "00 01 10 11",
        "LATEST ann * 3": "01 10 11",
        "BEFORE ann timestamp=2023-11-14T22:13:23.000Z 9": "00 01",
        "AFTER ann timestamp=2023-11-14T22:13:21.000Z 2": "01 10",
        "AROUND ann timestamp=2023-11-14T22:13:23.000Z 2": "01 10",
        f"BETWEEN ann {WHEN} 3": "00 01 10",
    }.items():
        assert words(bob.forget().send(f"CHATHISTORY {selector}")) == found, selector


def test_conversation_is_paged_by_message_id_across_reconnections() -> None:
    _, bob = reconnected()
    bob.forget().send("CHATHISTORY LATEST ann * 9")
    ids = [message.tags["msgid"] for message in batch(bob, "chathistory")]
    for selector, found in {
        f"BEFORE ann msgid={ids[3]} 2": "01 10",
        f"AFTER ann msgid={ids[0]} 2": "01 10",
        f"AROUND ann msgid={ids[1]} 4": "00 01 10",
        f"AROUND ann msgid={ids[2]} 2": "01 10",
        f"LATEST ann msgid={ids[1]} 9": "10 11",
    }.items():
        assert words(bob.forget().send(f"CHATHISTORY {selector}")) == found, selector


def test_guest_who_reconnected_and_said_nothing_since_has_the_history_that_targets_lists() -> None:
    world, bob = reconnected(1)
    user = world.hub.state.user_named("ann")
    assert user is not None
    world.hub.disconnect(world.hub.sessions[user.session], "gone")
    ann = world.person("ann", caps=CAPS)
    assert listed(bob) == ["ann"]
    assert words(bob.forget().send("CHATHISTORY LATEST ann * 9")) == "00 01"
    found = batch(bob.forget().send("SEARCH in=ann"), "soju.im/search")
    assert [message.params[1] for message in found] == ["00", "01"]
    # The new guest may be another person, so the conversation stays that of the earlier one.
    assert listed(ann) == []
    assert words(ann.forget().send("CHATHISTORY LATEST bob * 9")) == ""


def test_search_finds_what_a_user_who_left_said() -> None:
    world, bob = reconnected(1)
    user = world.hub.state.user_named("ann")
    assert user is not None
    world.hub.disconnect(world.hub.sessions[user.session], "gone")
    world.tick()
    found = batch(bob.forget().send("SEARCH in=ann;text=01"), "soju.im/search")
    assert [message.params[1] for message in found] == ["01"]
    assert bob.forget().send("SEARCH in=carol").one("FAIL").params[1] == "INVALID_TARGET"


def test_conversation_is_named_after_the_other_user_when_one_was_renamed() -> None:
    world = a_world()
    add(world, "bob")
    bob = enter(world, "bobby", "sesame", account="bob", caps=CAPS)
    world.person("ann")
    bob.send("PRIVMSG ann :hi", "NICK bob")
    assert listed(bob) == ["ann"]


def test_conversation_goes_on_when_the_guest_makes_an_account() -> None:
    world = a_world()
    bob = world.person("bob", caps=CAPS)
    ann = world.person("ann", caps=CAPS)
    ann.send("PRIVMSG bob :guest")
    ann.send("NS REGISTER sesame").forget()
    world.now += 1000
    ann.send("PRIVMSG bob :account")
    assert words(bob.forget().send("CHATHISTORY LATEST ann * 9")) == "guest account"
    assert listed(bob) == ["ann"]
