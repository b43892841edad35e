"""Which account a name is logged in to at a server, remembered so that the next visit logs in again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatctl.client import events as e

if TYPE_CHECKING:
    from chatctl.client.client import Client
    from chatctl.client.profile.profile import Profile

_LOGIN_CODES = ("900", "REGISTER")


class AccountMemory:
    """Listener of one client. A name that is let in as a guest is remembered as having no account."""

    def __init__(self, memory: Profile, address: str, client: Client) -> None:
        self._memory = memory
        self._address = address
        self._client = client

    def event(self, event: e.Event) -> None:
        """Remember the account if the client has just logged in, or come in without."""
        if isinstance(event, e.Connected) or (isinstance(event, e.ServerNotice) and event.code in _LOGIN_CODES):
            self._memory.learn_account(self._address, self._client.name, self._client.account or "")
