"""Getting a person in: which name, which password, and what to do when the server says no."""

from __future__ import annotations

import getpass
import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

from chatctl.client.check import ALTERNATIVES, NameCheck
from chatctl.client.client import Client
from chatctl.client.refusals import PasswordError
from chatctl.errors import ChatctlError, ConfigError, InvalidNameError, NameTakenError
from chatctl.protocol.clean import clean

_PASSWORD_TRIES = 3


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user wants; `give_up_after`: see Client."""

    host: str
    port: int
    room: str
    name: str | None
    password: str | None
    give_up_after: float | None = None

    def client(self) -> Client:
        """A client for it, not started. Raises InvalidNameError, InputError."""
        return Client(
            self.host,
            self.port,
            name=self.name or "",
            rooms=[self.room],
            password=self.password,
            give_up_after=self.give_up_after,
        )


def enter(wish: Wish, prepare: Callable[[Client], None], *, asking: bool) -> Client:
    """A client that is in. `prepare` gets each one before it starts. `asking`: there is a person to ask.

    Raises UnreachableError, RefusedError; and where nobody can be asked ConfigError (no name), NameTakenError,
    InvalidNameError, PasswordError.
    """
    if wish.name is None:
        if not asking:
            raise ConfigError("no name was given; give one with --name NAME or CHATCTL_CLIENT__NAME")
        with NameCheck(wish.host, wish.port):
            pass  # nobody wants to be asked for a name when there is no server
        wish = replace(wish, name=_ask_name(()))
    tries = 0
    while True:
        try:
            client = wish.client()
            prepare(client)
            return client.start()
        except (NameTakenError, InvalidNameError) as error:
            if not asking:
                raise
            print(clean(str(error)))
            wish = replace(wish, name=_ask_name(_free_names(wish)))
        except PasswordError as error:
            tries += 1
            if not asking or tries > _PASSWORD_TRIES:
                raise
            if wish.password is not None:
                print(clean(str(error)))
            wish = replace(wish, password=getpass.getpass("The server's password (not shown): "))


def _free_names(wish: Wish) -> tuple[str, ...]:
    """Free names near the one that was refused, as the server says now; none where it cannot be asked."""
    try:
        with NameCheck(wish.host, wish.port) as checking:
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
