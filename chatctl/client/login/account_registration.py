"""Making an account for our name while registered (ircv3.net/specs/extensions/account-registration).

Invariants:

- [possible] It is possible if the server needs no mail address, and others cannot read the connection.
- [login-next] Once it is made, later connections log in to it: the name belongs to its account.
- [told-once] Success is reported once: servers send numerics (900, Ergo's 920) before or after the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from chatctl.client import events as e
from chatctl.client.login.account_login import AccountLogin
from chatctl.protocol.message import Message

CAPABILITY = "draft/account-registration"


class RegistrationEngine(Protocol):
    """The part of the client engine that makes accounts."""

    nick: str
    login: AccountLogin | None
    making: AccountLogin | None
    logged_in: str
    now: Callable[[], datetime]

    @property
    def secure(self) -> bool:
        """Whether the connection cannot be read by others."""

    def fold(self, name: str) -> str:
        """Return the key of a name or room."""

    def offers(self, name: str) -> bool:
        """Return whether the server has a capability."""

    def capability(self, name: str) -> str:
        """Return the value of a capability as the server offered it."""

    def send(self, command: str, *params: str) -> None:
        """Send a line."""

    def emit(self, event: e.Event) -> None:
        """Emit an event."""

    def time_of(self, message: Message) -> datetime:
        """Return the time of a message."""


def possible(state: RegistrationEngine) -> bool:
    """Return whether an account can be made ([possible]); for users who are not logged in."""
    asks = state.capability(CAPABILITY).split(",")
    return state.offers(CAPABILITY) and "email-required" not in asks and state.secure and not logged_in(state)


def logged_in(state: RegistrationEngine) -> str:
    """Return the account that we are logged in to, or ``""``."""
    return state.login.account if state.login is not None else state.logged_in


def begin(state: RegistrationEngine, password: str) -> None:
    """Ask the server to make the account, unless this connection does not allow it ([possible])."""
    if not possible(state):
        text = "No account was asked for: on this connection the server does not take a password for one"
        state.emit(e.Failed(time=state.now(), text=text, code="REGISTER", command="REGISTER"))
        return
    state.making = AccountLogin(state.nick, password)
    state.send("REGISTER", "*", "*", password)


def answered(state: RegistrationEngine, message: Message) -> None:
    """Handle REGISTER: the account is made, or (VERIFICATION_REQUIRED) not yet; errors arrive as FAIL."""
    making, state.making = state.making, None
    text = message.params[-1] if len(message.params) > 2 else ""
    if message.param(0).upper() == "SUCCESS" and making is not None:
        login = state.login = AccountLogin(message.param(1) or making.account, making.password)
        text = f"You are now logged in as {login.account}"
    if text:
        state.emit(e.ServerNotice(time=state.time_of(message), text=text, code="REGISTER"))


def is_reported(state: RegistrationEngine, account: str) -> bool:
    """Return whether the answer to REGISTER was about this account and is reported ([told-once])."""
    known = state.making or state.login
    return known is not None and state.fold(known.account) == state.fold(account)
