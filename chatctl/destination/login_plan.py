"""The login that a user requests: server, room, name, account and password."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from chatctl.client import Client
from chatctl.client.events import Event
from chatctl.client.login.account_login import AccountLogin
from chatctl.client.name_check import NameCheck
from chatctl.client.profile.profile import Profile
from chatctl.client.transport.trust import UnknownServerError
from chatctl.destination.server_address import ServerAddress


@dataclass(frozen=True, slots=True)
class LoginPlan:
    """The login requested by the user; `give_up_after`, `attentive`: see Client."""

    to: ServerAddress
    room: str
    name: str | None
    password: str | None
    give_up_after: float | None = None
    token: str = ""
    """An invitation's."""
    login: AccountLogin | None = None
    attentive: bool = False
    enters: bool = True
    """Whether to be in the room, not only on the server."""
    callback: Callable[[Event], None] | None = None
    """Called with every event from the beginning."""
    withheld: str = ""
    """Why a saved password is not sent there, as a sentence."""
    account: str = ""
    """The account to log in to; empty if it is named as the user is."""
    logs_in: bool = False
    """Whether there is an account: without `login` its password is asked for before the first attempt."""
    folder: Path | None = None
    """The data folder in force, whose server may be the one at `to`."""
    control: Path | None = None
    transient: bool = False
    """These two: see Client."""
    remembered: bool = False
    """Whether the account is known from an earlier visit only: then joining as a guest is not an error."""

    def client(self) -> Client:
        """Return a client for the plan, not started. Raises InvalidNameError, InputError."""
        client = Client(
            self.to.host,
            self.to.port,
            name=self.name or "",
            rooms=[self.room] if self.enters else [],
            password=self.password,
            give_up_after=self.give_up_after,
            trust=self.to.trust,
            login=self.login,
            attentive=self.attentive,
            transient=self.transient,
            control=self.control,
        )
        if self.callback is not None:
            client.on(self.callback)
        return client

    def name_check(self) -> NameCheck:
        """Return a check of names at the server."""
        return NameCheck(self.to.host, self.to.port, trust=self.to.trust)

    def with_login(self, password: str) -> LoginPlan:
        """Return the plan with a login to the account of that name; with an invitation, the account is to be made."""
        return replace(
            self, login=AccountLogin(self.account or self.name or "", password, self.token), remembered=False
        )

    def with_remembered_account(self, memory: Profile) -> LoginPlan:
        """Return the plan with the account that this name last logged in to there, and its password if one is saved."""
        if self.logs_in or self.login is not None or self.token or not self.name:
            return self
        account = memory.account(self.to.address, self.name)
        if not account:
            return self
        plan = replace(self, account=account, logs_in=True, remembered=True)
        return replace(plan.with_login(plan.password), remembered=True) if plan.password else plan

    def as_guest(self) -> LoginPlan:
        """Return the plan as a guest, who is asked for a password again only if the server requires it."""
        return replace(self, login=None, account="", logs_in=False, remembered=False)

    def with_trusted_certificate(self, unknown: UnknownServerError) -> LoginPlan:
        """Return the plan with the server's certificate accepted, now and later."""
        with contextlib.suppress(OSError):
            self.to.trust.accept(unknown.address, unknown.pin)
        return replace(self, to=replace(self.to, trust=replace(self.to.trust, fingerprint=unknown.pin)))
