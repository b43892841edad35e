"""Accounts: REGISTER, invitations, NickServ, names that belong to people (chat/commands/accounts, services)."""

from __future__ import annotations

import pytest

from chatctl.chat.apply.accounts import CONTROL
from chatctl.chat.entries import proposals as p
from chatctl.chat.model.accounts import Account
from chatctl.chat.model.ids import NO_SESSION
from chatctl.chat.model.policy import Rules
from chatctl.protocol import scram
from tests.chat.accounts import ITERATIONS, a_world, account_of, add, enter, invite, rules
from tests.chat.world import START, HeldJournal, Person, World

# REGISTER (account-registration).


def test_register_makes_an_account_and_logs_in() -> None:
    world = a_world()
    ann, bob = world.person("ann", "#lobby"), world.person("bob", "#lobby", caps="account-notify account-tag")
    got = ann.send("REGISTER * * hunter22").read()
    assert [m.command for m in got] == ["REGISTER", "900"]
    assert got[0].params[:2] == ["SUCCESS", "ann"]
    assert bob.one("ACCOUNT").params == ["ann"]
    ann.send("PRIVMSG #lobby :hi")
    assert bob.one("PRIVMSG").tags == {"account": "ann"}
    assert "hunter22" not in str(world.log.events)


def test_register_before_registration_makes_an_account() -> None:
    world = a_world()
    ann = world.connect().send("CAP LS 302", "NICK ann", "USER u 0 * :r", "REGISTER * * hunter22").forget()
    ann.send("CAP END")
    assert account_of(world, ann) == "ann"
    for account in ("*", "ann"):
        fail = world.connect().send("CAP LS 302", f"REGISTER {account} * hunter22").one("FAIL")
        assert fail.params[:3] == ["REGISTER", "NEED_NICK", "*"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("REGISTER other * hunter22", "ACCOUNT_NAME_MUST_BE_NICK"),
        ("REGISTER * * short", "WEAK_PASSWORD"),
        ("REGISTER * * EVELYN", "WEAK_PASSWORD"),
        (f"REGISTER * * {'x' * 301}", "UNACCEPTABLE_PASSWORD"),
        ("VERIFY eve 123", "INVALID_CODE"),
    ],
)
def test_invalid_register_is_refused_with_its_code(line: str, code: str) -> None:
    world = a_world()
    eve = world.person("evelyn")
    assert eve.send(line).one("FAIL").params[1] == code
    assert account_of(world, eve) == ""


def test_register_of_an_existing_account_is_refused() -> None:
    world = a_world()
    ann = world.person("ann")
    ann.send("REGISTER * * hunter22").forget()
    assert ann.send("REGISTER * * hunter22").one("FAIL").params[1] == "ALREADY_AUTHENTICATED"
    eve = world.connect().send("CAP LS 302", "NICK ann", "USER u 0 * :r", "REGISTER * * hunter33")
    assert eve.one("FAIL").params[1] == "ACCOUNT_EXISTS"


def test_register_before_registration_of_a_used_name_is_refused() -> None:
    world = a_world()
    world.person("ann")
    eve = world.connect().send("CAP LS 302", "NICK ann").forget()
    assert eve.send("REGISTER * * hunter22").one("FAIL").params[1] == "ACCOUNT_EXISTS"
    assert world.hub.state.accounts.named("ann") is None


def test_name_that_looks_like_an_account_is_refused() -> None:
    world = a_world()
    add(world, "paypal")
    eve = world.connect().send("NICK раураӏ", "USER u 0 * :r")
    assert "looks too much like paypal" in eve.one("433").params[2]


def test_one_of_two_simultaneous_registers_of_a_name_succeeds() -> None:
    world = a_world()
    people = [world.connect() for _ in range(2)]
    world.workers.held = True
    for person in people:
        person.send("CAP LS 302", "NICK ann", "USER u 0 * :r", "REGISTER * * hunter22").forget()
    world.workers.let_go()
    world.tick()
    answers = [person.read()[0] for person in people]
    assert sorted(answer.command for answer in answers) == ["FAIL", "REGISTER"]
    assert answers[1].params[1] == "ACCOUNT_EXISTS"


def test_register_is_refused_if_registration_is_closed() -> None:
    world = a_world(registration="closed")
    eve = world.person("eve")
    assert eve.send("REGISTER * * hunter22").one("FAIL").params[1] == "ACCESS_DENIED"


def test_register_does_not_bypass_the_server_password() -> None:
    world = a_world(password="letmein")
    eve = world.connect().send("CAP LS 302", "NICK eve", "USER u 0 * :r").forget()
    assert eve.send("REGISTER * * hunter22").one("FAIL").params[1] == "ACCESS_DENIED"
    eve.send("PASS letmein", "REGISTER * * hunter22", "CAP END")
    assert account_of(world, eve) == "eve"
    world.gone(eve)
    again = enter(world, "eve", "hunter22")
    assert again.session.registered, "a login replaces the password"
    assert "464" in world.connect().send("NICK bob", "USER u 0 * :r").commands()


def test_account_is_announced_only_when_stored_and_rolled_back_otherwise() -> None:
    journal = HeldJournal()
    world = World(rules(), journal=journal)
    ann = world.connect().send("NICK ann", "USER u 0 * :r").forget()
    ann.send("REGISTER * * hunter22", "PING x")
    assert ann.lines() == []
    journal.commit()
    world.tick()
    assert ann.commands() == ["REGISTER", "900", "PONG"]
    assert isinstance(journal.kept["account", "ann"], Account)
    bob = world.connect().send("NICK bob", "USER u 0 * :r").forget()
    bob.send("REGISTER * * hunter22")
    journal.fail()
    world.tick()
    assert bob.read()[0].params[:2] == ["REGISTER", "NOT_STORED"]
    assert world.hub.state.accounts.named("bob") is None
    assert account_of(world, bob) == ""


def test_unstored_privileges_are_rolled_back() -> None:
    journal = HeldJournal()
    world = World(rules(), journal=journal)
    add(world, "ann")
    journal.commit()
    ann = enter(world, "ann", "sesame")
    user = ann.user

    def change(operator: bool) -> None:
        world.order.propose(p.ChangeAccount(NO_SESSION, "", "ann", CONTROL, operator=operator))
        world.tick()

    change(operator=True)
    assert (user.operator, user.modes) == ("ann", "o")
    journal.fail()
    world.tick()
    assert (user.operator, user.modes) == ("", "")
    change(operator=True)
    journal.commit()
    ann.send("MODE ann +w").forget()
    world.now += 2000
    change(operator=False)
    journal.fail()
    world.tick()
    assert (user.operator, user.modes) == ("ann", "ow")


def test_account_whose_removal_was_not_stored_still_exists() -> None:
    journal = HeldJournal()
    world = World(rules(), journal=journal)
    add(world, "ann")
    journal.commit()
    ann = enter(world, "ann", "sesame")
    world.order.propose(p.RemoveAccount(NO_SESSION, "", "ann", CONTROL))
    world.tick()
    assert ann.user.account == ""
    journal.fail()
    world.tick()
    assert ann.user.account == "ann"
    assert ann.send("PING x").commands()[-1] == "PONG"


@pytest.mark.parametrize("end", ["removed", "not kept"])
def test_registering_client_of_a_removed_account_does_not_get_the_next_one(end: str) -> None:
    """Otherwise they could be logged in to an account of that name that is made before they send CAP END."""
    journal = HeldJournal()
    world = World(rules(), journal=journal)
    eve = world.connect().send("CAP LS 302", "NICK ann", "USER u 0 * :r", "REGISTER * * hunter22")
    if end == "removed":
        journal.commit()
        world.order.propose(p.RemoveAccount(NO_SESSION, "", "ann", CONTROL))
        world.tick()
        journal.commit()
    else:
        journal.fail()
    world.tick()
    world.now += 2000
    add(world, "ann")
    journal.commit()
    eve.send("CAP END")
    assert world.hub.state.user_named("ann") is None


# Invitations.


def test_invitation_is_used_up_and_expires() -> None:
    world = a_world(registration="invite", guests=False, password="letmein")
    invite(world, uses=1)
    assert "token" not in str(list(world.hub.state.accounts._records.values()))

    def come(nick: str) -> Person:
        person = world.connect().send("CAP LS 302", f"NICK {nick}", "USER u 0 * :r", "REDEEM token")
        return person.send("REGISTER * * hunter22", "CAP END")

    assert come("ann").session.registered
    bob = come("bob")
    assert not bob.session.registered
    assert [m.params[1] for m in bob.read() if m.command == "FAIL"][:2] == ["ACCESS_DENIED", "ACCESS_DENIED"]
    invite(world, uses=5)
    world.now += 3_600_000
    assert not come("carol").session.registered
    invite(world, uses=5)
    assert not [key for key, record in world.hub.state.accounts._records.items() if getattr(record, "uses", 1) <= 0]
    assert come("dan").session.registered


def test_one_of_two_simultaneous_uses_of_an_invitation_succeeds() -> None:
    world = a_world(registration="invite")
    invite(world, uses=1)
    world.workers.held = True
    people = [world.connect().send("CAP LS 302", f"NICK {nick}", "REDEEM token") for nick in ("ann", "bob")]
    for person in people:
        person.forget().send("REGISTER * * hunter22")
    world.workers.let_go()
    world.tick()
    assert sorted(person.read()[0].command for person in people) == ["FAIL", "REGISTER"]


# Names that belong to people.


def test_name_of_an_account_is_for_its_owner_only() -> None:
    world = a_world()
    add(world, "Ann")
    eve = world.connect().send("NICK ann", "USER u 0 * :r")
    assert "belongs to an account" in eve.one("433").params[2]
    eve.send("CAP LS 302", "NICK ann").forget()
    assert "belongs to an account" in eve.send("CAP END").one("433").params[2]
    eve.send("NICK eve").forget()
    assert "belongs to an account" in eve.send("NICK ANN").one("433").params[2]
    ann = enter(world, "ann", "sesame")
    assert account_of(world, ann) == "Ann"
    assert ann.send("NICK ANN", "NICK ann").commands()[-2:] == ["NICK", "NICK"]


def test_nickserv_cannot_be_taken_as_a_name() -> None:
    world = a_world()
    eve = world.connect().send("NICK NickServ", "USER u 0 * :r")
    assert eve.commands() == ["433"]


def test_guest_is_refused_if_accounts_are_required() -> None:
    world = a_world(guests=False)
    add(world, "ann")
    eve = world.connect().send("NICK eve", "USER u 0 * :r")
    got = eve.read()
    assert [m.command for m in got] == ["FAIL", "ERROR"]
    assert got[0].params[:2] == ["*", "ACCOUNT_REQUIRED"]
    assert enter(world, "ann", "sesame").session.registered


def test_promoted_account_is_an_operator() -> None:
    world = a_world()
    add(world, "ann", operator=True)
    ann = enter(world, "ann", "sesame")
    assert ann.user.operator == "ann"
    assert "381" in ann.commands()
    assert ann.send("LUSERS").one("252").params[1] == "1"
    world.order.propose(p.ChangeAccount(NO_SESSION, "", "ann", CONTROL, operator=False))
    world.tick()
    assert ann.user.operator == ""
    assert ann.send("LUSERS").one("252").params[1] == "0"


def test_removed_account_logs_its_users_out() -> None:
    world = a_world()
    add(world, "ann")
    ann, bob = enter(world, "ann", "sesame"), world.person("bob", "#lobby", caps="account-notify")
    ann.send("JOIN #lobby").forget()
    bob.forget()
    world.order.propose(p.RemoveAccount(NO_SESSION, "", "ann", CONTROL))
    world.tick()
    assert bob.one("ACCOUNT").params == ["*"]
    assert "901" in ann.commands()
    assert account_of(world, ann) == ""


# NickServ.


def say(person: Person, text: str) -> str:
    return " / ".join(m.params[-1] for m in person.send(f"PRIVMSG NickServ :{text}").read() if m.command == "NOTICE")


def test_nickserv_commands_work() -> None:
    world = a_world()
    ann = world.person("ann")
    assert "REGISTER <password>" in say(ann, "help")
    assert "REGISTER <password>" in say(ann, "REGISTER")
    assert "6 characters" in say(ann, "REGISTER abc")
    assert say(ann, "REGISTER hunter22 ann@example.org") == "The account ann is yours"
    assert account_of(world, ann) == "ann"
    assert say(ann, "LOGOUT") == "You are logged out"
    assert account_of(world, ann) == ""
    assert "wrong" in say(ann, "IDENTIFY nonsense")
    assert say(ann, "identify hunter22") == "You are logged in to ann"
    assert "wrong" in say(ann, "PASSWD nonsense different1")
    assert say(ann, "PASSWD hunter22 different1") == "ann has a new password"
    bob = world.person("bob")
    assert say(bob, "IDENTIFY ann different1") == "You are logged in to ann"
    assert "is an account" in say(bob, "INFO ann")
    assert "Unknown command" in say(bob, "FROBNICATE")
    assert "is an account" in "".join(bob.send("NS INFO ann").lines())
    assert "hunter22" not in str(world.facts)
    assert "different1" not in str(world.log.events)


def test_nickserv_register_accepts_an_invitation() -> None:
    world = a_world(registration="invite")
    invite(world)
    ann = world.person("ann")
    assert "needs an invitation" in say(ann, "REGISTER hunter22")
    assert "unknown" in say(ann, "REGISTER hunter22 nonsense")
    assert say(ann, "REGISTER hunter22 token") == "The account ann is yours"


def test_chatctl_client_is_hinted_that_a_name_has_an_account() -> None:
    world = a_world()
    add(world, "ann")
    asked = world.connect().send("CAP LS 302", "CAP REQ standard-replies").forget()
    assert asked.send("NICK ann").one("NOTE").params[:3] == ["NICK", "ACCOUNT_REQUIRED", "ann"]
    assert asked.send("NICK other").lines() == []
    assert world.connect().send("CAP LS 302").forget().send("NICK ann").lines() == [], "others may be about to log in"


def test_changed_iterations_apply_to_new_passwords_only() -> None:
    world = a_world()
    add(world, "ann")
    world.hub.state.rules = world.hub._context.rules = Rules(listener_limit=100, created=START, iterations=5000)
    world.person("bob").send("REGISTER * * sesame").forget()
    found = {account.name: scram.parse(account.verifier).iterations for account in world.hub.state.accounts}
    assert found == {"ann": ITERATIONS, "bob": 5000}
    assert account_of(world, enter(world, "ann", "sesame")) == "ann"


def test_nickserv_line_of_a_lost_connection_is_not_computed() -> None:
    world = World()
    ann = world.person("ann")
    world.workers.held = True
    world.hub.receive(ann.session, ["PRIVMSG NickServ :IDENTIFY guess"] * 3)
    world.hub.leave(ann.session, "Connection closed")
    world.tick()
    assert world.workers.tasks == []
    assert world.hub.ended == [ann.session]


def test_passwd_after_the_account_was_made_anew_is_refused() -> None:
    world = a_world()
    add(world, "ann")
    ann = enter(world, "ann", "sesame")
    world.workers.held = True
    ann.forget()
    ann.send("NS PASSWD sesame different1")
    world.workers.let_go()  # the old password is right; the new verifier is being derived
    world.order.propose(p.RemoveAccount(NO_SESSION, "", "ann", CONTROL))
    anew = str(scram.make("another-owner", b"other salt", ITERATIONS))
    world.order.propose(p.AddAccount(NO_SESSION, "", "ann", anew, CONTROL))
    world.tick()
    world.workers.let_go()
    world.tick()
    account = world.hub.state.accounts.named("ann")
    assert account is not None
    assert account.verifier == anew
    assert any("changed while the password was checked" in line for line in ann.lines())


def test_passwd_after_another_password_change_is_refused() -> None:
    world = a_world()
    add(world, "ann")
    ann = enter(world, "ann", "sesame")
    world.workers.held = True
    ann.send("NS PASSWD sesame different1")
    reset = str(scram.make("reset-by-admin", b"other salt", ITERATIONS))
    world.order.propose(p.ChangeAccount(NO_SESSION, "", "ann", CONTROL, reset))
    world.tick()
    world.workers.let_go()
    world.tick()
    world.workers.let_go()
    world.tick()
    account = world.hub.state.accounts.named("ann")
    assert account is not None
    assert account.verifier == reset


def test_operator_by_an_account_who_logs_in_to_another_loses_the_privileges() -> None:
    world = a_world()
    add(world, "ann", operator=True)
    add(world, "bob")
    ann = enter(world, "ann", "sesame")
    assert ann.user.operator == "ann"
    ann.forget().send("NS IDENTIFY bob sesame")
    assert (ann.user.account, ann.user.operator, ann.user.modes) == ("bob", "", "")
    assert ann.one("MODE").params == ["ann", "-o"]
