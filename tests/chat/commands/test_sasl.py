"""Logging in by SASL, and how often one may guess (sasl-3.1, sasl-3.2; chat/commands/sasl)."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatctl.chat.apply.accounts import CONTROL
from chatctl.chat.commands.sasl import SaslExchange
from chatctl.chat.entries import proposals as p
from chatctl.chat.model.ids import NO_SESSION
from chatctl.protocol import scram
from tests.chat.accounts import ITERATIONS, a_world, account_of, add, enter, plain
from tests.chat.world import Person


def test_sasl_plain_before_registration_logs_in() -> None:
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


def test_sasl_plain_after_registration_changes_the_account() -> None:
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
def test_failed_sasl_plain_can_be_tried_again(line: str) -> None:
    world = a_world()
    add(world, "ann")
    eve = world.person("eve", caps="sasl")
    assert eve.send("AUTHENTICATE PLAIN", line).commands() == ["AUTHENTICATE", "904"]
    assert account_of(world, eve) == ""
    eve.send("AUTHENTICATE PLAIN", plain("ann", "sesame", "ann"))
    assert account_of(world, eve) == "ann"


def test_missing_account_is_indistinguishable_from_a_wrong_password() -> None:
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


def test_sasl_message_is_joined_from_pieces_of_400_bytes() -> None:
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


def test_too_long_sasl_message_is_refused() -> None:
    world = a_world()
    eve = world.person("eve", caps="sasl")
    assert eve.send("AUTHENTICATE PLAIN", "AUTHENTICATE " + "A" * 401).commands()[-1] == "905"
    got = eve.send("AUTHENTICATE PLAIN", *["AUTHENTICATE " + "A" * 400] * 100).commands()
    assert got[:2] == ["AUTHENTICATE", "904"]
    exchange = eve.session.sasl
    assert exchange is None or (isinstance(exchange, SaslExchange) and len(exchange.pieces) < 11)


def test_sasl_abort_and_unknown_mechanism_are_answered() -> None:
    world = a_world()
    eve = world.person("eve", caps="sasl")
    assert eve.send("AUTHENTICATE PLAIN", "AUTHENTICATE *").commands() == ["AUTHENTICATE", "906"]
    got = eve.send("AUTHENTICATE GSSAPI").read()
    assert [m.command for m in got] == ["908", "904"]
    assert got[0].params[1] == "PLAIN,SCRAM-SHA-256"
    assert "password" not in got[1].params[-1]  # none was looked at
    assert eve.send("AUTHENTICATE").commands() == ["461"]


def test_sasl_plain_in_clear_is_refused() -> None:
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


def test_scram_logs_in() -> None:
    """RFC 5802; the server proves itself as well."""
    world = a_world()
    add(world, "ann")
    eve = world.person("eve", caps="sasl")
    world.workers.held = True  # the loop does it alone
    assert log_in_by_scram(eve, "ann", "wrong") == "904"
    assert log_in_by_scram(eve, "nobody", "sesame") == "904"
    assert log_in_by_scram(eve, "ann", "sesame") == "903"
    assert account_of(world, eve) == "ann"


def test_password_changed_during_the_exchange_is_refused() -> None:
    world = a_world()
    add(world, "ann")
    eve = world.person("eve", caps="sasl")
    world.workers.held = True
    eve.send("AUTHENTICATE PLAIN", plain("ann", "sesame")).forget()
    other = str(scram.make("other", b"salt", ITERATIONS))
    world.order.propose(p.ChangeAccount(NO_SESSION, "", "ann", CONTROL, other))
    world.workers.let_go()
    world.tick()
    assert eve.commands() == ["904"]
    assert account_of(world, eve) == ""


@given(st.lists(st.text(alphabet="A+=*/!\0é", max_size=500), max_size=6), st.sampled_from(["PLAIN", "SCRAM-SHA-256"]))
@settings(max_examples=60)
def test_any_sasl_pieces_are_answered(pieces: list[str], mechanism: str) -> None:
    world = a_world()
    eve = world.connect()
    eve.send(f"AUTHENTICATE {mechanism}", *(f"AUTHENTICATE {piece}" for piece in pieces), "PING end")
    assert world.hub.failures == 0
    assert eve.session.account_id == ""


# Guessing.


def test_thousand_guesses_fail_and_the_owner_logs_in() -> None:
    for address, owners in (("192.0.2.7", "192.0.2.8"), ("2001:db8:1:2::{:x}", "2001:db8:1:3::1")):
        _guesses_from(address, owners)


def _guesses_from(address: str, owners: str) -> None:
    """From an IPv4 address, or from a thousand of an IPv6 network, which a customer has."""
    world = a_world()
    add(world, "ann")
    checked = 0
    for number in range(100):
        guesser = world.connect(address.format(number))
        for _ in range(10):
            world.workers.held = True
            guesser.send("AUTHENTICATE PLAIN", plain("ann", f"guess{number}"))
            checked += len(world.workers.tasks)
            world.workers.let_go()
            world.tick()
    assert checked <= 10
    world.workers.held = False
    owner = world.connect(owners).send("CAP REQ :sasl", "AUTHENTICATE PLAIN", plain("ann", "sesame"))
    assert "903" in owner.commands()
