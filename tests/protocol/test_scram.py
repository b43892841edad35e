"""SCRAM-SHA-256 (RFC 5802, RFC 7677) and the verifiers made for it."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatctl.protocol import scram

SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
PENCIL = scram.make("pencil", SALT, 4096)
FIRST = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"


def test_example_of_rfc_7677_is_reproduced() -> None:
    """RFC 7677, section 3: every message of both sides."""
    asked = scram.parse_client_first(FIRST, NONCE)
    assert asked.name == "user"
    answer = scram.server_first(asked, PENCIL)
    assert answer == f"r=rOprNGfwEbeRWgbNEkqO{NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    final, expected = scram.client_final(FIRST, answer, "pencil")
    proof = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    assert final == f"c=biws,r=rOprNGfwEbeRWgbNEkqO{NONCE},p={proof}"
    assert expected == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    assert scram.server_final(asked, PENCIL, final) == expected


def test_verifier_survives_printing_and_parsing() -> None:
    text = str(PENCIL)
    assert text.startswith("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$")
    assert scram.parse(text) == PENCIL
    assert "W22Z" not in repr(PENCIL)
    assert scram.matches("pencil", scram.parse(text))
    assert not scram.matches("pencil ", scram.parse(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pencil",
        str(PENCIL)[:-4],
        str(PENCIL).replace("4096", "12"),
        str(PENCIL).replace("4096", "99999999"),
        str(PENCIL).replace("4096", "\u0664096"),
        str(PENCIL).replace("SHA-256", "SHA-1"),
        str(PENCIL).replace(":W22", ":\u00e4W22"),
        f"{PENCIL}$",
    ],
)
def test_invalid_verifier_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"iterations|hash-password") as refused:
        scram.parse(text)
    assert "W22Z" not in str(refused.value)


@pytest.mark.parametrize(
    ("one", "other"),
    [("I\u00adX", "IX"), ("\u00aa\u00e4", "a\u00e4"), ("\u2168", "IX"), ("x\u00a0\u00e4", "x \u00e4")],
)
def test_passwords_equal_under_saslprep_match(one: str, other: str) -> None:
    """RFC 4013, section 3."""
    assert scram.prepared(one) == other


def test_password_forbidden_by_saslprep_is_used_unchanged() -> None:
    assert scram.prepared("a\u0007\u00e4") == "a\u0007\u00e4"
    assert scram.prepared("\u00ad") == "\u00ad"


@pytest.mark.parametrize(
    "first",
    [
        "",
        "n,,",
        "n,,r=abc,n=user",
        "n,,n=user,r=",
        "p=tls-unique,,n=user,r=abc",
        "n,a=admin,n=user,r=abc",
        "n,,n=us=er,r=abc",
        "x,,n=user,r=abc",
    ],
)
def test_invalid_client_first_message_is_refused(first: str) -> None:
    with pytest.raises(scram.ScramError):
        scram.parse_client_first(first, NONCE)


def test_name_with_a_comma_is_escaped() -> None:
    asked = scram.parse_client_first(scram.client_first("a,b=c", "x"), NONCE)
    assert asked.name == "a,b=c"


def test_proof_for_another_password_nonce_or_connection_fails() -> None:
    asked = scram.parse_client_first(FIRST, NONCE)
    answer = scram.server_first(asked, PENCIL)
    final, _ = scram.client_final(FIRST, answer, "pencil")
    wrong, _ = scram.client_final(FIRST, answer, "pencils")
    for text in (wrong, final.replace("biws", "eSws"), final.replace("rOpr", "sOpr"), final[:-4], "", "p="):
        with pytest.raises(scram.ScramError):
            scram.server_final(asked, PENCIL, text)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        "r=mine,s=W22Z,i=4096",
        "r=mine1,s=W22Z,i=1",
        "r=mine1,s=W22Z,i=x",
    ],
)
def test_client_refuses_invalid_server_messages(answer: str) -> None:
    with pytest.raises(scram.ScramError):
        scram.client_final("n,,n=user,r=mine", answer, "pencil")


@given(st.text(max_size=200), st.text(max_size=200))
@settings(max_examples=200)
def test_arbitrary_text_is_refused_or_continues(first: str, final: str) -> None:
    """The server's side refuses or continues after any message of a client; it never fails otherwise."""
    try:
        asked = scram.parse_client_first(first, NONCE)
        scram.server_final(asked, PENCIL, final)
    except scram.ScramError:
        pass
