"""Commands that only the full screen has, and their stored settings."""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from typing import TYPE_CHECKING

from chatctl.client.errors import InputError
from chatctl.tui.connect import account_prompt
from chatctl.tui.widgets.dialogs import ErrorDialog, TextOverlay

if TYPE_CHECKING:
    from chatctl.tui.commands.command_app import CommandApp

PLAIN = "\0plain"
"""The result of the screen where one wants to go on line by line."""


class LocalCommands:
    """The commands of the screen itself. `table`: names, and functions of the rest of the line, for `SlashAdapter`."""

    def __init__(self, app: CommandApp) -> None:
        self._app = app
        self.table: dict[str, Callable[[str], None]] = {
            "search": app.open_search,
            "history": lambda _: app.action_page(-1),
            "theme": self._theme,
            "notify": self._notify,
            "typing": self._typing,
            "register": lambda _: account_prompt.ask(app),
            "save": self._save,
            "plain": lambda _: app.leave(PLAIN),
            "read": self._read,
            "refused": self._refused,
        }

    def _read(self, text: str) -> None:
        """Show a long text over the screen: lines of two columns."""
        rows = [(what, about.strip()) for what, _, about in (line.partition("  ") for line in text.splitlines())]
        self._app.push_screen(TextOverlay("Commands", rows))

    def _refused(self, why: str) -> None:
        """Report why no password is asked for."""
        if not isinstance(self._app.screen, ErrorDialog):
            self._app.push_screen(ErrorDialog(why))

    def _save(self, word: str) -> None:
        app = self._app
        if app.client is not None:
            app.login_worker.service.save_server(app.client, word)
            app.model.tell(f"Saved: chatctl join {word} enters here again", now=clock.time())

    def _theme(self, name: str) -> None:
        app = self._app
        if not name:
            raise InputError(f"The colours are {app.look.palette.name}; /theme terminal, dark or light changes them")
        app.wear(name)
        self._remember("theme", name)

    def _notify(self, word: str) -> None:
        own_presence = self._app.own_presence
        if own_presence is not None:
            own_presence.notifies = self._switched(
                "You are alerted when a message has your name", "notify", word, own_presence.notifies
            )

    def _typing(self, word: str) -> None:
        own_presence = self._app.own_presence
        if own_presence is not None:
            own_presence.sends_typing = self._switched(
                "Others see when you type", "typing", word, own_presence.sends_typing
            )

    def _switched(self, what: str, key: str, word: str, now: bool) -> bool:
        """Turn a setting on or off; without a word only show it. Returns what holds then."""
        if word not in ("on", "off", ""):
            raise InputError('Type "on" or "off"')
        on = word == "on" if word else now
        hint = "" if word else f"; /{key} {'off' if on else 'on'} changes it"
        self._app.model.tell(f"{what}: {'yes' if on else 'no'}{hint}", now=clock.time())
        if word:
            self._remember(key, word)
        return on

    def _remember(self, key: str, value: str) -> None:
        if self._app.memory is not None:
            self._app.memory.choose(key, value)
