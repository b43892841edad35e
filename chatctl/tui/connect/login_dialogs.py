"""The questions of the login: name, password, fingerprint.

Invariants:

- [one-question] The result of a login attempt leads to one question, or none; each answer is another attempt.
- [cancel-leaves] Cancelling leaves; the caller of the screen reports why.
- [no-keys-to-chat] From the first question until the login is complete, the message line takes no keys: they belong to
  the questions, and may be a password. A question for a password clears the line, since it may have been typed ahead.
  Keys that are queued when a question appears are dropped: they were not meant for it.
- [status] While a question is shown, the status line says what is awaited: the server has been reached.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from chatctl.protocol.clean import clean
from chatctl.protocol.passwords import password_problem
from chatctl.tui.connect.login_worker import (
    LoginFailed,
    LoginSucceeded,
    LoginWanted,
    NameWanted,
    Outcome,
    PasswordWanted,
    TrustWanted,
)
from chatctl.tui.widgets.dialogs import InputDialog, QuestionDialog

if TYPE_CHECKING:
    from chatctl.tui.connect.login_app import LoginApp


class LoginDialogs:
    """The dialogs of the login. `asked_name`: whether the user was asked for a name."""

    def __init__(self, app: LoginApp) -> None:
        self._app = app
        self.asked_name = False

    def known(self, outcome: Outcome) -> None:
        """Handle the result of an attempt ([one-question])."""
        match outcome:
            case LoginSucceeded():
                if self._app.line.deaf:
                    self._app.line.listen(self._app.key_order.drop())
                self._app.entered(outcome.client)
            case NameWanted():
                self._ask_name(outcome)
            case PasswordWanted():
                self._ask_password(outcome)
            case LoginWanted():
                self._ask_login(outcome)
            case TrustWanted():
                self._ask_trust(outcome)
            case LoginFailed():
                self._leave(outcome.error)

    def _waits_for(self, what: str) -> None:
        """Show that an answer is awaited ([status]). Keys belong to the question ([no-keys-to-chat]), except earlier
        ones."""
        self._app.key_order.drop()
        self._app.line.ignore()
        self._app.model.waits_for = what
        self._app.draw()

    def _begin(self, name: str | None, password: str | None = None) -> None:
        self._app.model.waits_for = ""
        self._app.draw()
        self._app.login_worker.begin(name, password)

    def _leave(self, problem: BaseException) -> None:
        self._app.problem = problem
        self._app.exit("")

    def _ask_name(self, wanted: NameWanted) -> None:
        service = self._app.login_worker.service
        free = f"Free now: {', '.join(wanted.offered)}" if wanted.offered else ""
        text = free or f"You are about to enter {service.room} at {service.address}."
        offered = wanted.offered[0] if wanted.offered else ""

        def answered(name: str | None) -> None:
            if name is None:
                self._leave(KeyboardInterrupt())
            else:
                self.asked_name = True
                self._begin(name)

        self._waits_for("your name")
        asking = InputDialog(
            "What should others call you?", text, wanted="your name", offered=offered, trouble=wanted.trouble
        )
        self._app.push_screen(asking, answered)

    def _ask_login(self, wanted: LoginWanted) -> None:
        login_worker = self._app.login_worker
        title, text = _about_login(wanted)

        def answered(password: str | None) -> None:
            if password is None:
                login_worker.ask_for_other_name()
            else:
                login_worker.service.log_in(wanted.name, password)
                self._begin(wanted.name)

        self._waits_for("a password")
        self._app.line.write("")
        asking = InputDialog(
            title,
            text,
            trouble=wanted.trouble,
            secret=True,
            twice=wanted.new,
            refuse=partial(password_problem, name=wanted.name),
            escape="another name",
        )
        self._app.push_screen(asking, answered)

    def _ask_trust(self, wanted: TrustWanted) -> None:
        login_worker, unknown = self._app.login_worker, wanted.unknown
        text = f"Does the server's own window show this fingerprint too? Ask its operator.\n\n{unknown.pin}"
        if unknown.validity:
            text += f"\n\nIts certificate {unknown.validity}."

        def answered(yes: bool | None) -> None:
            if yes:
                login_worker.service.trust_server(unknown)
                self._begin(login_worker.name or None)
            else:
                self._leave(unknown)

        self._waits_for("your answer")
        title = f"First visit to {clean(unknown.address)}"
        self._app.push_screen(QuestionDialog(title, text, "it is the same", careful=True), answered)

    def _ask_password(self, wanted: PasswordWanted) -> None:
        def answered(password: str | None) -> None:
            if password is None:
                self._leave(KeyboardInterrupt())
            else:
                self._begin(self._app.login_worker.name, password)

        self._waits_for("a password")
        self._app.line.write("")
        asking = InputDialog("This server wants a password", "It is not shown.", trouble=wanted.trouble, secret=True)
        self._app.push_screen(asking, answered)


def _about_login(wanted: LoginWanted) -> tuple[str, str]:
    name = clean(wanted.name)
    if wanted.new:
        return f"Choose a password for {name}", "With it the name is yours. It is not shown."
    if wanted.closed:
        return "Only people with an account may enter", f"The password of {name}, or Esc for another name."
    if wanted.known:
        return f"Log in as {name}", "Your name is an account here. Type its password; it is not shown."
    return (
        f"The name {name} belongs to another user",
        "If that is you, type your password; it is not shown. Else press Esc.",
    )
