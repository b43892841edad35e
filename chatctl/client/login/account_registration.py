"""Making our name an account while we are in (ircv3.net/specs/extensions/account-registration).

The rules of this file:

1. It is possible where a password is all it takes, no address of mail, and where nobody on the way can read along.
2. Once it is made, later connections log in to it: an account's name is its owner's alone.
3. That it is made is told once: servers add numerics (900, Ergo's 920) before or after the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatctl.client import events as e
from chatctl.client.login.account_login import Login

if TYPE_CHECKING:
    from chatctl.client.engine import State
    from chatctl.protocol.message import Message

CAPABILITY = "draft/account-registration"


def possible(state: State) -> bool:
    """Rule 1, for somebody who is not logged in."""
    asks = state.capability(CAPABILITY).split(",")
    return state.offers(CAPABILITY) and "email-required" not in asks and state.secure and not logged_in(state)


def logged_in(state: State) -> str:
    """Return the account that we are logged in to, or ``""``."""
    return state.login.account if state.login is not None else state.logged_in


def begin(state: State, password: str) -> None:
    """Ask the server to make the account, unless this connection does not allow it (rule 1)."""
    if not possible(state):
        text = "No account was asked for: on this connection the server does not take a password for one"
        state.tell(e.Failed(time=state.now(), text=text, code="REGISTER", command="REGISTER"))
        return
    state.making = Login(state.nick, password)
    state.send("REGISTER", "*", "*", password)


def answered(state: State, message: Message) -> None:
    """REGISTER: it is made, or (VERIFICATION_REQUIRED) not yet; what went wrong is told by a FAIL."""
    making, state.making = state.making, None
    text = message.params[-1] if len(message.params) > 2 else ""
    if message.param(0).upper() == "SUCCESS" and making is not None:
        login = state.login = Login(message.param(1) or making.account, making.password)
        text = f"You are now logged in as {login.account}"
    if text:
        state.tell(e.ServerNotice(time=state.time_of(message), text=text, code="REGISTER"))


def is_told(state: State, account: str) -> bool:
    """Return whether the answer to REGISTER tells of this account (rule 3), or has told."""
    known = state.making or state.login
    return known is not None and state.fold(known.account) == state.fold(account)
