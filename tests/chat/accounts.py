"""Common parts of account tests: a world with accounts, and users who log in."""

from __future__ import annotations

import base64

from chatctl.chat.apply.accounts import CONTROL
from chatctl.chat.entries import proposals as p
from chatctl.chat.model.cloak import token_hash
from chatctl.chat.model.ids import NO_SESSION
from chatctl.chat.model.policy import Rules
from chatctl.protocol import scram
from tests.chat.world import START, Person, World

ITERATIONS = 4096


def rules(**changes: object) -> Rules:
    return Rules(listener_limit=100, created=START, iterations=ITERATIONS, **changes)  # type: ignore[arg-type]


def a_world(**changes: object) -> World:
    return World(rules(**changes))


def add(world: World, name: str, password: str = "sesame", *, operator: bool = False) -> None:
    """An account, made by the operator of the machine."""
    verifier = str(scram.make(password, b"salt", ITERATIONS))
    world.order.propose(p.AddAccount(NO_SESSION, "", name, verifier, CONTROL, operator=operator))
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
    return person.user.account


def invite(world: World, token: str = "token", uses: int = 1, hours: int = 1) -> None:
    """An invitation, made by the operator of the machine."""
    expires = world.now + hours * 3_600_000
    world.order.propose(p.AddInvitation(NO_SESSION, "", token_hash(token), uses, expires, "", CONTROL))
    world.tick()
