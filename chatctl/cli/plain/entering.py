"""Getting a person in: which name, which password, and what to do when the server says no."""

from __future__ import annotations

import contextlib
import getpass
import itertools
import sys
import termios
from collections.abc import Callable
from dataclasses import replace

from chatctl.cli.failures import say
from chatctl.client.client import Client
from chatctl.client.errors import AccountNeededError, LoginError, OwnedNameError, PasswordError
from chatctl.client.name_check import ALTERNATIVES
from chatctl.client.profile.profile import Profile
from chatctl.client.transport.trust import UnknownServerError
from chatctl.destination.login_plan import LoginPlan
from chatctl.errors import ChatctlError, ConfigError, InvalidNameError, NameTakenError
from chatctl.protocol.clean import clean
from chatctl.protocol.passwords import password_problem

_PASSWORD_TRIES = 3
_CORRECTABLE = (
    NameTakenError,
    InvalidNameError,
    UnknownServerError,
    PasswordError,
    LoginError,
    AccountNeededError,
)


def enter(plan: LoginPlan, prepare: Callable[[Client], None], *, asking: bool) -> Client:
    """Return a connected client. `prepare` gets each one before it starts. `asking`: a user can answer questions.

    Raises UnreachableError, RefusedError; and without a user ConfigError (no name), NameTakenError, InvalidNameError,
    PasswordError, LoginError, AccountNeededError, UnknownServerError.
    """
    if plan.name is None:
        if not asking:
            raise ConfigError("No name was given; give one with --name NAME or CHATCTL_CLIENT__NAME")
        plan = _check_reachable(plan)  # do not ask for a name if there is no server
        plan = replace(plan, name=_ask_name(()))
    plan, asked = _with_login(plan, asking=asking)
    tries = 0
    while True:
        try:
            client = plan.client()
            prepare(client)
            client.start()
            if asked:
                _drop_typed_ahead()
            return client
        except _CORRECTABLE as error:
            tries += isinstance(error, (PasswordError, LoginError))
            again = _other_login(plan, error, asking=asking)
            if again is None and (not asking or tries > _PASSWORD_TRIES):
                raise _with_advice(plan, error) from None
            asked = asked or again is None
            plan = again or _ask_correction(plan, error)


def _with_login(plan: LoginPlan, *, asking: bool) -> tuple[LoginPlan, bool]:
    """Add the login, if there is an account or an invitation; the second value says whether it was asked for.

    Raises ConfigError if a password is needed and there is no user to ask.
    """
    plan = plan.with_remembered_account(Profile())
    if plan.login is not None:
        return plan, False
    if plan.token:
        return _with_invited_account(plan, asking=asking), asking
    if not plan.logs_in:
        return plan, False
    if asking:
        return _ask_account_password(_check_reachable(plan)), True
    if plan.remembered:
        return plan.as_guest(), False
    if plan.withheld:
        say(plan.withheld)
    raise ConfigError(f"The password of the account {plan.account} is missing; give --password-file FILE")


def _other_login(plan: LoginPlan, error: ChatctlError, *, asking: bool) -> LoginPlan | None:
    """Return what to try next without a question, or None: a saved password may be the account's or the server's."""
    if _needs_account(error) and plan.password and plan.login is None:
        return plan.with_login(plan.password)
    if plan.remembered and isinstance(error, LoginError) and not asking:
        return plan.as_guest()
    return None


def _needs_account(error: ChatctlError) -> bool:
    return isinstance(error, (OwnedNameError, AccountNeededError))


def _with_advice(plan: LoginPlan, error: ChatctlError) -> ChatctlError:
    """Return the error to end with: a refused guest is told the flags that log in."""
    needs_account = _needs_account(error)
    if plan.withheld and (needs_account or isinstance(error, PasswordError)):
        say(plan.withheld)
    if not needs_account or plan.login is not None:
        return error
    name = plan.name if isinstance(error, OwnedNameError) else "NAME"
    return type(error)(f"{error}; if the account is yours, log in with --account {name} --password-file FILE")


def _ask_correction(plan: LoginPlan, error: ChatctlError) -> LoginPlan:
    """Ask for another login. Raises UnknownServerError if the server is not trusted."""
    if isinstance(error, UnknownServerError):
        return _ask_trust(plan, error)
    if _needs_account(error) or isinstance(error, LoginError):
        return _with_account(plan, error)
    if isinstance(error, PasswordError):
        if plan.password is not None:
            print(clean(str(error)))
        return replace(plan, password=getpass.getpass("The server's password (not shown): "))
    print(clean(str(error)))
    plan = replace(plan, name=_ask_name(_free_names(plan)))
    return plan.with_login(plan.login.password) if plan.login is not None else plan


def _with_account(plan: LoginPlan, error: ChatctlError) -> LoginPlan:
    """Ask for the password of an account; no password is another name."""
    print(clean(str(error)))
    if plan.token:
        return plan.with_login(ask_new_password(plan.name or ""))
    return _ask_account_password(plan)


def _ask_account_password(plan: LoginPlan) -> LoginPlan:
    """Ask for the password of an account; no password is another name."""
    account = clean(plan.account or plan.name or "")
    password = getpass.getpass(f"Password of the account {account} (not shown; Enter: another name): ")
    if password:
        return plan.with_login(password)
    return replace(plan.as_guest(), name=_ask_name(_free_names(plan)))


def _with_invited_account(plan: LoginPlan, *, asking: bool) -> LoginPlan:
    """Ask for the password of a new account."""
    if asking:
        return plan.with_login(ask_new_password(plan.name or ""))
    if not plan.password:
        if plan.withheld:
            say(plan.withheld)
        raise ConfigError("An account made by an invitation needs a password; set client.password_file")
    return plan.with_login(plan.password)


def ask_new_password(name: str) -> str:
    """Ask for a new password for the account `name`: twice, since it is not shown."""
    while True:
        password = getpass.getpass(f"Choose a password, so that {clean(name)} is yours (not shown): ")
        if not password:
            continue
        problem = password_problem(password, name)
        if problem is not None:
            print(problem)
            continue
        if getpass.getpass("Once more: ") == password:
            return password
        print("The two passwords are not the same")


def _drop_typed_ahead() -> None:
    """Drop input since the last question, before it is read as a message: it may be a repeated password."""
    with contextlib.suppress(OSError, ValueError, termios.error):
        termios.tcflush(sys.stdin, termios.TCIFLUSH)


def _check_reachable(plan: LoginPlan) -> LoginPlan:
    """Check that there is a server, and let the user confirm an unknown one, before other questions are asked."""
    try:
        with plan.name_check():
            return plan
    except UnknownServerError as error:
        return _ask_trust(plan, error)


def _ask_trust(plan: LoginPlan, unknown: UnknownServerError) -> LoginPlan:
    """Ask whether the certificate is the server's. Raises UnknownServerError if the answer is not yes."""
    print(f"First visit to {clean(unknown.address)}. Its fingerprint is {unknown.pin}")
    if unknown.validity:
        print(f"Its certificate {unknown.validity}")
    if input("Is it the same in the server's window? [y/N] ").strip().lower() not in ("y", "yes"):
        raise unknown
    return plan.with_trusted_certificate(unknown)


def _free_names(plan: LoginPlan) -> tuple[str, ...]:
    """Return free names near the refused one, as the server says now; empty if it cannot be asked."""
    try:
        with plan.name_check() as name_check:
            return tuple(itertools.islice(name_check.free(plan.name or ""), ALTERNATIVES))
    except ChatctlError:
        return ()


def _ask_name(offered: tuple[str, ...]) -> str:
    """Ask until there is an answer; Enter takes the first of the names offered. Raises EOFError for Ctrl-D."""
    if offered:
        print(f"Free now: {', '.join(offered)}")
    question = f"Your name [{offered[0]}]: " if offered else "Your name: "
    while True:
        answer = input(question).strip()
        if answer or offered:
            return answer or offered[0]
