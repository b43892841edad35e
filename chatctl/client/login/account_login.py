"""Login to an account during registration, or making one with an invitation (sasl-3.2, account-registration).

Invariants:

- [mechanism] SCRAM-SHA-256 if the server has it: the password is not sent. PLAIN, an invitation's token and a new
  password only on connections that others cannot read. No fallback from SCRAM to PLAIN: a server that rejects a proof
  would learn the password that way.
- [mutual] The server must prove that it knows the verifier; otherwise it is not trusted.
- [invitation] With an invitation's token an account is made: REDEEM, then REGISTER. Then the token is forgotten, so the
  next connection logs in.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

from chatctl.client.errors import ClearTextError, LoginError
from chatctl.errors import ChatctlError, InvalidNameError, NameTakenError, RefusedError
from chatctl.protocol.message import Message

CHUNK_BYTES = 400
SCRAM = "SCRAM-SHA-256"

_OF_THE_NAME = {"ACCOUNT_EXISTS": NameTakenError, "BAD_ACCOUNT_NAME": InvalidNameError}


@dataclass(frozen=True, slots=True)
class AccountLogin:
    """An account name and its password; with the `token` of an invitation the account is created. Hidden from repr."""

    account: str
    password: str = field(repr=False)
    token: str = field(default="", repr=False)


class LoginExchange:
    """One login on one connection. `lines` are commands to send, as words; the owner empties it. It is over when `done`
    is set, or `problem`, or `name_problem` (then another name may do)."""

    def __init__(self, login: AccountLogin, offered: Mapping[str, str], *, secure: bool) -> None:
        self.lines: list[tuple[str, ...]] = []
        self.done = False
        self.problem: RefusedError | None = None
        self.name_problem: ChatctlError | None = None
        self._login = login
        self._mechanism = ""
        self._first = ""
        self._expected = ""
        self._proved = False
        self._pieces: list[str] = []
        if login.token:
            if not secure:
                self.problem = ClearTextError("The invitation")
                return
            self.lines.append(("REDEEM", login.token))
            self.lines.append(("REGISTER", "*", "*", login.password))
            return
        self._mechanism = _chosen(offered.get("sasl"), secure=secure)
        if self._mechanism:
            self.lines.append(("AUTHENTICATE", self._mechanism))
        elif "sasl" in offered and not secure and _chosen(offered["sasl"], secure=True):
            self.problem = ClearTextError("The account's password")
        elif "sasl" in offered:
            self.problem = LoginError("This server offers no way to log in by a password")
        else:
            self.problem = LoginError("This server has no accounts to log in to (it does not offer SASL)")

    def receive(self, message: Message) -> bool:
        """Handle `message`; return whether it belonged to the login."""
        command = message.command
        if command == "AUTHENTICATE":
            self._said(message.param(0))
        elif command == "903" or (command == "REGISTER" and message.param(0).upper() == "SUCCESS"):
            self._finished(command)
        elif command in ("902", "904", "905", "906"):
            self.problem = LoginError(_last(message, "logging in failed"))
        elif command == "FAIL" and message.param(0).upper() in ("REGISTER", "REDEEM"):
            self._failed(message)
        elif command not in ("900", "908") and not (command == "NOTE" and message.param(0).upper() == "REDEEM"):
            return False
        return True

    def _finished(self, command: str) -> None:
        if command == "903" and self._mechanism == SCRAM and not self._proved:
            self.problem = LoginError(
                "The server did not prove that it knows the password; it may not be the right one"
            )
        else:
            self.done = True

    def _failed(self, message: Message) -> None:
        text = _last(message, "the server refused to make an account")
        code = message.param(1).upper()
        kind = _OF_THE_NAME.get(code)
        if kind is not None:
            self.name_problem = self.name_problem or kind(text)
        elif self.problem is None:
            weak = "PASSWORD" in code
            self.problem = LoginError(text) if weak else RefusedError(text)

    def _said(self, piece: str) -> None:
        """Take a piece of what the server says in the exchange; of one that is over, or never began, nothing."""
        if self.problem is not None or not self._mechanism:
            return
        if piece != "+":
            self._pieces.append(piece)
        if len(piece) == CHUNK_BYTES or len(self._pieces) > 100:
            return
        text = "".join(self._pieces)
        self._pieces.clear()
        try:
            self._answer(base64.b64decode(text, validate=True).decode())
        except ValueError as error:
            self.lines.append(("AUTHENTICATE", "*"))
            self.problem = LoginError(f"Logging in failed: {error}")

    def _answer(self, said: str) -> None:
        from chatctl.protocol import scram  # here, because it loads a crypto library that nothing else needs

        login = self._login
        if self._mechanism == "PLAIN":
            self._say(f"{login.account}\0{login.account}\0{login.password}")
        elif not self._first:
            import secrets

            self._first = scram.client_first(login.account, secrets.token_urlsafe(18))
            self._say(self._first)
        elif not self._expected and said.startswith("r="):
            final, self._expected = scram.client_final(self._first, said, login.password)
            self._say(final)
        elif self._expected and said == self._expected:
            self._proved = True
            self.lines.append(("AUTHENTICATE", "+"))
        else:
            raise ValueError("the server's answer makes no sense")

    def _say(self, text: str) -> None:
        data = base64.b64encode(text.encode()).decode()
        pieces = [data[at : at + CHUNK_BYTES] for at in range(0, len(data), CHUNK_BYTES)]
        if not pieces or len(pieces[-1]) == CHUNK_BYTES:
            pieces.append("+")
        self.lines += [("AUTHENTICATE", piece) for piece in pieces]


def can_log_in(offered: Mapping[str, str], *, secure: bool) -> bool:
    """Return whether an account's password can be used on a connection with these capabilities ([mechanism])."""
    return bool(_chosen(offered.get("sasl"), secure=secure))


def _chosen(offered: str | None, *, secure: bool) -> str:
    """Return the mechanism to use of those offered ([mechanism]); ``""`` for none. Old servers do not list theirs."""
    if offered is None:
        return ""
    names = offered.upper().split(",") if offered else ["PLAIN"]
    if SCRAM in names:
        return SCRAM
    return "PLAIN" if "PLAIN" in names and secure else ""


def _last(message: Message, otherwise: str) -> str:
    return message.params[-1] if len(message.params) > 1 and message.params[-1].strip() else otherwise
