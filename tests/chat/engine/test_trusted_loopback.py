"""The setting `local`: whether loopback connections are trusted. Behind a proxy on this computer they must not be."""

from __future__ import annotations

import pytest

from chatctl.chat.commands.login_throttle import ACCOUNT_BURST
from chatctl.chat.engine.rate_limit import ADDRESS_FACTOR, RateLimiter
from chatctl.chat.model.policy import Rules
from tests.chat.world import START, Person, World

LOOPBACK = ["127.0.0.1", "127.8.9.1", "::1"]


def world(*, local: bool, rate_limiter: RateLimiter | None = None) -> World:
    rules = Rules(listener_limit=1000, created=START, local=local, iterations=4096, operators={"root": "verifier"})
    return World(rules, rate_limiter=rate_limiter)


def plain(chat: World, address: str, nick: str = "ann") -> Person:
    person = chat.connect(address, secure=False).send(f"NICK {nick}", "USER u 0 * :r")
    assert person.session.registered
    return person.forget()


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize("address", LOOPBACK)
def test_whois_shows_secure_for_tls_only(address: str, local: bool) -> None:
    chat = world(local=local)
    ann = plain(chat, address)
    assert "671" not in ann.send("WHOIS ann").commands()
    bob = chat.connect(address).send("NICK bob", "USER u 0 * :r").forget()
    assert "671" in bob.send("WHOIS bob").commands()


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize("address", LOOPBACK)
def test_clear_text_passwords_are_accepted_from_trusted_loopback_only(address: str, local: bool) -> None:
    chat = world(local=local)
    offered = chat.connect(address, secure=False).send("CAP LS 302").read()[-1].params[-1].split()
    sasl = next(word for word in offered if word.startswith("sasl="))
    assert ("PLAIN" in sasl) == local
    ann = plain(chat, address)
    for line in ("OPER root sesame", "PRIVMSG NickServ :REGISTER sesame", "PRIVMSG NickServ :IDENTIFY ann sesame"):
        refused = "over TLS only" in " ".join(ann.send(line).lines())
        assert refused == (not local), line


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize("address", LOOPBACK)
def test_untrusted_loopback_shares_its_rate_limit(address: str, local: bool) -> None:
    pace = RateLimiter(1)
    chat = world(local=local, rate_limiter=pace)
    people = [plain(chat, address, f"n{number}") for number in range(8 * ADDRESS_FACTOR)]
    for person in people:
        person.send("AWAY :x")
    assert (pace.slowed > 0) == (not local)


@pytest.mark.e2e
@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize("address", LOOPBACK)
def test_untrusted_loopback_limits_new_accounts(address: str, local: bool) -> None:
    chat = world(local=local)
    codes = []
    for number in range(ACCOUNT_BURST + 1):
        person = chat.connect(address).send(f"NICK n{number}", "USER u 0 * :r").forget()
        answer = person.send("REGISTER * * sesame-").read()
        codes += [message.params[1] for message in answer if message.command == "FAIL"]
    assert codes == ([] if local else ["TEMPORARILY_UNAVAILABLE"])


def test_untrusted_loopback_session_waits_after_wrong_passwords_of_others() -> None:
    chat = world(local=False)
    guesser = chat.connect("127.0.0.1").send("NICK ann", "USER u 0 * :r").forget()
    for _ in range(6):
        guesser.send("OPER absent wrong")
    other = chat.connect("127.0.0.1").send("NICK bob", "USER u 0 * :r").forget()
    assert "please wait" in " ".join(other.send("OPER absent wrong").lines())


def test_sts_is_offered_to_an_untrusted_loopback_address() -> None:
    chat = world(local=False)
    chat.hub.sts_port = 5106
    person = chat.connect("127.0.0.1", secure=False)
    assert "sts=port=5106" in person.send("CAP LS 302").read()[-1].params[-1].split()
