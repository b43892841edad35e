"""Replies in the form that other clients and libraries parse, though the protocol would allow others."""

from __future__ import annotations

import base64

import pytest

from tests.chat.accounts import a_world, add, plain
from tests.chat.world import World


def test_capability_list_is_always_the_trailing_parameter() -> None:
    person = World().connect()
    lines = person.send("CAP REQ sasl", "CAP LIST", "CAP REQ nonsense", "CAP REQ :batch sasl").lines()
    assert [line.split(" ", 1)[1] for line in lines] == [
        "CAP * ACK :sasl",
        "CAP * LIST :sasl",
        "CAP * NAK :nonsense",
        "CAP * ACK :batch sasl",
    ]


def test_welcome_ends_with_the_prefix() -> None:
    world = World()
    ann = world.connect().send("NICK ann", "USER ann 0 * :Ann")
    text = ann.one("001").params[1]
    assert text == f"Welcome to the chatctl Network, {ann.user.prefix}"


def test_local_and_global_users_are_counted_in_the_usual_words() -> None:
    world = World()
    ann, bob = world.person("ann"), world.person("bob")
    world.gone(bob)
    read = {message.command: message.params[1:] for message in ann.send("LUSERS").read()}
    assert read["265"] == ["1", "2", "Current local users 1, max 2"]
    assert read["266"] == ["1", "2", "Current global users 1, max 2"]


def test_konversation_reads_counts_and_host() -> None:
    """Konversation splits texts at spaces: the counts start at the fourth word, the host ends the last one of 001."""
    world = World()
    ann = world.connect().send("NICK ann", "USER ann 0 * :Ann")
    texts = {message.command: message.params[-1].split(" ") for message in ann.read()}
    assert texts["001"][-1].partition("@")[2] == ann.user.host
    assert " ".join(texts["265"][3:]) == "1, max 1"
    assert " ".join(texts["266"][3:]) == "1, max 1"


def test_userlen_counts_the_tilde() -> None:
    world = World()
    ann = world.connect().send("NICK ann", f"USER {'u' * 50} 0 * :Ann")
    token = next(word for message in ann.read() for word in message.params if word.startswith("USERLEN="))
    assert token == f"USERLEN={len(ann.user.username)}"


def test_whois_leaves_out_modes_that_are_not_set() -> None:
    ann = World().person("ann")
    assert "379" not in ann.send("WHOIS ann").commands()
    assert ann.send("MODE ann +i", "WHOIS ann").one("379").params[-1] == "is using modes +i"


def test_whois_and_links_agree_on_the_description() -> None:
    ann = World().person("ann")
    description = ann.send("WHOIS ann").one("312").params[-1]
    assert ann.send("LINKS").one("364").params[-1] == f"0 {description}"


def test_sasl_success_has_the_usual_words() -> None:
    world = a_world()
    add(world, "ann")
    ann = world.person("ann2", caps="sasl")
    assert (
        ann.send("AUTHENTICATE PLAIN", plain("ann", "sesame")).one("903").params[-1] == "SASL authentication successful"
    )


def test_authenticate_has_no_source() -> None:
    person = World().connect()
    assert person.send("CAP REQ sasl").lines()[0].endswith("ACK :sasl")
    assert person.send("AUTHENTICATE PLAIN").lines() == ["AUTHENTICATE +"]
    begun = base64.b64encode(b"n,,n=ann,r=nonce").decode()
    person.send("AUTHENTICATE *", "AUTHENTICATE SCRAM-SHA-256").forget()
    assert person.send(f"AUTHENTICATE {begun}").lines()[0].startswith("AUTHENTICATE ")


def test_sasl_on_behalf_of_another_account_is_refused_with_the_reason() -> None:
    world = a_world()
    add(world, "ann")
    ann = world.person("ann2", caps="sasl")
    refused = ann.send("AUTHENTICATE PLAIN", plain("ann", "sesame", "bob")).one("904")
    assert "on behalf of another" in refused.params[-1]


@pytest.mark.parametrize("begun", [["AUTHENTICATE PLAIN"], ["AUTHENTICATE PLAIN", "AUTHENTICATE " + "A" * 400]])
def test_cap_end_during_sasl_aborts_it_before_the_welcome(begun: list[str]) -> None:
    person = World().connect().send("CAP REQ :sasl", "NICK ann", "USER ann 0 * :Ann", *begun).forget()
    commands = person.send("CAP END").commands()
    assert commands[:2] == ["906", "001"]
    assert person.send("AUTHENTICATE PLAIN").commands() == ["AUTHENTICATE"]


@pytest.mark.parametrize("modes", ["+k sesame", "+b *!*@*", "+b *", "+b *!*@*.user", "+bb *!~*@* x!y@z"])
def test_room_that_a_guest_shut_goes_with_the_last_member(modes: str) -> None:
    world = World()
    ann, bob = world.person("ann", "#t"), world.person("bob")
    ann.send(f"MODE #t {modes}", "PART #t")
    assert bob.send("JOIN #t").commands()[0] == "JOIN"


@pytest.mark.parametrize("modes", ["+b mallory!*@*", "+b *!*@1.2.3.4", "+b m:*!*@*", "+be *!*@* bob!*@*"])
def test_room_with_bans_that_let_others_in_stays(modes: str) -> None:
    world = World()
    ann, bob = world.person("ann", "#t"), world.person("bob")
    ann.send("TOPIC #t :tea", f"MODE #t {modes}", "PART #t")
    assert bob.send("JOIN #t").one("332").params[-1] == "tea"
