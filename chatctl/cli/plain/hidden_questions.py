"""Questions in the middle of a conversation whose answers are not shown, and never sent to a room.

While one stands, every typed line is its answer. So a password that follows `/register` in the same burst, or after it
was refused, cannot become a message.
"""

from __future__ import annotations

import contextlib
import termios
from collections.abc import Callable
from typing import Protocol

from chatctl.client.client import Client
from chatctl.client.errors import InputError
from chatctl.errors import ChatctlError
from chatctl.protocol.clean import clean
from chatctl.protocol.passwords import password_problem


class HiddenQuestion(Protocol):
    """A question whose answer is not echoed."""

    @property
    def prompt(self) -> str:
        """The prompt before the answer."""

    def answer(self, line: str) -> bool:
        """Take a line. True if the question is answered."""


class NewPassword:
    """Asks twice for the password of a new account, then creates the account.

    Args:
        client: Registers its own name.
        show: Shows a line to the user.
    """

    def __init__(self, client: Client, show: Callable[[str], None]) -> None:
        self._client = client
        self._show = show
        self._first = ""

    @property
    def prompt(self) -> str:
        """Ask for the password, or for the same once more."""
        if self._first:
            return "Once more: "
        return f"Choose a password, so that {clean(self._client.name)} is yours (not shown; Ctrl-D: not now): "

    def answer(self, line: str) -> bool:
        """Take the password, or the same once more. An empty line is asked for again."""
        if not line:
            return False
        if not self._first:
            problem = password_problem(line, self._client.name)
            if problem is not None:
                self._show(problem)
            self._first = "" if problem is not None else line
            return False
        if line != self._first:
            self._first = ""
            self._show("The two passwords are not the same")
            return False
        try:
            self._client.register(line)
        except ChatctlError as error:
            self._show(f"!!! {error}")
        return True


class RefusedQuestion:
    """Takes lines until the user says that the next one is not a password."""

    prompt = "No password is needed. Type y to continue (not shown): "

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show

    def answer(self, line: str) -> bool:
        """Take a line; only y ends the question."""
        if line.strip().lower() in ("y", "yes"):
            return True
        if line.strip():
            self._show("Nothing was sent")
        return False


def new_password(client: Client, show: Callable[[str], None]) -> NewPassword:
    """Begin to make an account. Raises InputError if this server, or this connection, cannot."""
    if client.may_register:
        return NewPassword(client, show)
    if client.account is not None:
        raise InputError(f"You are logged in as {clean(client.account)}; the name is yours")
    raise InputError("This server does not allow making accounts from here; ask its operator")


class Echo:
    """Reports whether a terminal in line mode echoes input."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal

    def hide(self, hidden: bool) -> None:
        """Echo line ends only, or everything again. Files and pipes are left alone."""
        with contextlib.suppress(termios.error, OSError, ValueError):
            attributes = termios.tcgetattr(self._terminal)
            shows = attributes[3] & ~(termios.ECHO | termios.ECHONL)
            attributes[3] = shows | (termios.ECHONL if hidden else termios.ECHO)
            termios.tcsetattr(self._terminal, termios.TCSADRAIN, attributes)
