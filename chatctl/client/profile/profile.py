"""The remembered data of this installation: the last server and rooms, saved servers, preferences of the screen.

It is stored in `client.json` (`store`), never in the settings file. None of it is needed: a missing, broken or
unwritable file counts as empty.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

from chatctl.client.profile import store

_MAX_ASKED_NAMES = 200
_MAX_ACCOUNTS = 200


@dataclass(frozen=True, slots=True)
class SavedVisit:
    """The server, name and rooms of a session: all that `chatctl join` needs to return there."""

    host: str
    port: int
    name: str = ""
    room: str = ""
    tls: bool | None = None


class Profile:
    """The saved state of the user's clients. `folder` replaces the platform's own."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def _read(self) -> store.Content:
        try:
            return store.read(self._folder)
        except OSError:
            return {}

    def _change(self, change: Callable[[store.Content], None]) -> None:
        with contextlib.suppress(OSError):
            store.update(change, self._folder)

    @property
    def last(self) -> SavedVisit | None:
        """The last session."""
        return _server(self._read().get("last"))

    @property
    def saved(self) -> dict[str, SavedVisit]:
        """The saved ones, by name."""
        found = self._read().get("saved")
        known = found.items() if isinstance(found, dict) else ()
        return {name: server for name, item in known if (server := _server(item)) is not None}

    def entered(self, server: SavedVisit, name: str = "") -> None:
        """Store that a registration succeeded; with a `name`, under it."""

        def change(content: store.Content) -> None:
            content["last"] = _plain(server)
            if name:
                saved = content.get("saved")
                content["saved"] = {**(saved if isinstance(saved, dict) else {}), name: _plain(server)}

        self._change(change)

    def account(self, server: str, name: str) -> str:
        """Return the account that `name` was last logged in to at the server ``host:port``, or ``""``."""
        known = self._read().get("accounts")
        found = known.get(_place(server, name)) if isinstance(known, dict) else None
        return found if isinstance(found, str) else ""

    def learn_account(self, server: str, name: str, account: str) -> None:
        """Remember that `name` is logged in to `account` there, or, if that is empty, that it needs no login."""
        if self.account(server, name) == account:
            return

        def change(content: store.Content) -> None:
            known = content.get("accounts")
            accounts = dict(known) if isinstance(known, dict) else {}
            accounts.pop(_place(server, name), None)
            if account:
                accounts[_place(server, name)] = account
            content["accounts"] = dict(list(accounts.items())[-_MAX_ACCOUNTS:])

        self._change(change)

    def first_time(self, what: str, server: str, name: str) -> bool:
        """Return whether a question about a name at a server was never asked; from now on it counts as asked."""
        asked = self._read().get("asked")
        key = f"{what} {server} {name}"
        if isinstance(asked, list) and key in asked:
            return False

        def change(content: store.Content) -> None:
            known = content.get("asked")
            content["asked"] = [*(known if isinstance(known, list) else []), key][-_MAX_ASKED_NAMES:]

        self._change(change)
        return True

    def choice(self, key: str, otherwise: str) -> str:
        """Return a preference, as stored by :meth:`choose`."""
        found = self._read().get("choices")
        value = found.get(key) if isinstance(found, dict) else None
        return value if isinstance(value, str) else otherwise

    def choose(self, key: str, value: str) -> None:
        """Remember how one likes something."""

        def change(content: store.Content) -> None:
            known = content.get("choices")
            content["choices"] = {**(known if isinstance(known, dict) else {}), key: value}

        self._change(change)


def _place(server: str, name: str) -> str:
    return f"{server} {name}".casefold()


def _server(item: object) -> SavedVisit | None:
    if not isinstance(item, dict):
        return None
    host, port, name, room, tls = (item.get(key) for key in ("host", "port", "name", "room", "tls"))
    if not isinstance(host, str) or not isinstance(port, int) or not host or not 0 < port < 65536:
        return None
    name, room = (word if isinstance(word, str) else "" for word in (name, room))
    return SavedVisit(host, port, name, room, tls if isinstance(tls, bool) else None)


def _plain(server: SavedVisit) -> dict[str, object]:
    return {item.name: getattr(server, item.name) for item in fields(server)}
