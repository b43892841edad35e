"""Checking a password: one way for OPER, SASL, NickServ and the server's own, so that all of them count wrong ones
alike."""

from __future__ import annotations

import hmac

from chatctl.chat.commands.base import CommandContext, Steps, run_task
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries.tasks import CheckPassword

WRONG = "The password is wrong"
WRONG_OR_MISSING = "The server's password is wrong or missing"
IN_CLEAR = "A password is taken over TLS only, or from the server's own computer"
BUSY = "Too many passwords are being checked at the moment; please try again"


def too_soon(context: CommandContext, session: Session, account: str) -> str:
    """Return before an attempt why it must wait (chat/commands/login_throttle); ``""`` if it need not. An attempt
    counts from its start, so that several at once do not all count as the first."""
    local = session.local and not session.tries
    seconds = context.throttle.wait(context.clock(), session.origin, account, local=local)
    session.tries += not seconds
    return f"Too many wrong passwords; please wait {seconds} s before the next try" if seconds else ""


def failed(context: CommandContext, session: Session, account: str) -> None:
    """Count a wrong password, or an unknown account."""
    context.throttle.failed(context.clock(), session.origin, account)


def succeeded(context: CommandContext, session: Session, account: str) -> None:
    """Note a correct password."""
    session.tries = 0
    context.throttle.succeeded(session.origin, account)


_SERVER = "*"
"""By whom wrong passwords of the server are counted: a name that no account can have."""


def of_server(context: CommandContext, session: Session) -> str:
    """Return why the server password (PASS) is refused; ``""`` if it is right or not required. A missing password is
    not a guess."""
    expected = context.rules.password
    if not expected:
        return ""
    if not session.password:
        return WRONG_OR_MISSING
    problem = too_soon(context, session, _SERVER)
    if problem:
        return problem
    if not hmac.compare_digest(session.password.encode(), expected.encode()):
        failed(context, session, _SERVER)
        return WRONG_OR_MISSING
    succeeded(context, session, _SERVER)
    return ""


def check(context: CommandContext, session: Session, account: str, verifier: str, password: str) -> Steps[str]:
    """Let a worker compare `password` with `verifier`, unless it is too soon; return the error, or ``""``.

    `account` is the key for counting wrong ones. If there is no such account, pass a `verifier` all the same: an
    instant answer would reveal that.
    """
    problem = too_soon(context, session, account)
    if problem:
        return problem
    right = yield from run_task(CheckPassword(password, verifier))
    if right is None:
        return BUSY
    if not right:
        failed(context, session, account)
        return WRONG
    succeeded(context, session, account)
    return ""
