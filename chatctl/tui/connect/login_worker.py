"""Logs in on a thread of its own, so that the screen can appear meanwhile. Independent of Textual.

Invariants:

- [one-attempt] One attempt at a time; its result is an :data:`Outcome`, stored and passed to the listener.
- [ask-or-end] If the name or the password is refused, the user is asked, and another attempt follows. Any other error
  is the end: it is reported after the screen, like that of any command.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from chatctl.client.client import Client
from chatctl.client.errors import AccountNeededError, LoginError, OwnedNameError, PasswordError
from chatctl.client.transport.trust import UnknownServerError
from chatctl.errors import ChatctlError, InvalidNameError, NameTakenError
from chatctl.tui.connect.event_queue import EventQueue


class LoginService(Protocol):
    """Connects and logs in to one server; the full screen asks the questions."""

    @property
    def address(self) -> str: ...
    @property
    def room(self) -> str: ...

    def create_client(self, name: str, password: str | None) -> Client:
        """Return a client that has not started. Raises InvalidNameError."""

    def check_reachable(self) -> None:
        """Check that the server can be reached. Raises UnreachableError, or RefusedError if it refuses the client."""

    def suggest_names(self, name: str) -> tuple[str, ...]:
        """Return free names similar to one that is taken."""

    def trust_server(self, unknown: UnknownServerError) -> None:
        """Trust the server, after the user has compared the fingerprint."""

    @property
    def invited(self) -> bool:
        """Whether an invitation is about to create an account whose password was not chosen yet."""

    @property
    def creates_account(self) -> bool:
        """Whether the user chooses a new password, for an account that an invitation creates."""

    def log_in(self, name: str, password: str) -> None:
        """Log in to the account of that name at the next connection; with an invitation, create the account."""

    def needs_login(self, name: str) -> bool:
        """Return whether the name has an account on the server whose password is unknown here."""

    def log_in_with_saved_password(self, name: str) -> bool:
        """Use the saved password at the next connection. Return False if there is none or it was tried before."""

    def continue_as_guest(self) -> None:
        """Connect without a login, under another name."""

    def record_login(self, client: Client) -> None:
        """Save the visit after a successful login."""

    def save_server(self, client: Client, word: str) -> None:
        """Save the server under a short name. Raises InputError."""


@dataclass(frozen=True, slots=True)
class LoginSucceeded:
    """The client is registered with the server."""

    client: Client


@dataclass(frozen=True, slots=True)
class NameWanted:
    """A name, or another name, is needed; `trouble` says why."""

    trouble: str = ""
    offered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PasswordWanted:
    """The server wants a password, or another one."""

    trouble: str


@dataclass(frozen=True, slots=True)
class LoginWanted:
    """A password is needed: of the account that owns the name, of a new one (`new`), of any one since the server
    requires a login (`closed`), or of the account that this user is known to have there (`known`)."""

    name: str
    trouble: str = ""
    new: bool = False
    closed: bool = False
    known: bool = False


@dataclass(frozen=True, slots=True)
class TrustWanted:
    """The first visit to a server without a known certificate: its fingerprint is to be compared."""

    unknown: UnknownServerError


@dataclass(frozen=True, slots=True)
class LoginFailed:
    """The login has failed ([ask-or-end])."""

    error: BaseException


Outcome = LoginSucceeded | NameWanted | PasswordWanted | LoginWanted | TrustWanted | LoginFailed


class LoginWorker:
    """Runs login attempts on a thread. `name`: the name of the last attempt."""

    def __init__(self, service: LoginService, feed: EventQueue) -> None:
        self.service = service
        self.feed = feed
        self.name = ""
        self.password: str | None = None
        self.outcome: Outcome | None = None
        self._listener: Callable[[Outcome], object] = lambda _: None
        self._knows_account = False
        """Whether the account of the first name was looked up already."""
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def ask_for_other_name(self) -> None:
        """Ask for another name."""
        self.outcome = None
        self.service.continue_as_guest()
        self._thread = threading.Thread(
            target=lambda: self._listener(NameWanted("", self._suggest_names())), daemon=True
        )
        self._thread.start()

    def begin(self, name: str | None, password: str | None = None) -> None:
        """Start an attempt to log in as `name`; without a name, only check that the server can be reached."""
        self.name = name or ""
        self.password = password if password is not None else self.password
        self.outcome = None
        self._thread = threading.Thread(target=self._run, name="chatctl-login", daemon=True)
        self._thread.start()

    def listen(self, tell: Callable[[Outcome], object]) -> None:
        """Pass each outcome to `tell`, on any thread; an outcome that exists already is passed at once."""
        with self._lock:
            self._listener = tell
            known = self.outcome
        if known is not None:
            tell(known)

    def wait(self, seconds: float | None = None) -> Outcome | None:
        """Return the outcome, if there is one within `seconds`."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self.outcome

    def _run(self) -> None:
        try:
            outcome = self._attempt()
        except UnknownServerError as unknown:
            outcome = TrustWanted(unknown)
        except BaseException as error:  # noqa: BLE001  # reported after the screen has closed
            outcome = LoginFailed(error)
        with self._lock:
            self.outcome = outcome
            tell = self._listener
        tell(outcome)

    def _attempt(self) -> Outcome:
        if not self.name:
            self.service.check_reachable()
            return NameWanted()
        if self.service.invited:
            return LoginWanted(self.name, new=True)
        if not self._knows_account and self.service.needs_login(self.name):
            self.service.check_reachable()
            self._knows_account = True
            return LoginWanted(self.name, known=True)
        self._knows_account = True
        try:
            client = self.service.create_client(self.name, self.password)
            client.on(self.feed.put)
            client.start()
        except (OwnedNameError, AccountNeededError) as error:
            if self.service.log_in_with_saved_password(self.name):
                return self._attempt()
            closed = isinstance(error, AccountNeededError)
            return LoginWanted(self.name, str(error) if closed else "", closed=closed)
        except LoginError as error:
            return LoginWanted(self.name, str(error), new=self.service.creates_account)
        except (NameTakenError, InvalidNameError) as error:
            return NameWanted(str(error), self._suggest_names())
        except PasswordError as error:
            return PasswordWanted(str(error) if self.password is not None else "")
        return LoginSucceeded(client)

    def _suggest_other_name(self) -> None:
        self._listener(NameWanted("", self._suggest_names()))

    def _suggest_names(self) -> tuple[str, ...]:
        try:
            return self.service.suggest_names(self.name)
        except ChatctlError:
            return ()
