"""Typed commands: implements :class:`chatctl.client.slash.table.CommandScreen` for the full screen."""

from __future__ import annotations

import time as clock
from collections.abc import Callable

from chatctl.client.client import Client
from chatctl.client.errors import InputError, SecretSaidError
from chatctl.client.events.base import Kind
from chatctl.client.slash import table
from chatctl.errors import ChatctlError
from chatctl.tui.model.view_model import ViewModel
from chatctl.tui.render.theme import PALETTES

_LONG = 10
"""Lines that would push the conversation off the screen."""


class SlashAdapter:
    """Runs typed commands. `special`: commands of the screen itself: names, and functions of the rest of the line."""

    def __init__(
        self, client: Client, model: ViewModel, leave: Callable[[str], None], special: dict[str, Callable[[str], None]]
    ) -> None:
        self.client = client
        self.model = model
        self._leave = leave
        self._special = special

    def run(self, text: str) -> None:
        """Carry out a typed line; errors are shown.

        If a password may follow, they are shown in a dialog, so that the password is not sent to the room.
        """
        lines = text.split("\n")
        asks = (len(lines) == 1 or not table.is_text(text)) and any(map(table.asks_password, lines))
        try:
            if asks and len(lines) > 1:
                raise InputError("/register asks for the password itself, so nothing may be written below it")
            if len(lines) > 1 and table.is_text(text):
                self.say(self._target(), text)
            else:
                for line in lines:
                    table.run(self, line)
        except ChatctlError as error:
            if asks and "refused" in self._special:
                self._special["refused"](str(error))
            else:
                self.model.tell(str(error), trouble=True, now=clock.time())

    def _target(self) -> str:
        if not self.here:
            raise InputError("You are in no room. /join #lobby enters one")
        return self.here

    @property
    def here(self) -> str:
        """Where a plain line goes to."""
        return self.model.here.name

    def say(self, target: str, text: str, kind: Kind = "message", reply: str = "") -> None:
        """Say it, and show that it is on its way. Raises InputError for the user's own password."""
        if self.client.is_secret(text):
            raise SecretSaidError(target)
        if kind == "action":
            ticket = self.client.act(target, text)
        else:
            ticket = self.client.say(target, text, whole=True, reply=reply)
        self.model.say(text, kind, target, ticket, clock.time(), reply or None)

    def said(self, count: int, name: str = "") -> str | None:
        """Return the id of a message here. One that has not arrived counts too, since it is displayed."""
        fold, wanted = self.client.fold, self.client.fold(name)
        for item in reversed(self.model.here.shown.items):
            if item.is_message and not item.deleted and (not name or fold(item.name) == wanted):
                count -= 1
            if count == 0:
                if item.ticket:
                    raise InputError("That message is still on its way; try again in a moment")
                if item.problem:
                    raise InputError("That message was not delivered; /resend sends it again")
                if item.id is None:
                    raise InputError(
                        "This server does not support message IDs, so messages cannot be replied to, "
                        "reacted to or deleted"
                    )
                return item.id
        return None

    def go(self, target: str) -> None:
        """Show the room or conversation as soon as it is joined."""
        buffer = self.model.buffers.get(target)
        if buffer is not None and (buffer.joined or not buffer.is_room):
            self.model.look_at(buffer)
        elif self.client.is_room(target):
            self.model.go_to(target, clock.monotonic())
        else:
            self.model.look_at(self.model.converse(target))

    def show(self, text: str) -> None:
        """Tell the user something."""
        if text.count("\n") >= _LONG and "read" in self._special:
            self._special["read"](text)
        else:
            self.model.tell(text, now=clock.time())

    def do(self, what: str, rest: str) -> None:
        """Carry out a command of the screen."""
        if what == "close":
            buffer = self.model.buffers.get(rest)
            if buffer is not None:
                self.model.buffers.close(buffer)
                self.model.look_at(self.model.here)
                self.model.stale |= {"log", "rooms", "people", "topic"}
        elif what == "resend":
            self._resend()
        elif what == "theme" and rest and rest not in PALETTES:
            raise InputError(f"There are these: {', '.join(PALETTES)}")
        elif what in self._special:
            self._special[what](rest)
        else:
            raise InputError(f"/{what} cannot be done here")

    def _resend(self) -> None:
        """Send the undelivered messages of this buffer again."""
        buffer = self.model.here
        failures = buffer.log.failures()
        if not failures:
            raise InputError("Nothing here failed to be delivered")
        for item in failures:
            buffer.log.remove(item)
            self.say(buffer.name, item.text, "action" if item.kind == "action" else "message", item.reply or "")

    def leave(self, reason: str) -> None:
        """End."""
        self._leave(reason)
