"""Rooms with +i: which users may return, and what becomes of the messages if none can."""

from __future__ import annotations

import pytest

from chatctl.chat.model.accounts import Record
from chatctl.chat.model.ids import NO_SESSION
from chatctl.chat.model.records import RoomRecord
from tests.chat.accounts import add, enter, rules
from tests.chat.world import HeldJournal, Person, World

CAPS = "batch server-time draft/chathistory soju.im/search"


def ours(world: World, nick: str, *rooms: str) -> Person:
    """Somebody with our client, whose installation has a secret."""
    person = world.connect().send("CAP REQ :chatctl/resume", f"RESUME secret-{nick} one")
    person.send("CAP END", f"NICK {nick}", "USER u 0 * :r", *(f"JOIN {room}" for room in rooms))
    return person.forget()


def restarted(journal: HeldJournal) -> World:
    """The stored data that the next start of the server finds."""

    class Kept(HeldJournal):
        def rooms(self) -> list[RoomRecord]:
            return list(journal.stored.values())

        def records(self) -> list[Record]:
            return [kept for kept in journal.kept.values() if kept is not None]

    again = Kept()
    again.facts.extend(journal.facts)
    return World(rules(), journal=again)


def inside(world: World, person: Person, room: str = "#tea") -> bool:
    user = world.hub.state.user_of(person.session.id)
    assert user is not None
    return room in user.rooms


@pytest.mark.parametrize("first", ["mode", "people"])
def test_member_of_a_closed_room_returns_after_a_restart(first: str) -> None:
    journal = HeldJournal()
    world = World(rules(), journal=journal)
    add(world, "cleo")
    ann = ours(world, "ann", "#tea")
    if first == "mode":
        ann.send("MODE #tea +i")
    bob, cleo = ours(world, "bob"), enter(world, "cleo", "sesame")
    ann.send("INVITE bob #tea", "INVITE cleo #tea", "INVITE dora #tea")
    bob.send("JOIN #tea")
    cleo.send("JOIN #tea")
    if first == "people":
        ann.send("MODE #tea +i")
    journal.commit()

    again = restarted(journal)
    bob, cleo, eve = ours(again, "bob"), enter(again, "cleo", "sesame"), ours(again, "eve")
    for person in (bob, cleo, eve):
        person.send("JOIN #tea")
    assert [inside(again, person) for person in (bob, cleo, eve)] == [True, True, False]
    assert again.hub.state.rooms["#tea"].members[bob.user.id] == 2, "the first of them is operator"


@pytest.mark.parametrize("line", ["PART #tea", "KICK", "MODE"])
def test_member_who_left_or_was_kicked_needs_an_invitation(line: str) -> None:
    world = World()
    ann, bob = ours(world, "ann", "#tea"), ours(world, "bob", "#tea")
    ann.send("MODE #tea +i")
    if line == "KICK":
        ann.send("KICK #tea bob")
    elif line == "MODE":
        world.gone(bob)
        ann.send("MODE #tea -i+i")
        bob = ours(world, "bob")
    else:
        bob.send(line)
    assert "473" in bob.forget().send("JOIN #tea").commands()


@pytest.mark.parametrize("before", ["guest", "account"])
def test_kicked_user_does_not_return_by_another_identity(before: str) -> None:
    world = World(rules())
    add(world, "bob")
    ann, bob = ours(world, "ann", "#tea"), ours(world, "bobby")
    if before == "account":
        bob.send("NS IDENTIFY bob sesame")
    bob.send("JOIN #tea")
    ann.send("MODE #tea +i")
    bob.send("NS LOGOUT" if before == "account" else "NS IDENTIFY bob sesame")
    ann.send("KICK #tea bobby")
    assert "473" in bob.forget().send("JOIN #tea").commands()
    bob.send("NS LOGOUT" if before == "guest" else "NS IDENTIFY bob sesame").forget()
    assert "473" in bob.send("JOIN #tea").commands()


def test_lost_connection_is_not_a_departure_and_bans_still_apply() -> None:
    world = World()
    ann, bob = ours(world, "ann", "#tea"), ours(world, "bob", "#tea")
    ann.send("MODE #tea +i")
    world.gone(bob)
    bob = ours(world, "bob", "#tea")
    assert inside(world, bob)
    world.gone(bob)
    ann.send("MODE #tea +b bob!*@*")
    assert "474" in ours(world, "bob").send("JOIN #tea").commands()


def test_next_owner_of_a_name_is_not_admitted() -> None:
    world = World()
    ann, bob = ours(world, "ann", "#tea"), world.person("bob", "#tea")
    ann.send("MODE #tea +i")
    world.gone(bob)
    assert "473" in world.person("bob").send("JOIN #tea").commands()


def test_removed_account_is_not_admitted() -> None:
    from chatctl.chat.apply.accounts import CONTROL
    from chatctl.chat.entries import proposals as p

    world = World(rules())
    add(world, "bob")
    ann, bob = ours(world, "ann", "#tea"), enter(world, "bob", "sesame")
    bob.send("JOIN #tea")
    ann.send("MODE #tea +i")
    world.gone(bob)
    world.order.propose(p.RemoveAccount(NO_SESSION, "", "bob", CONTROL))
    world.tick()
    world.now += 2000
    add(world, "bob")
    assert "473" in enter(world, "bob", "sesame").forget().send("JOIN #tea").commands()


def test_number_of_insiders_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.chat.model.room.MAX_INSIDERS", 2)
    world = World()
    ours(world, "ann", "#tea").send("MODE #tea +i")
    room = world.hub.state.rooms["#tea"]
    for nick in ("b", "c", "d"):
        user = world.hub.state.user_named("ann")
        assert user is not None
        user.secret = nick
        room.add_insider(user)
    assert list(room.insiders or ()) == ["secret c", "secret d"]


def says(world: World) -> Person:
    """A user closes #tea, sends a message and leaves; none of the former members can be recognised."""
    ann = world.person("ann", "#tea").send("PRIVMSG #tea :between us", "MODE #tea +i")
    world.gone(ann)
    return world.person("eve", caps=CAPS)


@pytest.mark.parametrize("held", [False, True])
def test_unreachable_room_and_its_history_are_removed(held: bool) -> None:
    journal = HeldJournal() if held else None
    world = World(rules(), journal=journal)
    eve = says(world)
    assert "#tea" not in world.hub.state.rooms
    seq = max(fact.seq for fact in world.facts)
    eve.send("CHATHISTORY LATEST #tea * 9", "SEARCH text=between;in=#tea", f"SEARCH text=between;in=#tea,{seq}")
    eve.send("JOIN #tea", "CHATHISTORY LATEST #tea * 9", f"CHATHISTORY LATEST #tea,{seq} * 9")
    if journal is not None:
        assert not any("BATCH" in line for line in eve.lines()), "not answered before the move is committed"
        journal.commit()
        world.tick()
        journal.commit()  # her own JOIN
    world.tick()
    read = eve.read()
    assert not any("between us" in message.params for message in read)
    assert held or [m.params[1] for m in read if m.command == "FAIL"] == ["INVALID_TARGET"] * 4
    moved = [fact for fact in world.facts if fact.place == f"#tea,{seq}"]
    assert held or "between us" in [fact.text for fact in moved], "who owns the folder finds it"


def test_unreachable_room_is_removed_after_a_restart_too() -> None:
    journal = HeldJournal()
    world = World(rules(), journal=journal)
    world.connect().send("NICK ann", "USER u 0 * :r", "JOIN #tea", "PRIVMSG #tea :between us", "MODE #tea +i")
    journal.commit()
    assert "#tea" in journal.stored
    again = restarted(journal)
    again.connect().send("NICK eve", "USER u 0 * :r", "JOIN #tea", "PRIVMSG #tea :new")
    assert isinstance(again.journal, HeldJournal)
    again.journal.commit()
    assert [fact.text for fact in again.facts if fact.kind == "RENAME"] == ["#tea #tea,1"]
    assert "#tea" not in again.journal.stored


@pytest.mark.parametrize("mode", ["+s", "+R", "+I *!*@nowhere"])
def test_evicted_closed_room_takes_its_history(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a user who sets up a thousand rooms could read it."""
    monkeypatch.setattr("chatctl.chat.model.state.MAX_EMPTY_ROOMS", 2)
    world = World()
    world.person("ann", "#tea").send("PRIVMSG #tea :between us", f"MODE #tea {mode}", "MODE #tea +i", "PART #tea")
    if "I" not in mode:
        world = World()
        world.person("ann", "#tea").send("PRIVMSG #tea :between us", f"MODE #tea {mode}", "PART #tea")
    eve = world.person("eve", caps=CAPS)
    for number in range(4):
        eve.send(f"JOIN #o{number}", f"TOPIC #o{number} :x", f"PART #o{number}").forget()
    assert "#tea" in world.hub.state.rooms, "those that are open go first"
    for number in range(2):
        eve.send(f"JOIN #c{number}", f"MODE #c{number} +s", f"PART #c{number}").forget()
    assert "#tea" not in world.hub.state.rooms
    assert eve.send("CHATHISTORY LATEST #tea * 9").one("FAIL").params[1] == "INVALID_TARGET"
