"""Bans: who may not come in, by name, account or address. What is kept of them, and how they are found.

The rules of this file:

1. A ban is known by its kind and what it is for, folded; a second one for the same takes the place of the first.
2. An address is a network. An IPv6 one without a length is its network of 64 bits, which is what one customer has.
3. One that has expired is none. It is forgotten when the next one is made.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from chatctl.protocol import names

MOST_BANS = 10_000

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Ban:
    """`key` is :func:`ban_key`'s; `target` what it is for, as people read it; times are ms since 1970 UTC, `expires` 0
    for never."""

    key: str
    target: str
    reason: str
    created: int
    expires: int = 0

    def holds(self, now: int) -> bool:
        """Whether it is in force (rule 3)."""
        return not self.expires or now < self.expires

    @property
    def sentence(self) -> str:
        """What the banned one reads."""
        return f"You are banned from this server{f': {self.reason}' if self.reason else ''}"


def ban_key(target: str, *, account: bool = False) -> tuple[str, str]:
    """Key and target of a ban for what somebody typed: an address, a network, a name, or with `account` an account's.
    Raises ValueError with a sentence."""
    if account:
        return f"account {names.fold(target)}", target
    network = _network(target)
    if network is not None:
        return f"address {network}", str(network)
    problem = names.problem(target)
    if problem is not None:
        raise ValueError(f"{target} is no address, no network and no name: {problem}")
    return f"name {names.fold(target)}", target


def _network(text: str) -> _Network | None:
    try:
        if ":" in text and "/" not in text:
            return ipaddress.ip_network((text, 64), strict=False)
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


class Bans:
    """Those that there are. Whether one comes to be is decided in :mod:`chatctl.chat.apply.bans`."""

    def __init__(self) -> None:
        self._bans: dict[str, Ban] = {}
        self._networks: dict[str, _Network] = {}

    def __iter__(self) -> Iterator[Ban]:
        return iter(self._bans.values())

    def __len__(self) -> int:
        return len(self._bans)

    def put(self, ban: Ban) -> None:
        """There is one more."""
        self._bans[ban.key] = ban
        kind, _, rest = ban.key.partition(" ")
        network = _network(rest) if kind == "address" else None
        if network is not None:
            self._networks[ban.key] = network

    def drop(self, ban: Ban) -> None:
        """There is one less."""
        self._bans.pop(ban.key, None)
        self._networks.pop(ban.key, None)

    def get(self, key: str) -> Ban | None:
        """The one of this key, in force or not."""
        return self._bans.get(key)

    def of_name(self, name: str, now: int) -> Ban | None:
        """The ban on a name."""
        return self._held(f"name {names.fold(name)}", now)

    def of_account(self, account: str, now: int) -> Ban | None:
        """The ban on an account."""
        return self._held(f"account {names.fold(account)}", now) if account else None

    def of_address(self, address: str, now: int) -> Ban | None:
        """The ban on a numeric address, or on a network it is in."""
        if not self._networks:
            return None
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return None
        keys = (key for key, network in self._networks.items() if found in network)
        return next((ban for key in keys if (ban := self._held(key, now)) is not None), None)

    def expired(self, now: int) -> list[Ban]:
        """Those that nobody needs any more."""
        return [ban for ban in self._bans.values() if not ban.holds(now)]

    def _held(self, key: str, now: int) -> Ban | None:
        ban = self._bans.get(key)
        return ban if ban is not None and ban.holds(now) else None
