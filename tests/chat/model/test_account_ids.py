"""Accounts are known by ids that are never given again ([grant-by-id] in chat/model/accounts)."""

from __future__ import annotations

import pytest

from chatctl.chat.apply.accounts import CONTROL, SASL
from chatctl.chat.commands.base import CommandContext
from chatctl.chat.entries import proposals as p
from chatctl.chat.model.accounts import Record
from chatctl.chat.model.ids import NO_SESSION
from chatctl.chat.model.records import RoomRecord
from chatctl.chat.model.reserved_names import NICKSERV
from chatctl.protocol import scram
from tests.chat.accounts import ITERATIONS, a_world, add, enter, rules
from tests.chat.world import HeldJournal, HeldOrder, Person, World

CAPS = "batch message-tags draft/chathistory soju.im/search draft/read-marker draft/message-redaction draft/metadata-2"


def remove(world: World, name: str) -> None:
    world.order.propose(p.RemoveAccount(NO_SESSION, "", name, CONTROL))
    world.tick()


def world_in_which_ann_was_removed_and_made_anew() -> tuple[World, Person, Person, str]:
    """Return the world, the new ann, bob, and the id of a message of the old ann in #tea."""
    world = a_world()
    add(world, "ann", "first1")
    add(world, "bob")
    old, bob = enter(world, "ann", "first1", caps=CAPS), enter(world, "bob", "sesame", caps=CAPS)
    bob.send("JOIN #tea")
    old.send(
        "JOIN #tea,#den", "MODE #den +i", "PRIVMSG bob :a secret", "PRIVMSG #tea :public", "METADATA * SET color :red"
    )
    old.send("MARKREAD #tea timestamp=2023-01-01T00:00:00.000Z").forget()
    message_id = next(fact.message_id for fact in world.facts if fact.text == "public")
    bob.send("PRIVMSG ann :an answer").forget()
    old.send("QUIT")
    remove(world, "ann")
    add(world, "ann", "second")
    return world, enter(world, "ann", "second", caps=CAPS).forget(), bob.forget(), message_id


def test_account_ids_are_never_reused() -> None:
    world = a_world()
    ids = []
    for _ in range(3):
        add(world, "ann")
        account = world.hub.state.accounts.named("ann")
        assert account is not None
        ids.append(account.id)
        remove(world, "ann")
    assert len(set(ids)) == 3


@pytest.mark.parametrize(
    "command",
    [
        "CHATHISTORY LATEST bob * 10",
        "CHATHISTORY TARGETS timestamp=2000-01-01T00:00:00.000Z timestamp=2100-01-01T00:00:00.000Z 10",
        "SEARCH text=secret",
        "SEARCH from=bob",
    ],
)
def test_new_account_with_an_old_name_reads_nothing_of_the_old_one(command: str) -> None:
    _, ann, _, _ = world_in_which_ann_was_removed_and_made_anew()
    assert not {"PRIVMSG", "CHATHISTORY"} & set(ann.send(command).commands())


def test_peer_of_a_removed_account_keeps_the_conversation_apart_from_the_new_one() -> None:
    _, ann, bob, _ = world_in_which_ann_was_removed_and_made_anew()
    ann.send("PRIVMSG bob :hello from the new ann")
    read = bob.forget().send("CHATHISTORY LATEST ann * 10").read()
    assert [m.params[1] for m in read if m.command == "PRIVMSG"] == ["hello from the new ann"]


def test_new_account_has_no_marker_metadata_or_room_of_the_old_one() -> None:
    world, ann, _, _ = world_in_which_ann_was_removed_and_made_anew()
    assert ann.send("MARKREAD #tea").one("MARKREAD").params == ["#tea", "*"]
    assert "red" not in [m.params[-1] for m in ann.send("METADATA * LIST").read()]
    if "#den" in world.hub.state.rooms:
        assert "473" in ann.send("JOIN #den").commands()


def test_new_account_cannot_delete_messages_of_the_old_one() -> None:
    _, ann, _, message_id = world_in_which_ann_was_removed_and_made_anew()
    assert ann.send("JOIN #tea", f"REDACT #tea {message_id}").one("FAIL").params[1] == "REDACT_FORBIDDEN"


def test_account_removed_while_no_server_ran_leaves_no_place_in_a_closed_room() -> None:
    journal = HeldJournal()
    world = World(rules(), journal=journal)
    add(world, "ann", "first1")
    add(world, "bob")
    ann, bob = enter(world, "ann", "first1"), enter(world, "bob", "sesame")
    bob.send("JOIN #den", "MODE #den +i", "INVITE ann #den")
    ann.send("JOIN #den")
    journal.commit()

    class Stopped(HeldJournal):
        def rooms(self) -> list[RoomRecord]:
            return list(journal.stored.values())

        def records(self) -> list[Record]:
            return [kept for key, kept in journal.kept.items() if kept is not None and key != ("account", "ann")]

    again = World(rules(), journal=Stopped())
    room = again.hub.state.rooms["#den"]
    ids = [each.id for each in again.hub.state.accounts]
    assert list(room.insiders or ()) == [f"account {ids[0]}"]
    add(again, "ann", "second")
    assert isinstance(again.journal, HeldJournal)
    again.journal.commit()
    assert "473" in enter(again, "ann", "second").send("JOIN #den").commands()


@pytest.mark.parametrize("closed", ["MODE #den +iI a:Ann", "MODE #den +be *!*@* a:ann"])
def test_exception_for_an_account_does_not_mean_the_next_account_of_that_name(closed: str) -> None:
    world = a_world()
    add(world, "ann", "first1")
    add(world, "bob")
    ann, bob = enter(world, "ann", "first1"), enter(world, "bob", "sesame")
    world.now += 1
    bob.send("JOIN #den", closed)
    assert "JOIN" in ann.forget().send("JOIN #den").commands()
    ann.send("PART #den", "QUIT")
    remove(world, "ann")
    world.now += 1
    add(world, "ann", "second")
    again = enter(world, "ann", "second").forget()
    assert "JOIN" not in again.send("JOIN #den").commands()
    bob.send(closed.replace("+iI", "-I").replace("+be *!*@* ", "-e "))
    world.now += 1
    bob.send(closed.replace("+be *!*@* ", "+e "))
    assert "JOIN" in again.forget().send("JOIN #den").commands()


def test_exception_for_a_pattern_of_accounts_means_all_of_them() -> None:
    world = a_world()
    add(world, "bob")
    enter(world, "bob", "sesame").send("JOIN #den", "MODE #den +iI a:an*")
    world.now += 1
    add(world, "ann", "second")
    assert "JOIN" in enter(world, "ann", "second").forget().send("JOIN #den").commands()


# A check that was made before its place in the order.


def made_anew(order: HeldOrder, password: str) -> None:
    """Propose the removal of ann, and another ann with this password."""
    verifier = str(scram.make(password, b"salt", ITERATIONS))
    order.propose(p.RemoveAccount(NO_SESSION, "", "ann", CONTROL))
    order.propose(p.AddAccount(NO_SESSION, "", "ann", verifier, CONTROL))


def held_world() -> tuple[World, HeldOrder]:
    order = HeldOrder()
    world = World(rules(), order=order)
    order.propose(p.AddAccount(NO_SESSION, "", "ann", str(scram.make("sesame", b"salt", ITERATIONS)), CONTROL))
    order.let_go()
    world.tick()
    return world, order


@pytest.mark.parametrize("form", [SASL, NICKSERV])
@pytest.mark.parametrize("password", ["sesame", "another"])
def test_login_that_was_checked_before_the_account_was_made_anew_is_refused(form: str, password: str) -> None:
    world, order = held_world()
    account = world.hub.state.accounts.named("ann")
    assert account is not None
    eve = world.connect()
    made_anew(order, password)
    order.propose(p.LogIn(eve.session.id, "", account.id, account.verifier, form))
    order.let_go()
    world.tick()
    view: CommandContext = world.hub._context
    assert view.account(eve.session) == ""


def test_password_change_that_was_checked_before_the_account_was_made_anew_is_refused() -> None:
    world, order = held_world()
    account = world.hub.state.accounts.named("ann")
    assert account is not None
    made_anew(order, "another")
    mine = str(scram.make("stolen", b"salt", ITERATIONS))
    checked = account.id, account.verifier
    order.propose(p.ChangeAccount(NO_SESSION, "", "ann", NICKSERV, mine, checked=checked))
    order.let_go()
    world.tick()
    now = world.hub.state.accounts.named("ann")
    assert now is not None
    assert now.verifier == str(scram.make("another", b"salt", ITERATIONS))


def test_registration_with_an_account_that_was_made_anew_is_a_guests() -> None:
    world, order = held_world()
    account = world.hub.state.accounts.named("ann")
    assert account is not None
    eve = world.connect()
    made_anew(order, "another")
    order.propose(p.Register(eve.session.id, "", "eve", "~u", "r", "host", account_id=account.id))
    order.let_go()
    world.tick()
    assert eve.user.account == ""
