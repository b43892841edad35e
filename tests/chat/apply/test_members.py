"""Members: accounts that stay in the chat while no device of theirs is connected."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chatctl.chat.apply.members import PRESENCE_MS
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.order import LocalOrder
from chatctl.chat.model.accounts import Record
from chatctl.chat.model.ids import NO_SESSION
from chatctl.chat.model.records import RoomRecord
from chatctl.protocol import scram
from tests.chat.accounts import ITERATIONS, add, enter, rules
from tests.chat.world import HeldJournal, Person, World

CAPS = "away-notify message-tags echo-message server-time"


class Disk(HeldJournal):
    """A journal that a later server finds as this one left it."""

    def rooms(self) -> list[RoomRecord]:
        return list(self.stored.values())

    def records(self) -> list[Record]:
        return [record for record in self.kept.values() if record is not None]

    def restarted(self) -> Disk:
        """Return what is durable, for another server."""
        after = Disk()
        after.facts.extend(self.facts)
        after.stored, after.kept = dict(self.stored), dict(self.kept)
        after.committed = self.committed
        return after


def start(**changes: Any) -> World:
    """A server whose accounts stay in the chat, unless `changes` say otherwise."""
    return World(replace(rules(always_on="opt-out"), **changes), journal=Disk())


def commit(world: World) -> None:
    """Store everything."""
    assert isinstance(world.journal, Disk)
    for _ in range(3):
        world.tick()
        world.journal.commit()
    world.tick()


def restart(world: World) -> World:
    """Return another server on what was stored, an hour later."""
    assert isinstance(world.journal, Disk)
    now = world.now + 3_600_000
    order = LocalOrder(lambda: later.now, "again", world.journal.committed)
    later = World(world.hub.rules, order, world.journal.restarted())
    later.now = now
    return later


def room_of_two(world: World) -> tuple[Person, Person]:
    """Ann, who has an account, and bob, a guest, in #tea; she is its operator."""
    add(world, "ann")
    commit(world)
    ann = enter(world, "ann", "sesame", caps=CAPS).send("JOIN #tea")
    commit(world)
    bob = world.person("bob", caps=CAPS).send("JOIN #tea")
    commit(world)
    return ann.forget(), bob.forget()


def ask(world: World, person: Person, *lines: str) -> list[str]:
    person.forget()
    person.send(*lines)
    commit(world)
    return person.lines()


@pytest.mark.parametrize("how", ["QUIT", "lost"])
def test_member_stays_in_its_rooms_when_its_last_session_ends(how: str) -> None:
    world = start()
    ann, bob = room_of_two(world)
    ann.send("QUIT :bye") if how == "QUIT" else world.gone(ann)
    commit(world)
    assert bob.lines() == []
    names = ask(world, bob, "NAMES #tea")
    assert "@ann" in names[0]
    assert world.hub.state.places_taken == 1


def test_offline_member_is_shown_as_away_to_those_who_ask() -> None:
    world = start()
    ann, bob = room_of_two(world)
    world.gone(ann)
    commit(world)
    text = "Offline since 2023-11-14 22:13 UTC"
    assert any(f" 301 bob ann :{text}" in line for line in ask(world, bob, "WHOIS ann"))
    assert any(" ann G" in line for line in ask(world, bob, "WHO #tea"))
    answer = ask(world, bob, "PRIVMSG ann :are you there?")
    assert [line for line in answer if " 401 " in line] == []
    assert any(f" 301 bob ann :{text}" in line for line in answer)


def test_presence_is_announced_after_a_while_and_once() -> None:
    world = start()
    ann, bob = room_of_two(world)
    world.gone(ann)
    commit(world)
    world.now += PRESENCE_MS - 1
    world.tick()
    assert bob.lines() == []
    assert world.hub.next_deadline() == world.now + 1
    world.now += 1
    world.tick()
    assert [line for line in bob.lines() if " AWAY " in line] != []
    enter(world, "ann", "sesame")
    commit(world)
    world.now += PRESENCE_MS
    world.tick()
    assert [line.split(" ")[-1] for line in bob.lines()] == ["AWAY"]
    assert world.hub.next_deadline() is None


def test_flapping_connection_is_silent_for_others() -> None:
    world = start()
    ann, bob = room_of_two(world)
    for _ in range(5):
        world.gone(ann)
        world.now += PRESENCE_MS // 2
        world.tick()
        ann = enter(world, "ann", "sesame")
        world.now += PRESENCE_MS // 2
        world.tick()
    commit(world)
    world.now += PRESENCE_MS
    world.tick()
    assert bob.lines() == []


def test_returning_member_gets_its_rooms_and_the_missed_messages() -> None:
    world = start()
    ann, bob = room_of_two(world)
    world.gone(ann)
    commit(world)
    bob.send("PRIVMSG #tea :while you were away")
    commit(world)
    back = enter(world, "ann", "sesame", caps="server-time")
    commit(world)
    got = back.read()
    assert [m.params[0] for m in got if m.command == "JOIN"] == ["#tea"]
    assert [m.params[1] for m in got if m.command == "PRIVMSG"] == ["while you were away"]
    assert "JOIN" not in bob.commands()


def test_account_has_one_user_whatever_nick_it_asks_for() -> None:
    world = start()
    ann, _ = room_of_two(world)
    other = enter(world, "ann2", "sesame", account="ann")
    assert other.one("001").params[0] == "ann"
    assert len(world.hub.state.users) == 2
    assert ann.user is other.user


def test_guest_who_logs_in_becomes_the_member() -> None:
    world = start()
    ann, bob = room_of_two(world)
    world.gone(ann)
    commit(world)
    guest = world.person("guest", caps=CAPS).send("JOIN #tea,#den")
    commit(world)
    guest.forget()
    bob.forget()
    guest.send("PRIVMSG NickServ :IDENTIFY ann sesame")
    commit(world)
    lines = guest.lines()
    order = [line.split(" ")[2 if line[0] == "@" else 1] for line in lines]
    assert [command for command in order if command in ("PART", "NICK", "JOIN", "900")] == [
        *("PART", "PART", "NICK", "JOIN", "900")
    ]
    assert "QUIT" not in order
    assert [m.command for m in bob.read()] == ["QUIT"]
    assert guest.user.nick == "ann"
    assert world.hub.state.user_named("guest") is None
    ask(world, guest, "PRIVMSG #tea :it is me")
    assert [m.nick for m in bob.read() if m.command == "PRIVMSG"] == ["ann"]


def test_members_are_there_after_a_restart() -> None:
    world = start()
    ann, bob = room_of_two(world)
    ann.send("MODE #tea +v ann", "JOIN #den")
    commit(world)
    world = restart(world)
    bob = world.person("bob", caps=CAPS).send("JOIN #tea")
    commit(world)
    assert any("@+ann" in line or "@ann" in line for line in ask(world, bob, "NAMES #tea"))
    assert world.hub.state.places_taken == 1
    bob.send("PRIVMSG #tea :after the restart")
    commit(world)
    ann = enter(world, "ann", "sesame", caps="server-time")
    commit(world)
    got = ann.read()
    assert [m.params[0] for m in got if m.command == "JOIN"] == ["#tea", "#den"]
    assert [m.params for m in got if m.command == "PRIVMSG"] == [["#tea", "after the restart"]]
    assert world.hub.state.peak_users == 2
    assert ann.user.rooms["#tea"].members[ann.user.id] == 3


@pytest.mark.parametrize("how", ["PART #tea", "KICK"])
def test_room_that_was_left_is_not_restored(how: str) -> None:
    world = start()
    ann, bob = room_of_two(world)
    if how == "KICK":
        ann.send("MODE #tea +o bob")
        commit(world)
        bob.send("KICK #tea ann :out")
    else:
        ann.send(how)
    commit(world)
    world = restart(world)
    user = world.hub.state.user_named("ann")
    assert user is not None
    assert user.rooms == {}


def test_room_is_renamed_for_an_offline_member() -> None:
    world = start()
    ann, bob = room_of_two(world)
    ann.send("MODE #tea +o bob")
    commit(world)
    world.gone(ann)
    bob.send("RENAME #tea #coffee :better")
    commit(world)
    world = restart(world)
    back = enter(world, "ann", "sesame")
    commit(world)
    assert [m.params[0] for m in back.read() if m.command == "JOIN"] == ["#coffee"]


def test_join_that_is_not_stored_makes_no_membership() -> None:
    world = start()
    ann, _ = room_of_two(world)
    ann.send("JOIN #den")
    world.tick()
    assert isinstance(world.journal, Disk)
    world.journal.fail()
    commit(world)
    world = restart(world)
    user = world.hub.state.user_named("ann")
    assert user is not None
    assert list(user.rooms) == ["#tea"]


def test_part_that_is_not_stored_keeps_the_membership() -> None:
    world = start()
    ann, _ = room_of_two(world)
    ann.send("PART #tea")
    world.tick()
    assert isinstance(world.journal, Disk)
    world.journal.fail()
    commit(world)
    world = restart(world)
    assert "#tea" in world.hub.state.rooms


@pytest.mark.parametrize("online", [True, False])
def test_removed_account_leaves_the_chat_and_its_name_inherits_nothing(online: bool) -> None:
    world = start()
    ann, bob = room_of_two(world)
    if not online:
        world.gone(ann)
        commit(world)
    world.order.propose(p.RemoveAccount(NO_SESSION, "", "ann", "control"))
    commit(world)
    commit(world)
    assert ("QUIT" in bob.commands()) is not online
    assert world.hub.state.accounts.members() == []
    add(world, "ann")
    commit(world)
    world = restart(world)
    again = enter(world, "ann", "sesame")
    commit(world)
    assert "JOIN" not in again.commands()


def test_removal_that_is_not_stored_leaves_the_member() -> None:
    world = start()
    ann, bob = room_of_two(world)
    world.gone(ann)
    commit(world)
    world.order.propose(p.RemoveAccount(NO_SESSION, "", "ann", "control"))
    world.tick()
    assert isinstance(world.journal, Disk)
    world.journal.fail()
    commit(world)
    assert "QUIT" not in bob.commands()
    world = restart(world)
    assert "#tea" in world.hub.state.rooms


@pytest.mark.parametrize("setting", ["off", "opt-in"])
def test_account_leaves_if_it_does_not_stay(setting: str) -> None:
    world = start(always_on=setting)
    ann, bob = room_of_two(world)
    world.gone(ann)
    commit(world)
    assert [m.command for m in bob.read()] == ["QUIT"]
    assert world.hub.state.accounts.members() == []


def test_places_are_for_connected_people() -> None:
    world = start(listener_limit=2)
    ann, _ = room_of_two(world)
    world.gone(ann)
    commit(world)
    carol = world.person("carol")
    refused = enter(world, "ann", "sesame")
    assert any("The chat is full" in line for line in refused.lines())
    world.gone(carol)
    first, second = enter(world, "ann", "sesame"), enter(world, "ann", "sesame")
    assert first.session.registered
    assert second.session.registered


def test_limit_of_a_room_counts_connected_members() -> None:
    world = start()
    ann, _ = room_of_two(world)
    ann.send("MODE #tea +l 2")
    commit(world)
    world.gone(ann)
    commit(world)
    carol = world.person("carol").send("JOIN #tea")
    commit(world)
    assert "JOIN" in carol.commands()


def test_banned_member_leaves() -> None:
    world = start()
    ann, bob = room_of_two(world)
    world.gone(ann)
    commit(world)
    world.order.propose(p.AddBan(NO_SESSION, "", "ann", True, "", 0))
    commit(world)
    commit(world)
    assert "QUIT" in bob.commands()
    assert restart(world).hub.state.user_named("ann") is None


@pytest.mark.parametrize("after_restart", [False, True])
def test_private_messages_are_replayed_to_a_client_without_chathistory(after_restart: bool) -> None:
    world = start()
    ann, bob = room_of_two(world)
    bob.send("PRIVMSG ann :before")
    commit(world)
    world.gone(ann)
    commit(world)
    bob.send("PRIVMSG ann :one", "PRIVMSG ann :two")
    commit(world)
    if after_restart:
        world = restart(world)
    back = enter(world, "ann", "sesame", caps="server-time batch")
    commit(world)
    private = [m for m in back.read() if m.command == "PRIVMSG" and m.params[0] == "ann"]
    assert [m.params[1] for m in private] == ["one", "two"]
    assert {"time", "batch"} <= set(private[0].tags)
    world.gone(back)
    commit(world)
    again = enter(world, "ann", "sesame", caps="server-time")
    commit(world)
    assert [m.params for m in again.read() if m.command == "PRIVMSG"] == []


def test_client_with_chathistory_asks_for_private_messages_itself() -> None:
    world = start()
    ann, bob = room_of_two(world)
    world.gone(ann)
    commit(world)
    bob.send("PRIVMSG ann :one")
    commit(world)
    back = enter(world, "ann", "sesame", caps="server-time batch draft/chathistory")
    commit(world)
    assert "PRIVMSG" not in back.commands()
    lines = ask(world, back, "CHATHISTORY LATEST bob * 10")
    assert any(line.endswith("PRIVMSG ann :one") for line in lines)


def test_message_during_the_playback_arrives_once() -> None:
    world = start()
    ann, bob = room_of_two(world)
    world.gone(ann)
    commit(world)
    bob.send("PRIVMSG ann :one")
    world.tick()
    back = enter(world, "ann", "sesame", caps="server-time")
    bob.send("PRIVMSG ann :two")
    commit(world)
    assert [m.params[1] for m in back.read() if m.command == "PRIVMSG"] in (["one", "two"], ["two", "one"])


def test_member_leaves_after_the_days_of_the_setting() -> None:
    world = start(always_on_days=2)
    ann, bob = room_of_two(world)
    world.gone(ann)
    commit(world)
    world.now += 2 * 24 * 3_600_000 - 1
    commit(world)
    assert "QUIT" not in bob.commands()
    world.now += 1
    commit(world)
    assert "QUIT" in bob.commands()
    assert restart(world).hub.state.user_named("ann") is None


def test_member_offline_for_longest_leaves_if_there_are_too_many() -> None:
    world = start(max_members=2)
    for name in ("ann", "carol", "dora"):
        add(world, name)
        commit(world)
        person = enter(world, name, "sesame").send("JOIN #tea")
        commit(world)
        world.now += 1000
        world.gone(person)
        commit(world)
    assert [user.nick for user in world.hub.state.users.values()] == ["carol", "dora"]
    world = restart(world)
    assert [user.nick for user in world.hub.state.users.values()] == ["carol", "dora"]


def test_oper_ends_with_the_last_device() -> None:
    world = start(operators={"root": str(scram.make("sesame", b"salt", ITERATIONS))})
    ann, _ = room_of_two(world)
    ann.send("OPER root sesame")
    commit(world)
    assert ann.user.operator == "root"
    world.gone(ann)
    commit(world)
    back = enter(world, "ann", "sesame")
    commit(world)
    assert back.user.operator == ""
    assert world.hub.state.with_mode["o"] == 0


def test_operator_by_account_is_one_after_a_restart() -> None:
    world = start()
    room_of_two(world)
    world.order.propose(p.ChangeAccount(NO_SESSION, "", "ann", "control", operator=True))
    commit(world)
    world = restart(world)
    back = enter(world, "ann", "sesame")
    commit(world)
    assert back.user.operator == "ann"
    assert world.hub.state.with_mode["o"] == 1


@pytest.mark.parametrize("fails", [False, True])
def test_nick_returns_to_the_name_of_the_account_when_the_last_device_goes(fails: bool) -> None:
    world = start()
    ann, bob = room_of_two(world)
    ann.send("NICK annie")
    commit(world)
    bob.forget()
    world.gone(ann)
    assert isinstance(world.journal, Disk)
    world.journal.commit()
    world.tick()
    if fails:
        world.journal.fail()
    commit(world)
    assert [m.params for m in bob.read() if m.command == "NICK"] == ([] if fails else [["ann"]])
    back = enter(world, "ann", "sesame")
    commit(world)
    assert back.one("001").params[0] == ("annie" if fails else "ann")
    assert world.hub.failures == 0


def test_membership_is_explained_once() -> None:
    world = start()
    add(world, "ann")
    commit(world)
    for expected in (1, 0):
        ann = enter(world, "ann", "sesame")
        commit(world)
        assert len([line for line in ann.lines() if "You stay in the chat" in line]) == expected
        world.gone(ann)
        commit(world)
    guest = world.person("zoe")
    guest.send("REGISTER * * sesame-and-more")
    commit(world)
    assert len([line for line in guest.lines() if "You stay in the chat" in line]) == 1
