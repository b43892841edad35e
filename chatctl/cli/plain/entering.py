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
from chatctl.destination.login_wish import LoginWish
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


def enter(wish: LoginWish, prepare: Callable[[Client], None], *, asking: bool) -> Client:
    """Return a connected client. `prepare` gets each one before it starts. `asking`: a user can answer questions.

    Raises UnreachableError, RefusedError; and without a user ConfigError (no name), NameTakenError, InvalidNameError,
    PasswordError, LoginError, AccountNeededError, UnknownServerError.
    """
    if wish.name is None:
        if not asking:
            raise ConfigError("No name was given; give one with --name NAME or CHATCTL_CLIENT__NAME")
        wish = _looked(wish)  # do not ask for a name if there is no server
        wish = replace(wish, name=_ask_name(()))
    wish, asked = _with_login(wish, asking=asking)
    tries = 0
    while True:
        try:
            client = wish.client()
            prepare(client)
            client.start()
            if asked:
                _drop_typed_ahead()
            return client
        except _CORRECTABLE as error:
            tries += isinstance(error, (PasswordError, LoginError))
            again = _other_login(wish, error, asking=asking)
            if again is None and (not asking or tries > _PASSWORD_TRIES):
                raise _with_advice(wish, error) from None
            asked = asked or again is None
            wish = again or _corrected(wish, error)


def _with_login(wish: LoginWish, *, asking: bool) -> tuple[LoginWish, bool]:
    """Add the login, if there is an account or an invitation; the second value says whether it was asked for.

    Raises ConfigError if a password is needed and there is no user to ask.
    """
    wish = wish.knowing(Profile())
    if wish.login is not None:
        return wish, False
    if wish.token:
        return _invited(wish, asking=asking), asking
    if not wish.logs_in:
        return wish, False
    if asking:
        return _ask_account_password(_looked(wish)), True
    if wish.remembered:
        return wish.logging_out(), False
    if wish.withheld:
        say(wish.withheld)
    raise ConfigError(f"The password of the account {wish.account} is missing; give --password-file FILE")


def _other_login(wish: LoginWish, error: ChatctlError, *, asking: bool) -> LoginWish | None:
    """Return what to try next without a question, or None: a saved password may be the account's or the server's."""
    if _needs_account(error) and wish.password and wish.login is None:
        return wish.logging_in(wish.password)
    if wish.remembered and isinstance(error, LoginError) and not asking:
        return wish.logging_out()
    return None


def _needs_account(error: ChatctlError) -> bool:
    return isinstance(error, (OwnedNameError, AccountNeededError))


def _with_advice(wish: LoginWish, error: ChatctlError) -> ChatctlError:
    """Return the error to end with: a refused guest is told the flags that log in."""
    needs_account = _needs_account(error)
    if wish.withheld and (needs_account or isinstance(error, PasswordError)):
        say(wish.withheld)
    if not needs_account or wish.login is not None:
        return error
    name = wish.name if isinstance(error, OwnedNameError) else "NAME"
    return type(error)(f"{error}; if the account is yours, log in with --account {name} --password-file FILE")


def _corrected(wish: LoginWish, error: ChatctlError) -> LoginWish:
    """Ask for another login. Raises UnknownServerError if the server is not trusted."""
    if isinstance(error, UnknownServerError):
        return _believed(wish, error)
    if _needs_account(error) or isinstance(error, LoginError):
        return _with_account(wish, error)
    if isinstance(error, PasswordError):
        if wish.password is not None:
            print(clean(str(error)))
        return replace(wish, password=getpass.getpass("The server's password (not shown): "))
    print(clean(str(error)))
    wish = replace(wish, name=_ask_name(_free_names(wish)))
    return wish.logging_in(wish.login.password) if wish.login is not None else wish


def _with_account(wish: LoginWish, error: ChatctlError) -> LoginWish:
    """Ask for the password of an account; no password is another name."""
    print(clean(str(error)))
    if wish.token:
        return wish.logging_in(ask_new_password(wish.name or ""))
    return _ask_account_password(wish)


def _ask_account_password(wish: LoginWish) -> LoginWish:
    """Ask for the password of an account; no password is another name."""
    account = clean(wish.account or wish.name or "")
    password = getpass.getpass(f"Password of the account {account} (not shown; Enter: another name): ")
    if password:
        return wish.logging_in(password)
    return replace(wish.logging_out(), name=_ask_name(_free_names(wish)))


def _invited(wish: LoginWish, *, asking: bool) -> LoginWish:
    """Ask for the password of a new account."""
    if asking:
        return wish.logging_in(ask_new_password(wish.name or ""))
    if not wish.password:
        if wish.withheld:
            say(wish.withheld)
        raise ConfigError("An account made by an invitation needs a password; set client.password_file")
    return wish.logging_in(wish.password)


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


def _looked(wish: LoginWish) -> LoginWish:
    """Check that there is a server, and let the user confirm an unknown one, before other questions are asked."""
    try:
        with wish.checking():
            return wish
    except UnknownServerError as error:
        return _believed(wish, error)


def _believed(wish: LoginWish, unknown: UnknownServerError) -> LoginWish:
    """Ask whether the certificate is the server's. Raises UnknownServerError where the answer is not yes."""
    print(f"First visit to {clean(unknown.address)}. Its fingerprint is {unknown.pin}")
    if unknown.validity:
        print(f"Its certificate {unknown.validity}")
    if input("Is it the same in the server's window? [y/N] ").strip().lower() not in ("y", "yes"):
        raise unknown
    return wish.trusting(unknown)


def _free_names(wish: LoginWish) -> tuple[str, ...]:
    """Return free names near the refused one, as the server says now; empty if it cannot be asked."""
    try:
        with wish.checking() as checking:
            return tuple(itertools.islice(checking.free(wish.name or ""), ALTERNATIVES))
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
