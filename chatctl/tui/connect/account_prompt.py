"""Registering the name as an account from the full screen: offered once, and by /register.

Invariants:

- [ask-once] A user who was asked for a name is asked once per server and name whether to register it. Enter says no.
- [type-twice] A password is typed twice, since it is not shown.
- [not-a-message] Nothing typed at these questions reaches the message line: it may be the password.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content

from chatctl.client.errors import InputError
from chatctl.errors import ChatctlError
from chatctl.protocol.clean import clean
from chatctl.protocol.passwords import password_problem
from chatctl.tui.widgets.base import Overlay, ScrollBox, TextBlock
from chatctl.tui.widgets.dialogs import InputDialog

if TYPE_CHECKING:
    from chatctl.client.client import Client
    from chatctl.tui.connect.login_app import LoginApp

LATER = "/register keeps your name for you alone"


class RegisterDialog(Overlay[bool]):
    """A question that y answers with yes, Enter and Esc with no. Other keys are dropped: they may be the password."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("y", "answer(True)"),
        ("enter,escape,ctrl+c,ctrl+d", "answer(False)"),
    ]

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name_offered = name

    def compose(self) -> ComposeResult:
        with ScrollBox(classes="box") as box:
            box.border_title = Content(f"Keep the name {clean(self._name_offered)} for you alone?")
            box.border_subtitle = "y: yes · Enter: no"
            yield TextBlock("It takes a password, which is asked for after a y. /register does it at any time.")

    def action_answer(self, answer: bool) -> None:
        """Done."""
        self.done(answer)


def offer(app: LoginApp, client: Client, *, asked: bool) -> None:
    """Offer to register the name ([ask-once]).

    Args:
        asked: Whether the user was asked for the name. A user who gave one reads a line on how to register it.
    """
    if not client.may_register:
        return
    service, memory = app.login_worker.service, app.memory
    if memory is not None and not memory.first_time("register", service.address, client.fold(client.name)):
        return
    if memory is None or not asked:
        app.model.offer = LATER
        return

    def answered(yes: bool | None) -> None:
        if yes:
            ask(app)

    app.key_order.drop()  # they were not meant for this question
    app.push_screen(RegisterDialog(client.name), answered)


def ask(app: LoginApp, trouble: str = "") -> None:
    """Ask for the password and have the account made. Raises InputError where that cannot be."""
    client = app.client
    if client is None or not client.may_register:
        if client is not None and client.account is not None:
            raise InputError(f"You are logged in as {clean(client.account)}; the name is yours")
        raise InputError("This server does not allow making accounts from here; ask its operator")

    def answered(password: str | None) -> None:
        app.line.listen()
        if password is None or not client.may_register:
            return
        try:
            client.register(password)
        except ChatctlError as error:
            ask(app, str(error))

    app.line.ignore()
    title, text = f"Choose a password for {clean(app.model.me)}", "With it the name is yours alone. It is not shown."
    refuse = partial(password_problem, name=app.model.me)
    asking = InputDialog(title, text, trouble=trouble, secret=True, twice=True, refuse=refuse, escape="not now")
    app.push_screen(asking, answered)
