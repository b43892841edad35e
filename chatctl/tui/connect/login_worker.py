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


class LoginPort(Protocol):
    """Where to get in."""

    @property
    def address(self) -> str: ...
    @property
    def room(self) -> str: ...

    def client(self, name: str, password: str | None) -> Client:
        """Return a client that has not started. Raises InvalidNameError."""

    def reachable(self) -> None:
        """Raises UnreachableError without a server, RefusedError if it refuses the client."""

    def free_names(self, name: str) -> tuple[str, ...]:
        """Free names near one that is not."""

    def believe(self, unknown: UnknownServerError) -> None:
        """Trust the server, after the user has compared the fingerprint."""

    @property
    def invited(self) -> bool:
        """Return whether an invitation is to become an account, and no password was chosen yet."""

    @property
    def makes_account(self) -> bool:
        """Whether the password asked for is a new one, of an account that an invitation makes."""

    def log_in(self, name: str, password: str) -> None:
        """Connect with a login to the account of that name; with an invitation, the account is made."""

    def needs_login(self, name: str) -> bool:
        """Return whether the name has an account on the server whose password is unknown here."""

    def log_in_as_saved(self, name: str) -> bool:
        """Log in by the saved password, if there is one and it was not tried before."""

    def log_out(self) -> None:
        """Connect as a guest, under another name."""

    def entered(self, client: Client) -> None:
        """Remember the successful login."""

    def keep(self, client: Client, word: str) -> None:
        """Save the server under a word. Raises InputError."""


@dataclass(frozen=True, slots=True)
class LoginSucceeded:
    """We are in."""

    client: Client


@dataclass(frozen=True, slots=True)
class NameWanted:
    """A name is needed, or another one; `trouble` says why."""

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
    """`name` is the name requested last."""

    def __init__(self, door: LoginPort, feed: EventQueue) -> None:
        self.door = door
        self.feed = feed
        self.name = ""
        self.password: str | None = None
        self.outcome: Outcome | None = None
        self._tell: Callable[[Outcome], object] = lambda _: None
        self._knows_account = False
        """Whether it is settled if the first name has an account there: it is asked for once."""
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def other_name(self) -> None:
        """Ask for another name."""
        self.outcome = None
        self.door.log_out()
        self._thread = threading.Thread(target=lambda: self._tell(NameWanted("", self._free())), daemon=True)
        self._thread.start()

    def begin(self, name: str | None, password: str | None = None) -> None:
        """Try to get in as `name`; without one only see whether there is a server."""
        self.name = name or ""
        self.password = password if password is not None else self.password
        self.outcome = None
        self._thread = threading.Thread(target=self._try, name="chatctl-entrance", daemon=True)
        self._thread.start()

    def listen(self, tell: Callable[[Outcome], object]) -> None:
        """Send the outcomes to `tell`, on any thread; one that is there already at once."""
        with self._lock:
            self._tell = tell
            known = self.outcome
        if known is not None:
            tell(known)

    def wait(self, seconds: float | None = None) -> Outcome | None:
        """Return the outcome, if there is one within `seconds`."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self.outcome

    def _try(self) -> None:
        try:
            outcome = self._attempt()
        except UnknownServerError as unknown:
            outcome = TrustWanted(unknown)
        except BaseException as error:  # noqa: BLE001  # told to the person, outside of the screen
            outcome = LoginFailed(error)
        with self._lock:
            self.outcome = outcome
            tell = self._tell
        tell(outcome)

    def _attempt(self) -> Outcome:
        if not self.name:
            self.door.reachable()
            return NameWanted()
        if self.door.invited:
            return LoginWanted(self.name, new=True)
        if not self._knows_account and self.door.needs_login(self.name):
            self.door.reachable()
            self._knows_account = True
            return LoginWanted(self.name, known=True)
        self._knows_account = True
        try:
            client = self.door.client(self.name, self.password)
            client.on(self.feed.put)
            client.start()
        except (OwnedNameError, AccountNeededError) as error:
            if self.door.log_in_as_saved(self.name):
                return self._attempt()
            closed = isinstance(error, AccountNeededError)
            return LoginWanted(self.name, str(error) if closed else "", closed=closed)
        except LoginError as error:
            return LoginWanted(self.name, str(error), new=self.door.makes_account)
        except (NameTakenError, InvalidNameError) as error:
            return NameWanted(str(error), self._free())
        except PasswordError as error:
            return PasswordWanted(str(error) if self.password is not None else "")
        return LoginSucceeded(client)

    def _free(self) -> tuple[str, ...]:
        try:
            return self.door.free_names(self.name)
        except ChatctlError:
            return ()
