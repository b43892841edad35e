"""Who guesses passwords must wait, longer with each wrong one; who owns the account still gets in. Who makes accounts
by the dozen must wait, too.

The rules of this file:

1. Wrong passwords are counted for the address they came from and for the account they were meant for. The first FREE
   ones cost nothing; each one after that doubles the wait, up to MOST seconds. Time forgives: after FORGET seconds
   without a wrong one the count begins anew.
2. While an address waits, nothing from it is looked at: it is told how long, and no worker is troubled.
3. While an account waits, it is open to addresses that have guessed nothing wrong themselves, and to those from which
   somebody logged in to it before. So nobody can keep an owner out by guessing.
4. An address from which somebody logged in to an account has a count of its own for that account: who shares it with a
   guesser gets in, and the guesser there has no more tries than elsewhere.
5. From this computer everybody has the same address. There a session that has tried nothing before has its try, once
   a second for all of them.
6. It is bounded: past MOST_KNOWN the oldest entries are forgotten.
7. An address makes MADE_AT_ONCE accounts, a class or an office, and then one each MADE_EVERY_MS: each takes a name from
   everybody else for good. This computer is exempt.

Times are ms since 1970 UTC. It belongs to one machine; nothing in the state depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass

from chatctl.chat.model.token_bucket import Bucket

FREE = 4
FIRST_MS = 1000
MOST_MS = 5 * 60 * 1000
FORGET_MS = 30 * 60 * 1000
MOST_KNOWN = 10_000
MADE_AT_ONCE = 50
MADE_EVERY_MS = 5 * 60 * 1000


@dataclass(slots=True)
class _Count:
    failures: int = 0
    last: int = 0

    def wait(self, now: int) -> int:
        if self.failures <= FREE or now - self.last > FORGET_MS:
            return 0
        doubled = min(MOST_MS, FIRST_MS << min(self.failures - FREE - 1, 20))
        return max(0, self.last + doubled - now)

    def add(self, now: int) -> None:
        self.failures = self.failures + 1 if now - self.last <= FORGET_MS else 1
        self.last = now


class Guard:
    """Counts wrong passwords."""

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}
        self._good: dict[tuple[str, str], None] = {}
        self._local = 0
        self._made: dict[str, Bucket] = {}

    def wait(self, now: int, address: str, account: str, *, local: bool = False) -> int:
        """Seconds that `address` has to wait before it may try a password for `account`; 0: it may now. `local`: a
        session of this computer that has tried nothing before (rule 5)."""
        if (address, account) in self._good:
            wait = self._wait(f"pair {address} {account}", now)
        else:
            wait = self._wait(f"address {address}", now)
            if not wait and self._failures(f"address {address}", now):
                wait = self._wait(f"account {account}", now)
        if wait and local and now - self._local >= FIRST_MS:
            self._local = now
            return 0
        return -(-wait // 1000)

    def failed(self, now: int, address: str, account: str) -> None:
        """A password was wrong."""
        if (address, account) in self._good:
            self._count(f"pair {address} {account}").add(now)
        else:
            self._count(f"address {address}").add(now)
        self._count(f"account {account}").add(now)

    def succeeded(self, address: str, account: str) -> None:
        """A password was right."""
        pair = (address, account)
        self._good.pop(pair, None)
        self._good[pair] = None
        if len(self._good) > MOST_KNOWN:
            del self._good[next(iter(self._good))]
        self._counts.pop(f"pair {address} {account}", None)

    def makes(self, now: int, address: str) -> int:
        """An account is about to be made from there: 0, and it counts; or seconds until it may be (rule 7)."""
        bucket = self._made.pop(address, None) or Bucket()
        self._made[address] = bucket
        if len(self._made) > MOST_KNOWN:
            del self._made[next(iter(self._made))]
        return -int(-bucket.wait(now, MADE_EVERY_MS, MADE_AT_ONCE * MADE_EVERY_MS) // 1000)

    def _wait(self, key: str, now: int) -> int:
        count = self._counts.get(key)
        return count.wait(now) if count is not None else 0

    def _failures(self, key: str, now: int) -> bool:
        count = self._counts.get(key)
        return count is not None and now - count.last <= FORGET_MS

    def _count(self, key: str) -> _Count:
        count = self._counts.pop(key, None) or _Count()
        self._counts[key] = count  # at the end: the oldest go first
        if len(self._counts) > MOST_KNOWN:
            del self._counts[next(iter(self._counts))]
        return count
