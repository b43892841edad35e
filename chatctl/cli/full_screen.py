"""The full screen of `chatctl join`: from the login to the conversation, and back to the command line.

The login begins before Textual is imported, so the two run at the same time, and an unreachable server is reported
without the screen flashing up.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import replace

from chatctl.cli.account_memory import AccountMemory
from chatctl.cli.leftovers import Leftovers
from chatctl.cli.saved_visits import VisitStore, place
from chatctl.cli.shutdown import Ending, leave_server
from chatctl.client.client import Client
from chatctl.client.name_check import ALTERNATIVES
from chatctl.client.profile.profile import Profile
from chatctl.client.transport.trust import UnknownServerError
from chatctl.destination.login_plan import LoginPlan
from chatctl.tui.connect.event_queue import EventQueue
from chatctl.tui.connect.login_worker import LoginFailed, LoginWorker

_FRAMES = "240"
"""Textual draws changes at its next frame: its usual 60 per second could alone take the 16 ms in which a key should
show. A frame without changes costs nothing."""


class FullScreenLogin:
    """Logs in for the full screen (a :class:`LoginService`). `saved_as`: the name to save the server under."""

    def __init__(self, plan: LoginPlan, memory: Profile, visits: VisitStore, saved_as: str = "") -> None:
        self.plan = replace(plan, attentive=True)
        self._memory = memory
        self._visits = visits
        self._saved_as = saved_as
        self._tried = False

    @property
    def address(self) -> str:
        """``host:port``"""
        return self.plan.to.address

    @property
    def room(self) -> str:
        """The room to join first."""
        return self.plan.room

    def create_client(self, name: str, password: str | None) -> Client:
        """Return a client that has not started."""
        plan = replace(self.plan, name=name, password=password if password is not None else self.plan.password)
        if plan.login is not None and plan.login.account != (plan.account or name):
            plan = replace(plan, login=None)
        self.plan = plan
        client = self.plan.client()
        client.on(AccountMemory(self._memory, self.address, client).event)
        return client

    def check_reachable(self) -> None:
        """Check that the server can be reached."""
        with self.plan.name_check():
            pass

    def suggest_names(self, name: str) -> tuple[str, ...]:
        """Return free names similar to this one."""
        with self.plan.name_check() as name_check:
            return tuple(itertools.islice(name_check.free(name), ALTERNATIVES))

    @property
    def invited(self) -> bool:
        """Whether an invitation is about to create an account whose password was not chosen yet."""
        return bool(self.plan.token) and self.plan.login is None

    @property
    def creates_account(self) -> bool:
        """Whether the user chooses a new password, for an account that an invitation creates."""
        return bool(self.plan.token)

    def log_in(self, name: str, password: str) -> None:
        """Log in to the account of that name at the next connection."""
        self.plan = replace(self.plan, name=name).with_login(password)

    def needs_login(self, name: str) -> bool:
        """Return whether the name has an account on the server whose password is unknown here."""
        self.plan = replace(self.plan, name=name).with_remembered_account(self._memory)
        return self.plan.logs_in and self.plan.login is None

    def log_in_with_saved_password(self, name: str) -> bool:
        """Use the saved password at the next connection. Return False if there is none or it was tried before."""
        if not self.plan.password or self.plan.login is not None or self._tried:
            return False
        self._tried = True
        self.log_in(name, self.plan.password)
        return True

    def continue_as_guest(self) -> None:
        """Connect as a guest."""
        self.plan = self.plan.as_guest()

    def trust_server(self, unknown: UnknownServerError) -> None:
        """Trust the server, after the user has compared the fingerprint."""
        self.plan = self.plan.with_trusted_certificate(unknown)

    def record_login(self, client: Client) -> None:
        """Save the visit: the server, the room and the name."""
        self._memory.entered(place(self.plan, client.name), self._saved_as)

    def save_server(self, client: Client, word: str) -> None:
        """Save the server under a short name. Raises InputError."""
        self._visits.keep(self.plan, client.name, word)


def run(plan: LoginPlan, visits: VisitStore, ending: Ending, saved_as: str = "") -> Client | None:
    """Run the full screen until the user leaves. Return the client if it should go on line by line; it is still
    connected.

    Raises the error that ended it, if it was not the user.
    """
    from chatctl.tui.terminal.gc_tuning import IdleCollector

    collector = IdleCollector()
    memory = Profile()
    leftovers = Leftovers()
    login_worker = LoginWorker(
        FullScreenLogin(replace(plan, callback=leftovers.event), memory, visits, saved_as), EventQueue()
    )
    login_worker.begin(plan.name)
    os.environ.setdefault("TEXTUAL_FPS", _FRAMES)
    for name in ("COLUMNS", "LINES"):  # left over from another terminal; the size is that of this one
        os.environ.pop(name, None)
    from chatctl.tui.app import ChatApp
    from chatctl.tui.commands.local_commands import PLAIN
    from chatctl.tui.terminal.key_sequences import drawing_on_terminal

    early = login_worker.outcome
    if isinstance(early, LoginFailed):
        raise early.error
    app = ChatApp(login_worker, memory, collector=collector)
    app.on_leave = ending.leave
    ending.stop = lambda reason, seconds: app.client is None or leave_server(app.client, reason, seconds)
    ending.full_screen = True
    ending.on_signal(app.leave_soon)
    reason: str | None = ""
    try:
        with drawing_on_terminal():
            reason = app.run()
    finally:
        ending.full_screen = False
        if app.client is not None and reason != PLAIN:
            app.client.stop(reason or "")
            leftovers.tell()
    if app.problem is not None:
        raise app.problem
    return app.client if reason == PLAIN else None
