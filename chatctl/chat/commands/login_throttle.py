"""Throttling of password guesses and of new accounts. Wrong guesses cost time; the owner of an account still gets in.

Invariants:

- [backoff] Wrong passwords are counted per address and per account. The first FREE ones are free; each later one
  doubles the wait, up to MOST seconds. After FORGET seconds without a wrong one the count is reset.
- [no-work-while-waiting] Attempts of a waiting address are refused unseen with the remaining time, and use no worker.
- [no-lockout] A waiting account stays open to addresses without wrong guesses, and to those that logged in to it
  before. So nobody can lock an owner out by guessing.
- [known-address] An address that logged in to an account has a separate count for that account: its owner gets in even
  beside a guesser at the same address, who gains no extra attempts.
- [local-sessions] All sessions of this computer share an address. There the first attempt of a session is let through,
  one per second for all of them.
- [bounded] Past MAX_ENTRIES the oldest entries are forgotten.
- [account-rate] An address may make ACCOUNT_BURST accounts, enough for a class or an office, and then one per
  ACCOUNT_INTERVAL_MS, since each takes a name for good. This computer is exempt.

Times are ms since 1970 UTC. The throttle belongs to one machine; the state does not depend on it.
"""

from __future__ import annotations

from dataclasses import dataclass

from chatctl.chat.model.token_bucket import TokenBucket

FREE_ATTEMPTS = 4
FIRST_WAIT_MS = 1000
MAX_WAIT_MS = 5 * 60 * 1000
FORGET_MS = 30 * 60 * 1000
MAX_ENTRIES = 10_000
ACCOUNT_BURST = 50
ACCOUNT_INTERVAL_MS = 5 * 60 * 1000


@dataclass(slots=True)
class _Count:
    failures: int = 0
    last: int = 0

    def wait(self, now: int) -> int:
        if self.failures <= FREE_ATTEMPTS or now - self.last > FORGET_MS:
            return 0
        doubled = min(MAX_WAIT_MS, FIRST_WAIT_MS << min(self.failures - FREE_ATTEMPTS - 1, 20))
        return max(0, self.last + doubled - now)

    def add(self, now: int) -> None:
        self.failures = self.failures + 1 if now - self.last <= FORGET_MS else 1
        self.last = now


class LoginThrottle:
    """Counts wrong passwords."""

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}
        self._good: dict[tuple[str, str], None] = {}
        self._local = 0
        self._made: dict[str, TokenBucket] = {}

    def wait(self, now: int, address: str, account: str, *, local: bool = False) -> int:
        """Return after how many seconds `address` may try a password for `account`; 0: now. `local`: a session of this
        computer without an attempt so far ([local-sessions])."""
        if (address, account) in self._good:
            wait = self._wait(f"pair {address} {account}", now)
        else:
            wait = self._wait(f"address {address}", now)
            if not wait and self._failures(f"address {address}", now):
                wait = self._wait(f"account {account}", now)
        if wait and local and now - self._local >= FIRST_WAIT_MS:
            self._local = now
            return 0
        return -(-wait // 1000)

    def failed(self, now: int, address: str, account: str) -> None:
        """Count a wrong password."""
        if (address, account) in self._good:
            self._count(f"pair {address} {account}").add(now)
        else:
            self._count(f"address {address}").add(now)
        self._count(f"account {account}").add(now)

    def succeeded(self, address: str, account: str) -> None:
        """Reset the counts after a correct password."""
        pair = (address, account)
        self._good.pop(pair, None)
        self._good[pair] = None
        if len(self._good) > MAX_ENTRIES:
            del self._good[next(iter(self._good))]
        self._counts.pop(f"pair {address} {account}", None)

    def makes(self, now: int, address: str) -> int:
        """Count a new account from this address and return 0, or the seconds until it may make one ([account-rate])."""
        bucket = self._made.pop(address, None) or TokenBucket()
        self._made[address] = bucket
        if len(self._made) > MAX_ENTRIES:
            del self._made[next(iter(self._made))]
        return -int(-bucket.wait(now, ACCOUNT_INTERVAL_MS, ACCOUNT_BURST * ACCOUNT_INTERVAL_MS) // 1000)

    def _wait(self, key: str, now: int) -> int:
        count = self._counts.get(key)
        return count.wait(now) if count is not None else 0

    def _failures(self, key: str, now: int) -> bool:
        count = self._counts.get(key)
        return count is not None and now - count.last <= FORGET_MS

    def _count(self, key: str) -> _Count:
        count = self._counts.pop(key, None) or _Count()
        self._counts[key] = count  # at the end: the oldest go first
        if len(self._counts) > MAX_ENTRIES:
            del self._counts[next(iter(self._counts))]
        return count
