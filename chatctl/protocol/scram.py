"""Password verifiers, and SCRAM-SHA-256 (RFC 5802, RFC 7677), both sides.

Invariants:

- [verifier-only] A verifier is stored instead of a password: enough to check the password, or the proof of a client,
  and not enough to log in with. It is one line of text, in PostgreSQL's form
  ``SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>``.
- [one-form] One form serves PLAIN, in which the server gets the password, and SCRAM, in which it never does.
- [saslprep] Passwords are prepared by SASLprep (RFC 4013) if possible, and used unchanged if not, so that the same
  password typed on two keyboards is equal.
- [constant-time] Secrets are compared in constant time.
- [slow] Deriving a key from a password takes a good part of a second, on purpose: never on a thread that serves others.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import stringprep
import unicodedata
from dataclasses import dataclass

MECHANISM = "SCRAM-SHA-256"
MAX_ITERATIONS = 10_000_000
MIN_ITERATIONS = 4096
"""RFC 7677, section 4: the least that may be announced."""
DEFAULT_ITERATIONS = 600_000
"""Iterations of new verifiers, unless a setting says otherwise."""

SALT_BYTES = 16
_KEY_BYTES = 32
_HEADERS = ("n", "y")


@dataclass(frozen=True, slots=True)
class Verifier:
    """The verifier of a password ([verifier-only]). `str` returns the line of text."""

    iterations: int
    salt: bytes
    stored_key: bytes
    server_key: bytes

    def __str__(self) -> str:
        return f"{MECHANISM}${self.iterations}:{_b64(self.salt)}${_b64(self.stored_key)}:{_b64(self.server_key)}"

    def __repr__(self) -> str:
        return f"Verifier({self.iterations} iterations)"  # it is not secret as a password is, but no log needs it


def parse(text: str) -> Verifier:
    """Parse the verifier `text`. Raises ValueError, whose text says what is wrong."""
    parts = text.split("$")
    if len(parts) != 3 or parts[0] != MECHANISM:
        raise ValueError(f'it does not begin with "{MECHANISM}$"; `chatctl hash-password` makes one')
    count, colon, salt = parts[1].partition(":")
    stored, _, server = parts[2].partition(":")
    if not (colon and count.isascii() and count.isdigit() and len(count) <= 8):
        raise ValueError("it is damaged; `chatctl hash-password` makes one")
    try:
        verifier = Verifier(int(count), _unb64(salt), _unb64(stored), _unb64(server))
    except ValueError:
        raise ValueError("it is damaged; `chatctl hash-password` makes one") from None
    if not MIN_ITERATIONS <= verifier.iterations <= MAX_ITERATIONS:
        raise ValueError(f"its iterations are not from {MIN_ITERATIONS} to {MAX_ITERATIONS}")
    if len(verifier.stored_key) != _KEY_BYTES or len(verifier.server_key) != _KEY_BYTES or not verifier.salt:
        raise ValueError("it is damaged; `chatctl hash-password` makes one")
    return verifier


def make(password: str, salt: bytes, iterations: int) -> Verifier:
    """Make the verifier of `password`. Slow ([slow])."""
    salted = _salted(password, salt, iterations)
    client_key = _hmac(salted, b"Client Key")
    return Verifier(iterations, salt, hashlib.sha256(client_key).digest(), _hmac(salted, b"Server Key"))


def matches(password: str, verifier: Verifier) -> bool:
    """Return whether `verifier` was made from `password`. Slow ([slow])."""
    made = make(password, verifier.salt, verifier.iterations)
    return hmac.compare_digest(made.stored_key, verifier.stored_key)


def _salted(password: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", prepared(password).encode(), salt, iterations)


def prepared(password: str) -> str:
    """Return `password` prepared by SASLprep (RFC 4013); unchanged if that is not possible, or would be empty
    ([saslprep])."""
    if password.isascii():
        return password
    mapped = "".join(
        " " if stringprep.in_table_c12(character) else character
        for character in password
        if not stringprep.in_table_b1(character)
    )
    text = unicodedata.normalize("NFKC", mapped)
    return text if text and not any(map(_prohibited, text)) else password


def _prohibited(character: str) -> bool:
    return (
        stringprep.in_table_c12(character)
        or stringprep.in_table_c21_c22(character)
        or stringprep.in_table_c3(character)
        or stringprep.in_table_c4(character)
        or stringprep.in_table_c5(character)
        or stringprep.in_table_c6(character)
        or stringprep.in_table_c7(character)
        or stringprep.in_table_c8(character)
        or stringprep.in_table_c9(character)
    )


# The exchange. Messages are texts, as RFC 5802 section 7 writes them.


class ScramError(ValueError):
    """The other side broke the rules of the exchange, or proved that it does not know the password."""


@dataclass(frozen=True, slots=True)
class ClientProof:
    """The server's state after the client's first message: the claimed name, and the text that the proof will cover."""

    name: str
    header: str
    bare: str
    nonce: str


def parse_client_first(first: str, nonce: str) -> ClientProof:
    """Return the client's first message (``n,,n=user,r=nonce``). `nonce` is the server's own part. Raises
    ScramError."""
    parts = first.split(",", 2)
    if len(parts) != 3 or parts[0] not in _HEADERS:
        raise ScramError("channel binding is not offered")
    authzid, bare = parts[1], parts[2]
    fields = bare.split(",")
    if len(fields) < 2 or not fields[0].startswith("n=") or not fields[1].startswith("r=") or len(fields[1]) < 3:
        raise ScramError("the first message has no name or no nonce")
    name = _unescaped(fields[0][2:])
    if authzid and (not authzid.startswith("a=") or _unescaped(authzid[2:]) != name):
        raise ScramError("logging in as another user is not allowed")
    return ClientProof(name, f"{parts[0]},{authzid},", bare, fields[1][2:] + nonce)


def server_first(asked: ClientProof, verifier: Verifier) -> str:
    """Return the server's first message: nonce, salt, iterations."""
    return f"r={asked.nonce},s={_b64(verifier.salt)},i={verifier.iterations}"


def server_final(asked: ClientProof, verifier: Verifier, final: str) -> str:
    """Return the server's last message, if the client's (``c=...,r=...,p=proof``) proves the password. Raises
    ScramError."""
    without, comma, proof = final.rpartition(",p=")
    fields = without.split(",")
    if not comma or len(fields) < 2 or fields[1] != f"r={asked.nonce}":
        raise ScramError("the last message does not fit the first")
    if fields[0] != f"c={_b64(asked.header.encode())}":
        raise ScramError("the last message is about another connection")
    try:
        given = _unb64(proof)
    except ValueError:
        raise ScramError("the proof is not base64") from None
    if len(given) != _KEY_BYTES:
        raise ScramError("the proof has the wrong length")
    about = f"{asked.bare},{server_first(asked, verifier)},{without}".encode()
    client_key = _xor(given, _hmac(verifier.stored_key, about))
    if not hmac.compare_digest(hashlib.sha256(client_key).digest(), verifier.stored_key):
        raise ScramError("the proof is wrong")
    return f"v={_b64(_hmac(verifier.server_key, about))}"


def client_first(name: str, nonce: str) -> str:
    """Return the client's first message."""
    return f"n,,n={_escaped(name)},r={nonce}"


def client_final(first: str, answer: str, password: str) -> tuple[str, str]:
    """Return the client's last message for the server's `answer`, and the server's expected reply. Slow ([slow]).

    Raises ScramError for an answer that no honest server gives, which could keep a client busy for hours, or obtain a
    proof for another nonce.
    """
    bare = first.split(",", 2)[2]
    own = bare.split(",")[1]
    fields = answer.split(",")
    if len(fields) < 3 or not fields[0].startswith(own) or len(fields[0]) <= len(own):
        raise ScramError("the server's answer does not fit")
    if not (fields[1].startswith("s=") and fields[2].startswith("i=") and fields[2][2:].isdecimal()):
        raise ScramError("the server's answer makes no sense")
    iterations = int(fields[2][2:]) if len(fields[2]) <= 10 else 0
    if not MIN_ITERATIONS <= iterations <= MAX_ITERATIONS:
        raise ScramError("the server asks for an amount of work that makes no sense")
    try:
        salted = _salted(password, _unb64(fields[1][2:]), iterations)
    except ValueError:
        raise ScramError("the server's answer makes no sense") from None
    without = f"c={_b64(b'n,,')},{fields[0]}"
    about = f"{bare},{answer},{without}".encode()
    client_key = _hmac(salted, b"Client Key")
    proof = _xor(client_key, _hmac(hashlib.sha256(client_key).digest(), about))
    expected = f"v={_b64(_hmac(_hmac(salted, b'Server Key'), about))}"
    return f"{without},p={_b64(proof)}", expected


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unb64(text: str) -> bytes:
    """Strictly: no other letters, no missing ends. Raises ValueError."""
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("not base64") from None


def _escaped(name: str) -> str:
    return name.replace("=", "=3D").replace(",", "=2C")


def _unescaped(name: str) -> str:
    """Raises ScramError for a ``=`` that stands for nothing."""
    text = name.replace("=2C", ",").replace("=3D", "\0")
    if "=" in text:
        raise ScramError("the name is not written as it should be")
    return text.replace("\0", "=")
