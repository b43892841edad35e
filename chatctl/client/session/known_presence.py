"""Known away states, accounts and watched names of users, without any connection."""

from __future__ import annotations

from collections.abc import Callable

from chatctl.client import events as e


class KnownPresence:
    """Known states of users, beyond the member lists. Names are folded."""

    def __init__(self) -> None:
        self.away: set[str] = set()
        self.accounts: dict[str, str] = {}
        self.asked: set[str] = set()
        """Rooms whose WHO we asked for ourselves."""
        self.watched: dict[str, str] = {}
        self.whois: dict[str, list[str]] = {}
        self.listed: list[e.ListedRoom] = []
        self.ignored: dict[str, str] = {}
        """Folded name -> name of those whose words are not told."""

    def clear(self) -> None:
        """Forget everything, after a connection loss."""
        self.away.clear()
        self.accounts.clear()
        self.asked.clear()
        self.whois.clear()
        self.listed.clear()

    def rename(self, old: str, new: str) -> None:
        """Follow a nick change."""
        if old in self.away:
            self.away.discard(old)
            self.away.add(new)
        if old in self.accounts:
            self.accounts[new] = self.accounts.pop(old)

    def refold(self, renewed: Callable[[str], str], fold: Callable[[str], str]) -> None:
        """Bring all names under a new rule: `renewed` maps old folded names, `fold` names as written."""
        self.away = set(map(renewed, self.away))
        self.accounts = {renewed(key): account for key, account in self.accounts.items()}
        self.asked = set(map(renewed, self.asked))
        self.whois = {renewed(key): lines for key, lines in self.whois.items()}
        self.watched = {fold(name): name for name in self.watched.values()}
        self.ignored = {fold(name): name for name in self.ignored.values()}

    def gone(self, name: str) -> None:
        """Forget a user who left the chat."""
        self.away.discard(name)
        self.accounts.pop(name, None)
