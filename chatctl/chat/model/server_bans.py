"""Server bans by name, account or address: as stored, and how they are matched.

Invariants:

- [one-per-target] A ban is identified by its kind and folded target; a second one for the same target replaces it.
- [network] An address is a network. An IPv6 address without a length is its /64, which is what one customer has; a
  link-local one is only itself, because all neighbours share the network. An IPv4-mapped IPv6 address
  (``::ffff:192.0.2.7``) counts as the IPv4 address; so do connections from it.
- [expiry] An expired ban has no effect. It is removed when the next one is made.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from chatctl.chat.model.hosts import is_link_local, origin
from chatctl.protocol import names

MAX_BANS = 10_000

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
"""RFC 4291, section 2.5.5.2."""
_IPV4 = 0xFFFF_FFFF
_NO_NAME = frozenset(".:/")
"""Characters of addresses that names cannot have."""


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
        """Return whether the ban has not expired ([expiry])."""
        return not self.expires or now < self.expires

    @property
    def sentence(self) -> str:
        """Return the reason as the banned user reads it."""
        return f"You are banned from this server{self.until}{f': {self.reason}' if self.reason else ''}"

    @property
    def parting(self) -> str:
        """Return the reason as other users read it when the banned user is removed."""
        return f"Banned: {self.reason}" if self.reason else "Banned"

    @property
    def until(self) -> str:
        """The end of it in a sentence, with a space before; ``""`` for never."""
        if not self.expires:
            return ""
        return f" until {datetime.fromtimestamp(self.expires // 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def ban_key(target: str, *, account: bool = False) -> tuple[str, str]:
    """Return kind and target of a ban for typed text: an address, a network, a name, or with `account` an account name.
    Raises ValueError with a sentence."""
    if account:
        return f"account {names.fold(target)}", target
    network = _network(target)
    if network is not None:
        return f"address {network}", str(network)
    problem = names.problem(target)
    if problem is not None and not _NO_NAME.isdisjoint(target):
        raise ValueError(
            f"{target} is not a valid address or network, such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32"
        )
    if problem is not None:
        raise ValueError(f"{target} is not a valid address, network or name: {problem}")
    return f"name {names.fold(target)}", target


def _network(text: str) -> _Network | None:
    address, _, zone = text.partition("%")
    if zone and is_link_local(address):  # peers' addresses are compared without their zone
        text = address + zone[len(zone.partition("/")[0]) :]
    try:
        network = ipaddress.ip_network(text, strict=False)
        inside = ipaddress.IPv4Address(int(network.network_address) & _IPV4)
        if network.version == 6 and network.prefixlen >= _MAPPED.prefixlen and network.network_address in _MAPPED:
            return ipaddress.ip_network((inside, network.prefixlen - _MAPPED.prefixlen))
        if network.version == 6 and "/" not in text:
            return ipaddress.ip_network(origin(text)) if is_link_local(text) else network.supernet(new_prefix=64)
    except ValueError:
        return None
    return network


def _network_of(ban: Ban) -> _Network | None:
    kind, _, rest = ban.key.partition(" ")
    return _network(rest) if kind == "address" else None


def _start(address: ipaddress.IPv4Address | ipaddress.IPv6Address, size: tuple[int, int]) -> int:
    """Return the common prefix of all addresses of a network, for this version and length."""
    return int(address) >> (address.max_prefixlen - size[1])


class Bans:
    """All bans. Whether one may be added is decided in :mod:`chatctl.chat.apply.bans`."""

    def __init__(self) -> None:
        self._bans: dict[str, Ban] = {}
        # By version and length of the prefix, so that looking costs as many steps as there are different lengths.
        self._networks: dict[tuple[int, int], dict[int, str]] = {}

    def __iter__(self) -> Iterator[Ban]:
        return iter(self._bans.values())

    def __len__(self) -> int:
        return len(self._bans)

    def put(self, ban: Ban) -> None:
        """Add a ban."""
        self._bans[ban.key] = ban
        network = _network_of(ban)
        if network is not None:
            size = network.version, network.prefixlen
            self._networks.setdefault(size, {})[_start(network.network_address, size)] = ban.key

    def drop(self, ban: Ban) -> None:
        """Remove a ban."""
        self._bans.pop(ban.key, None)
        network = _network_of(ban)
        if network is not None:
            size = network.version, network.prefixlen
            starts = self._networks.get(size, {})
            starts.pop(_start(network.network_address, size), None)
            if not starts:
                self._networks.pop(size, None)

    def get(self, key: str) -> Ban | None:
        """Return the ban with this key, in force or not."""
        return self._bans.get(key)

    def of_name(self, name: str, now: int) -> Ban | None:
        """Return the ban on a name."""
        return self._held(f"name {names.fold(name)}", now)

    def of_account(self, account: str, now: int) -> Ban | None:
        """Return the ban on an account."""
        return self._held(f"account {names.fold(account)}", now) if account else None

    def of_address(self, address: str, now: int) -> Ban | None:
        """Return the ban on a numeric address, or on a network it is in."""
        if not self._networks:
            return None
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return None
        for size, starts in self._networks.items():
            if size[0] == found.version and (key := starts.get(_start(found, size))) is not None:
                ban = self._held(key, now)
                if ban is not None:
                    return ban
        return None

    def expired(self, now: int) -> list[Ban]:
        """Return the expired bans."""
        return [ban for ban in self._bans.values() if not ban.holds(now)]

    def _held(self, key: str, now: int) -> Ban | None:
        ban = self._bans.get(key)
        return ban if ban is not None and ban.holds(now) else None
