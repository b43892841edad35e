"""Limits on connections: per address, and on unregistered ones in total.

Invariants:

- [per-address] An address has at most `connections_per_address` connections, `unregistered_per_address` of them
  unregistered, and new ones at `new_per_second` with a burst. IPv6 counts by /64. This computer is exempt if it is
  trusted (`Rules.local`).
- [bounded-unregistered] At most `unregistered` connections are unregistered, and HARD_LIMIT_FACTOR times as many for an
  instant. If there is one more, the oldest is closed: so idle ones block nobody, and a client that registers within a
  few round trips gets in.
- [banned] A banned client is told after its first line, in its protocol, with TLS too; when half of the unregistered
  places are taken, on accepting, at once.
"""

from __future__ import annotations

from chatctl.chat.model.hosts import is_loopback, origin
from chatctl.chat.model.token_bucket import TokenBucket
from chatctl.server.limits_config import Limits
from chatctl.server.net.connection import Connection

MIN_AGE_SECONDS = 0.25
HARD_LIMIT_FACTOR = 4
"""The minimum time in seconds of an unregistered connection, while there are fewer than this many times
`unregistered`."""

_TOO_MANY = "Too many connections from your address ({} at once, limits.connections_per_address = {})"
_TOO_FAST = "Too many new connections from your address; try again in a moment"
_TOO_MANY_UNREGISTERED = "Too many connections from your address that have not registered; try again in a moment"


class _AddressCount:
    """One address: how many connections it has, and how fast they came."""

    __slots__ = ("bucket", "count")

    def __init__(self) -> None:
        self.count = 0
        self.bucket = TokenBucket()


class ConnectionLimits:
    """Counts connections; with `local` this computer is exempt. Times are in seconds of the loop's clock."""

    def __init__(self, limits: Limits, *, local: bool = True) -> None:
        self._limits = limits
        self._local = local
        self._addresses: dict[str, _AddressCount] = {}
        self._unregistered: dict[Connection, None] = {}
        self._cleaned_at = 0.0

    def refusal(self, address: str, now: float) -> str:
        """Return why a connection from this address is refused ([per-address]); ``""`` if it is not."""
        key = self._key(address)
        if not key:
            return ""
        limits = self._limits
        self._forget_idle_addresses(now)
        found = self._addresses.get(key)
        if found is None:
            found = self._addresses[key] = _AddressCount()
        most = limits.connections_per_address
        if most and found.count >= most:
            return _TOO_MANY.format(found.count, most)
        rate = limits.new_per_second
        if rate and found.bucket.wait(now, 1 / rate, limits.new_burst / rate):
            return _TOO_FAST
        if limits.unregistered_per_address and self._unregistered_from(key) >= limits.unregistered_per_address:
            return _TOO_MANY_UNREGISTERED
        return ""

    def add(self, connection: Connection) -> None:
        """Count an accepted connection."""
        self._unregistered[connection] = None
        key = self._key_of(connection)
        if key and key in self._addresses:
            self._addresses[key].count += 1

    @property
    def busy(self) -> bool:
        """Return whether so many connections are unregistered that banned TLS clients are closed without a reason
        ([banned])."""
        return len(self._unregistered) > self._limits.unregistered // 2

    def replace(self, before: Connection, after: Connection) -> None:
        """Replace the object of a connection that continues with TLS."""
        if before in self._unregistered:
            del self._unregistered[before]
            self._unregistered[after] = None

    def remove(self, connection: Connection) -> None:
        """Stop counting a closed connection."""
        self._unregistered.pop(connection, None)
        found = self._addresses.get(self._key_of(connection))
        if found is not None and found.count:
            found.count -= 1

    def too_many(self, unregistered: int) -> bool:
        """Return whether one must be closed before another is accepted, if possible."""
        return unregistered >= self._limits.unregistered

    def full(self, unregistered: int) -> bool:
        """Return whether the absolute maximum is reached."""
        return unregistered >= self._limits.unregistered * HARD_LIMIT_FACTOR

    def oldest(self, now: float, unregistered: int) -> Connection | None:
        """Return the unregistered connection to close ([bounded-unregistered]), None if all are too new."""
        must_close = self.full(unregistered)
        for connection in list(self._unregistered):
            if connection.session.registered or connection.closing_at or connection.session.closing:
                del self._unregistered[connection]
            elif now - connection.opened < MIN_AGE_SECONDS and not must_close:
                return None
            else:
                del self._unregistered[connection]
                return connection
        return None

    def _unregistered_from(self, key: str) -> int:
        count = 0
        for connection in list(self._unregistered):
            if connection.session.registered or connection.closing_at:
                del self._unregistered[connection]
            elif self._key_of(connection) == key:
                count += 1
        return count

    def _forget_idle_addresses(self, now: float) -> None:
        """Forget addresses that have nothing open and have been quiet."""
        if now - self._cleaned_at < 1 or len(self._addresses) < 1024:
            return
        self._cleaned_at = now
        rate = self._limits.new_per_second
        depth = self._limits.new_burst / rate if rate else 0.0
        kept = {key: item for key, item in self._addresses.items() if item.count or not item.bucket.full(now, depth)}
        self._addresses = kept

    def _key_of(self, connection: Connection) -> str:
        """Return what counts as the address of a connection; ``""`` if it is exempt, as the control socket is."""
        return "" if connection.session.console else self._key(connection.session.address)

    def _key(self, address: str) -> str:
        """Return what counts as one address; ``""`` if it is exempt."""
        return "" if self._local and is_loopback(address) else origin(address)
