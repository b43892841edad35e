"""Accounts: SASL, REGISTER, NickServ, names that belong to people (chat/commands/sasl, accounts, services)."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatctl.chat import proposals as p
from chatctl.chat.accounts import Account, Record
from chatctl.chat.apply.accounts import CONTROL
from chatctl.chat.history import RoomRecord
from chatctl.chat.modes import OPERATOR
from chatctl.chat.rules import Rules
from chatctl.protocol import scram
from tests.chat.world import START, HeldJournal, Person, World

ITERATIONS = 4096


def rules(**changes: object) -> Rules:
    return Rules(listener_limit=100, created=START, iterations=ITERATIONS, **changes)  # type: ignore[arg-type]


def a_world(**changes: object) -> World:
    return World(rules(**changes))


def add(world: World, name: str, password: str = "sesame", *, operator: bool = False) -> None:
    """An account, made by whoever runs the server."""
    verifier = str(scram.make(password, b"salt", ITERATIONS))
    world.order.propose(p.AddAccount(0, "", name, verifier, CONTROL, operator=operator))
    world.tick()


def plain(name: str, password: str, authzid: str = "") -> str:
    return "AUTHENTICATE " + base64.b64encode(f"{authzid}\0{name}\0{password}".encode()).decode()


def enter(world: World, nick: str, password: str, *, account: str = "", caps: str = "") -> Person:
    """Somebody who logs in on the way in."""
    person = world.connect()
    person.send("CAP LS 302", f"NICK {nick}", "USER u 0 * :r", f"CAP REQ :sasl {caps}")
    person.send("AUTHENTICATE PLAIN", plain(account or nick, password), "CAP END")
    return person


def account_of(world: World, person: Person) -> str:
    return world.hub.state.users[person.session.id].account


# SASL (sasl-3.1, sasl-3.2).


def test_plain_before_registration() -> None:
    world = a_world()
    add(world, "ann")
    ann = enter(world, "ann", "sesame")
    got = ann.read()
    commands = [m.command for m in got]
    assert commands.index("AUTHENTICATE") < commands.index("900") < commands.index("903") < commands.index("001")
    assert next(m for m in got if m.command == "900").params[:3] == ["*", "*!*@*", "ann"]
    assert account_of(world, ann) == "ann"
    bob = world.person("bob")
    assert bob.send("WHOIS ann").one("330").params[1:3] == ["ann", "ann"]
    assert bob.send("WHO ann %na").one("354").params[1:] == ["ann", "ann"]


def test_plain_after_registration_and_again_as_somebody_else() -> None:
    world = a_world()
    add(world, "ann")
    add(world, "bob")
    eve = world.person("eve", caps="sasl")
    eve.send("AUTHENTICATE PLAIN", plain("ann", "sesame"))
    assert eve.one("900").params[1].startswith("eve!")
    eve.send("AUTHENTICATE PLAIN", plain("bob", "sesame"))
    assert account_of(world, eve) == "bob"


@pytest.mark.parametrize(
    "line",
    [
        plain("ann", "wrong"),
        plain("nobody", "sesame"),
        plain("", "sesame"),
        plain("ann", ""),
        plain("ann", "sesame", "bob"),
        plain("ann", "ses\0ame"),
        "AUTHENTICATE !!!",
        "AUTHENTICATE é",
        "AUTHENTICATE " + base64.b64encode(b"\xff\0ann\0\xff").decode(),
        "AUTHENTICATE +",
        "AUTHENTICATE YQ",
    ],
)
def test_plain_that_fails_and_can_be_tried_again(line: str) -> None:
    world = a_world()
    add(world, "ann")
    eve = world.person("eve", caps="sasl")
    assert eve.send("AUTHENTICATE PLAIN", line).commands() == ["AUTHENTICATE", "904"]
    assert account_of(world, eve) == ""
    eve.send("AUTHENTICATE PLAIN", plain("ann", "sesame", "ann"))
    assert account_of(world, eve) == "ann"


def test_an_account_that_is_not_there_cannot_be_told_apart() -> None:
    world = a_world()
    add(world, "ann")
    said = []
    for name in ("ann", "nobody"):
        eve = world.person(f"eve{name}", caps="sasl")
        world.workers.held = True
        eve.send("AUTHENTICATE PLAIN", plain(name, "wrong"))
        assert len(world.workers.tasks) == 1, "the time it takes would tell"
        world.workers.let_go()
        world.tick()
        said.append(eve.one("904").params[1:])
    assert said[0] == said[1]


def test_pieces_of_400_bytes() -> None:
    """A message whose length is a multiple of 400 is ended by an empty piece."""
    world = a_world()
    password = "x" * (300 - len("\0ann\0"))
    add(world, "ann", password)
    data = base64.b64encode(f"\0ann\0{password}".encode()).decode()
    assert len(data) == 400
    eve = world.person("eve", caps="sasl")
    eve.send("AUTHENTICATE PLAIN", f"AUTHENTICATE {data}").forget()
    assert account_of(world, eve) == ""
    assert eve.send("AUTHENTICATE +").commands() == ["900", "903"]


def test_too_long_and_endless() -> None:
    world = a_world()
    eve = world.person("eve", caps="sasl")
    assert eve.send("AUTHENTICATE PLAIN", "AUTHENTICATE " + "A" * 401).commands()[-1] == "905"
    got = eve.send("AUTHENTICATE PLAIN", *["AUTHENTICATE " + "A" * 400] * 100).commands()
    assert got[:2] == ["AUTHENTICATE", "904"]
    assert eve.session.sasl is None or len(eve.session.sasl.pieces) < 11


def test_abort_and_unknown_mechanisms() -> None:
    world = a_world()
    eve = world.person("eve", caps="sasl")
    assert eve.send("AUTHENTICATE PLAIN", "AUTHENTICATE *").commands() == ["AUTHENTICATE", "906"]
    got = eve.send("AUTHENTICATE GSSAPI").read()
    assert [m.command for m in got] == ["908", "904"]
    assert got[0].params[1] == "PLAIN,SCRAM-SHA-256"
    assert eve.send("AUTHENTICATE").commands() == ["461"]


def test_plain_is_refused_where_others_can_read_along() -> None:
    world = a_world()
    add(world, "ann")
    eve = world.connect("192.0.2.1", secure=False).send("NICK eve", "USER u 0 * :r").forget()
    got = eve.send("AUTHENTICATE PLAIN").read()
    assert [m.command for m in got] == ["908", "904"]
    assert got[0].params[1] == "SCRAM-SHA-256"
    assert "TLS" in eve.send("PRIVMSG NickServ :IDENTIFY ann sesame").one("NOTICE").params[1]
    assert eve.send("REGISTER * * longenough").one("FAIL").params[1] == "UNACCEPTABLE_PASSWORD"
    assert account_of(world, eve) == ""
    assert log_in_by_scram(eve, "ann", "sesame") == "903"


def log_in_by_scram(person: Person, name: str, password: str) -> str:
    """The whole exchange; the last numeric."""

    def said(text: str) -> str:
        return "AUTHENTICATE " + base64.b64encode(text.encode()).decode()

    first = scram.client_first(name, "clientnonce")
    person.send("AUTHENTICATE SCRAM-SHA-256", said(first))
    answer = person.read()[-1]
    if answer.command != "AUTHENTICATE":
        return answer.command
    final, expected = scram.client_final(first, base64.b64decode(answer.params[0]).decode(), password)
    reply = person.send(said(final)).read()[-1]
    if reply.command != "AUTHENTICATE":
        return reply.command
    assert base64.b64decode(reply.params[0]).decode() == expected
    return person.send("AUTHENTICATE +").read()[-1].command


def test_scram() -> None:
    """RFC 5802; the server proves itself as well."""
    world = a_world()
    add(world, "ann")
    eve = world.person("eve", caps="sasl")
    world.workers.held = True  # the loop does it alone
    assert log_in_by_scram(eve, "ann", "wrong") == "904"
    assert log_in_by_scram(eve, "nobody", "sesame") == "904"
    assert log_in_by_scram(eve, "ann", "sesame") == "903"
    assert account_of(world, eve) == "ann"


def test_a_password_that_changes_during_the_exchange() -> None:
    world = a_world()
    add(world, "ann")
    eve = world.person("eve", caps="sasl")
    world.workers.held = True
    eve.send("AUTHENTICATE PLAIN", plain("ann", "sesame")).forget()
    other = str(scram.make("other", b"salt", ITERATIONS))
    world.order.propose(p.ChangeAccount(0, "", "ann", CONTROL, other))
    world.workers.let_go()
    world.tick()
    assert eve.commands() == ["904"]
    assert account_of(world, eve) == ""


@given(st.lists(st.text(alphabet="A+=*/!\0é", max_size=500), max_size=6), st.sampled_from(["PLAIN", "SCRAM-SHA-256"]))
@settings(max_examples=60)
def test_any_pieces_at_all(pieces: list[str], mechanism: str) -> None:
    world = a_world()
    eve = world.connect()
    eve.send(f"AUTHENTICATE {mechanism}", *(f"AUTHENTICATE {piece}" for piece in pieces), "PING end")
    assert world.hub.failures == 0
    assert eve.session.account == ""


# Guessing.


def test_a_thousand_guesses_fail_and_the_owner_gets_in() -> None:
    world = a_world()
    add(world, "ann")
    checked = 0
    for number in range(100):
        guesser = world.connect("192.0.2.7")
        for _ in range(10):
            world.workers.held = True
            guesser.send("AUTHENTICATE PLAIN", plain("ann", f"guess{number}"))
            checked += len(world.workers.tasks)
            world.workers.let_go()
            world.tick()
    assert checked <= 10
    world.workers.held = False
    owner = world.connect("192.0.2.8").send("CAP REQ :sasl", "AUTHENTICATE PLAIN", plain("ann", "sesame"))
    assert "903" in owner.commands()


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


def test_register_before_registration() -> None:
    world = a_world()
    ann = world.connect().send("CAP LS 302", "NICK ann", "USER u 0 * :r", "REGISTER * * hunter22").forget()
    ann.send("CAP END")
    assert account_of(world, ann) == "ann"
    assert world.connect().send("CAP LS 302", "REGISTER * * hunter22").one("FAIL").params[1] == "NEED_NICK"


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
def test_register_that_is_refused(line: str, code: str) -> None:
    world = a_world()
    eve = world.person("evelyn")
    assert eve.send(line).one("FAIL").params[1] == code
    assert account_of(world, eve) == ""


def test_register_for_a_name_that_has_an_account_and_twice() -> None:
    world = a_world()
    ann = world.person("ann")
    ann.send("REGISTER * * hunter22").forget()
    assert ann.send("REGISTER * * hunter22").one("FAIL").params[1] == "ALREADY_AUTHENTICATED"
    eve = world.connect().send("CAP LS 302", "NICK ann", "USER u 0 * :r", "REGISTER * * hunter33")
    assert eve.one("FAIL").params[1] == "ACCOUNT_EXISTS"


def test_register_before_registration_for_a_name_that_somebody_uses() -> None:
    world = a_world()
    world.person("ann")
    eve = world.connect().send("CAP LS 302", "NICK ann").forget()
    assert eve.send("REGISTER * * hunter22").one("FAIL").params[1] == "ACCOUNT_EXISTS"
    assert world.hub.state.accounts.named("ann") is None


def test_a_name_that_looks_like_an_account() -> None:
    world = a_world()
    add(world, "paypal")
    eve = world.connect().send("NICK раураӏ", "USER u 0 * :r")
    assert "looks too much like paypal" in eve.one("433").params[2]


def test_two_want_one_name_in_the_same_instant() -> None:
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


def test_closed() -> None:
    world = a_world(registration="closed")
    eve = world.person("eve")
    assert eve.send("REGISTER * * hunter22").one("FAIL").params[1] == "ACCESS_DENIED"


def test_register_is_no_way_around_the_password() -> None:
    world = a_world(password="letmein")
    eve = world.connect().send("CAP LS 302", "NICK eve", "USER u 0 * :r").forget()
    assert eve.send("REGISTER * * hunter22").one("FAIL").params[1] == "ACCESS_DENIED"
    eve.send("PASS letmein", "REGISTER * * hunter22", "CAP END")
    assert account_of(world, eve) == "eve"
    world.gone(eve)
    again = enter(world, "eve", "hunter22")
    assert again.session.registered, "a login replaces the password"
    assert "464" in world.connect().send("NICK bob", "USER u 0 * :r").commands()


def test_nothing_is_said_before_it_is_kept_and_nothing_stays_that_was_not() -> None:
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


def test_rights_that_could_not_be_kept_are_not_had() -> None:
    journal = HeldJournal()
    world = World(rules(), journal=journal)
    add(world, "ann")
    journal.commit()
    ann = enter(world, "ann", "sesame")
    user = world.hub.state.users[ann.session.id]

    def change(operator: bool) -> None:
        world.order.propose(p.ChangeAccount(0, "", "ann", CONTROL, operator=operator))
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


def test_an_account_whose_end_could_not_be_kept_is_its_owner_s_still() -> None:
    journal = HeldJournal()
    world = World(rules(), journal=journal)
    add(world, "ann")
    journal.commit()
    ann = enter(world, "ann", "sesame")
    world.order.propose(p.RemoveAccount(0, "", "ann", CONTROL))
    world.tick()
    assert world.hub.state.users[ann.session.id].account == ""
    journal.fail()
    world.tick()
    assert world.hub.state.users[ann.session.id].account == "ann"
    assert ann.send("PING x").commands()[-1] == "PONG"


@pytest.mark.parametrize("end", ["removed", "not kept"])
def test_who_was_about_to_come_in_with_an_account_that_is_gone_is_not_the_next_one_of_its_name(end: str) -> None:
    """Or they would be whoever makes an account of that name before they send CAP END."""
    journal = HeldJournal()
    world = World(rules(), journal=journal)
    eve = world.connect().send("CAP LS 302", "NICK ann", "USER u 0 * :r", "REGISTER * * hunter22")
    if end == "removed":
        journal.commit()
        world.order.propose(p.RemoveAccount(0, "", "ann", CONTROL))
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


def invite(world: World, token: str = "token", uses: int = 1, hours: int = 1) -> None:
    from chatctl.chat.cloak import token_hash

    expires = world.now + hours * 3_600_000
    world.order.propose(p.AddInvitation(0, "", token_hash(token), uses, expires, "", CONTROL))
    world.tick()


def test_an_invitation_is_used_up_and_expires() -> None:
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


def test_one_use_and_two_at_the_same_instant() -> None:
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


def test_only_the_owner_gets_the_name() -> None:
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


def test_nickserv_is_nobodys_name() -> None:
    world = a_world()
    eve = world.connect().send("NICK NickServ", "USER u 0 * :r")
    assert eve.commands() == ["433"]


def test_guests_are_turned_away_where_there_are_none() -> None:
    world = a_world(guests=False)
    add(world, "ann")
    eve = world.connect().send("NICK eve", "USER u 0 * :r")
    got = eve.read()
    assert [m.command for m in got] == ["FAIL", "ERROR"]
    assert got[0].params[:2] == ["*", "ACCOUNT_REQUIRED"]
    assert enter(world, "ann", "sesame").session.registered


def test_a_promoted_account_is_an_operator() -> None:
    world = a_world()
    add(world, "ann", operator=True)
    ann = enter(world, "ann", "sesame")
    assert world.hub.state.users[ann.session.id].operator == "ann"
    assert "381" in ann.commands()
    world.order.propose(p.ChangeAccount(0, "", "ann", CONTROL, operator=False))
    world.tick()
    assert world.hub.state.users[ann.session.id].operator == ""


def test_an_account_that_is_removed() -> None:
    world = a_world()
    add(world, "ann")
    ann, bob = enter(world, "ann", "sesame"), world.person("bob", "#lobby", caps="account-notify")
    ann.send("JOIN #lobby").forget()
    bob.forget()
    world.order.propose(p.RemoveAccount(0, "", "ann", CONTROL))
    world.tick()
    assert bob.one("ACCOUNT").params == ["*"]
    assert "901" in ann.commands()
    assert account_of(world, ann) == ""


# NickServ.


def say(person: Person, text: str) -> str:
    return " / ".join(m.params[-1] for m in person.send(f"PRIVMSG NickServ :{text}").read() if m.command == "NOTICE")


def test_nickserv() -> None:
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
    assert "nothing NickServ knows" in say(bob, "FROBNICATE")
    assert "is an account" in "".join(bob.send("NS INFO ann").lines())
    assert "hunter22" not in str(world.facts)
    assert "different1" not in str(world.log.events)


def test_nickserv_takes_an_invitation() -> None:
    world = a_world(registration="invite")
    invite(world)
    ann = world.person("ann")
    assert "needs an invitation" in say(ann, "REGISTER hunter22")
    assert "unknown" in say(ann, "REGISTER hunter22 nonsense")
    assert say(ann, "REGISTER hunter22 token") == "The account ann is yours"


# Rooms that belong to an account.


def test_a_founder_is_operator_again_after_a_restart() -> None:
    journal = HeldJournal()
    world = World(rules(), journal=journal)
    ann = world.connect().send("NICK ann", "USER u 0 * :r", "REGISTER * * hunter22").forget()
    ann.send("JOIN #hers", "MODE #hers +k secret", "PART #hers").forget()
    journal.commit()
    record = journal.stored["#hers"]
    assert record.founder == "ann"

    class Kept(HeldJournal):
        def rooms(self) -> list[RoomRecord]:
            return [record]

        def records(self) -> list[Record]:
            return [kept for kept in journal.kept.values() if kept is not None]

    again = World(rules(), journal=Kept())
    eve = again.connect().send("NICK eve", "USER u 0 * :r", "JOIN #hers secret").forget()
    room = again.hub.state.rooms["#hers"]
    assert room.members == {eve.session.id: 0}, "the first to come is nobody where somebody owns the room"
    ann = enter(again, "ann", "hunter22")
    ann.send("JOIN #hers").forget()
    assert room.members[ann.session.id] == OPERATOR


def test_who_logs_in_inside_gets_it_and_a_removed_account_loses_it() -> None:
    world = a_world()
    add(world, "ann")
    ann, bob = enter(world, "ann", "sesame"), world.person("bob")
    ann.send("JOIN #hers").forget()
    bob.send("JOIN #hers").forget()
    ann.send("PART #hers", "NS LOGOUT", "JOIN #hers").forget()
    room = world.hub.state.rooms["#hers"]
    assert room.members[ann.session.id] == 0
    bob.forget()
    ann.send("NS IDENTIFY ann sesame").forget()
    assert room.members[ann.session.id] == OPERATOR
    assert bob.one("MODE").params == ["#hers", "+o", "ann"]
    bob.send("PART #hers")
    ann.send("PART #hers")
    world.order.propose(p.RemoveAccount(0, "", "ann", CONTROL))
    world.tick()
    assert "#hers" not in world.hub.state.rooms


def test_a_room_of_an_account_that_was_removed_while_no_server_ran() -> None:
    class Kept(HeldJournal):
        def rooms(self) -> list[RoomRecord]:
            return [RoomRecord("#hers", "#hers", 5, "nt", "tea", "ann", 5, founder="ann")]

    journal = Kept()
    world = World(rules(), journal=journal)
    world.connect().send("NICK bob", "USER u 0 * :r", "JOIN #lobby")
    journal.commit()
    assert journal.stored["#hers"].founder == "", "or whoever makes that account next would own the room"


def test_our_client_learns_early_that_a_name_belongs_to_an_account() -> None:
    world = a_world()
    add(world, "ann")
    asked = world.connect().send("CAP LS 302", "CAP REQ standard-replies").forget()
    assert asked.send("NICK ann").one("NOTE").params[:3] == ["NICK", "ACCOUNT_REQUIRED", "ann"]
    assert asked.send("NICK other").lines() == []
    assert world.connect().send("CAP LS 302").forget().send("NICK ann").lines() == [], "others may be about to log in"


def test_changing_the_iterations_changes_new_passwords_only() -> None:
    world = a_world()
    add(world, "ann")
    world.hub.state.rules = world.hub._view.rules = Rules(listener_limit=100, created=START, iterations=5000)
    world.person("bob").send("REGISTER * * sesame").forget()
    found = {account.name: scram.parse(account.verifier).iterations for account in world.hub.state.accounts}
    assert found == {"ann": ITERATIONS, "bob": 5000}
    assert account_of(world, enter(world, "ann", "sesame")) == "ann"
