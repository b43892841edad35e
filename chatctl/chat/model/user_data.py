"""Stored data of identities beyond the account: read markers and metadata. Plain values that are replaced, not changed.

Invariants:

- [lasting-identity] They belong to an identity (:attr:`user.User.identity`): an account, or an installation of our
  client. Data of other users ends with the session and is not stored.
- [bounded] MAX_MARKS markers per identity, and MAX_GUESTS identities without an account. Past that the oldest are
  dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from chatctl.chat.model.records import SEPARATOR

MAX_MARKS = 500
MAX_GUESTS = 2000

ACCOUNT = "account "
"""How identities of accounts begin (see :attr:`chatctl.chat.model.user.User.identity`)."""


def account_identity(id: str) -> str:
    """Return the identity of the account with this id."""
    return f"{ACCOUNT}{id}"


@dataclass(frozen=True, slots=True)
class ReadMark:
    """The time (ms since 1970 UTC) up to which an identity has read a place (ircv3.net/specs/extensions/read-marker).
    `key` is the identity and the place, folded: :func:`mark_key`."""

    key: str
    time: int

    @property
    def identity(self) -> str:
        """Whose it is."""
        return self.key.partition(SEPARATOR)[0]


@dataclass(frozen=True, slots=True)
class Metadata:
    """Metadata of an identity or a room (ircv3.net/specs/extensions/metadata). `key` is the identity, or ``room
    #name``."""

    key: str
    values: Mapping[str, str] = field(default_factory=dict)


def mark_key(identity: str, target: str) -> str:
    """Return the key of a ReadMark."""
    return f"{identity}{SEPARATOR}{target}"


def outlives_session(identity: str) -> bool:
    """Return whether the data of an identity outlives its session ([lasting-identity])."""
    return not identity.startswith("session ")


class Marks:
    """Read markers by identity."""

    def __init__(self) -> None:
        self._marks: dict[str, dict[str, ReadMark]] = {}

    def put(self, mark: ReadMark) -> None:
        """Add a mark."""
        self._marks.setdefault(mark.identity, {})[mark.key] = mark

    def drop(self, mark: ReadMark) -> None:
        """Remove a mark."""
        of_one = self._marks.get(mark.identity, {})
        of_one.pop(mark.key, None)
        if not of_one:
            self._marks.pop(mark.identity, None)

    def of(self, identity: str) -> tuple[ReadMark, ...]:
        """Return all marks of an identity."""
        return tuple(self._marks.get(identity, {}).values())

    def time(self, identity: str, target: str) -> int:
        """Return the time up to which the place was read; 0 if it is not known."""
        mark = self._marks.get(identity, {}).get(mark_key(identity, target))
        return mark.time if mark is not None else 0

    def with_target(self, target: str) -> tuple[ReadMark, ...]:
        """Everybody's of one room or name."""
        found = (of_one.get(mark_key(identity, target)) for identity, of_one in self._marks.items())
        return tuple(mark for mark in found if mark is not None)

    def too_many(self, identity: str) -> Iterator[ReadMark]:
        """Return the marks to drop ([bounded]) when `identity` gets another one."""
        of_one = self._marks.get(identity, {})
        if len(of_one) > MAX_MARKS:
            yield min(of_one.values(), key=_by_time)
        if len(self._marks) > MAX_GUESTS and not identity.startswith(ACCOUNT):
            guests = [each for each in self._marks if not each.startswith(ACCOUNT)]
            if len(guests) > MAX_GUESTS:
                yield from self._marks[min(guests, key=self._latest)].values()

    def _latest(self, identity: str) -> int:
        return max(mark.time for mark in self._marks[identity].values())


def _by_time(mark: ReadMark) -> int:
    return mark.time
