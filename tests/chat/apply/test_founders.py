"""Rooms that belong to an account (chat/apply/accounts, State.enter)."""

from __future__ import annotations

from chatctl.chat.apply.accounts import CONTROL
from chatctl.chat.entries import proposals as p
from chatctl.chat.model.accounts import Record
from chatctl.chat.model.ids import NO_SESSION
from chatctl.chat.model.modes import OPERATOR
from chatctl.chat.model.records import RoomRecord
from tests.chat.accounts import a_world, add, enter, rules
from tests.chat.world import HeldJournal, World


def test_founder_is_operator_again_after_a_restart() -> None:
    journal = HeldJournal()
    world = World(rules(), journal=journal)
    ann = world.connect().send("NICK ann", "USER u 0 * :r", "REGISTER * * hunter22").forget()
    ann.send("JOIN #hers", "MODE #hers +k secret", "PART #hers").forget()
    journal.commit()
    record = journal.stored["#hers"]
    assert record.founder == ann.user.account_id != ""

    class Kept(HeldJournal):
        def rooms(self) -> list[RoomRecord]:
            return [record]

        def records(self) -> list[Record]:
            return [kept for kept in journal.kept.values() if kept is not None]

    again = World(rules(), journal=Kept())
    eve = again.connect().send("NICK eve", "USER u 0 * :r", "JOIN #hers secret").forget()
    room = again.hub.state.rooms["#hers"]
    assert room.members == {eve.user.id: 0}, "the first member of an owned room is not its operator"
    ann = enter(again, "ann", "hunter22")
    ann.send("JOIN #hers").forget()
    assert room.members[ann.user.id] == OPERATOR


def test_founder_status_follows_login_and_account_removal() -> None:
    world = a_world()
    add(world, "ann")
    ann, bob = enter(world, "ann", "sesame"), world.person("bob")
    ann.send("JOIN #hers").forget()
    bob.send("JOIN #hers").forget()
    ann.send("PART #hers", "NS LOGOUT", "JOIN #hers").forget()
    room = world.hub.state.rooms["#hers"]
    assert room.members[ann.user.id] == 0
    bob.forget()
    ann.send("NS IDENTIFY ann sesame").forget()
    assert room.members[ann.user.id] == OPERATOR
    assert bob.one("MODE").params == ["#hers", "+o", "ann"]
    bob.send("PART #hers")
    ann.send("PART #hers")
    world.order.propose(p.RemoveAccount(NO_SESSION, "", "ann", CONTROL))
    world.tick()
    assert "#hers" not in world.hub.state.rooms


def test_founder_removed_while_no_server_ran_is_forgotten() -> None:
    class Kept(HeldJournal):
        def rooms(self) -> list[RoomRecord]:
            return [RoomRecord("#hers", "#hers", 5, "nt", "tea", "ann", 5, founder="ann")]

    journal = Kept()
    world = World(rules(), journal=journal)
    world.connect().send("NICK bob", "USER u 0 * :r", "JOIN #lobby")
    journal.commit()
    assert journal.stored["#hers"].founder == "", "or a later account of that name would own the room"


def test_founder_who_joins_an_occupied_room_is_shown_to_its_members_as_operator() -> None:
    world = a_world()
    add(world, "ann")
    ann = enter(world, "ann", "sesame").send("JOIN #hers").forget()
    bob = world.person("bob", "#hers")
    ann.send("PART #hers").forget()
    bob.forget()
    ann.send("JOIN #hers")
    assert bob.one("MODE").params == ["#hers", "+o", "ann"]
