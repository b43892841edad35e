"""Accounts and invitations: what is kept of them. Plain values that are replaced, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MODES = ("open", "invite", "closed")
"""Who may make an account: everybody, who was invited, only who runs the server."""


@dataclass(frozen=True, slots=True)
class Account:
    """A name that belongs to somebody. `key` is the name's folded form; `verifier` see :mod:`chatctl.protocol.scram`;
    `operator`: an operator of the server without OPER. Times are ms since 1970 UTC."""

    key: str
    name: str
    verifier: str
    created: int
    operator: bool = False

    def __repr__(self) -> str:
        return f"Account({self.name!r})"


@dataclass(frozen=True, slots=True)
class Invite:
    """The right to make `uses` accounts until `expires`. `key` is the hash of the token, which nobody has but those it
    was given to; `room` is where they are to go first."""

    key: str
    uses: int
    expires: int
    room: str
    created: int


Record = Account | Invite
RecordKey = tuple[str, str]
"""A record's kind and its key."""

KINDS: Mapping[str, type[Account] | type[Invite]] = {"account": Account, "invite": Invite}
"""The kinds of record, by the name under which they are kept."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Records that changed, and are to be kept (None: forgotten), because of the entries `first` to `last`."""

    first: int = 0
    last: int = 0
    records: Mapping[RecordKey, Record | None] = field(default_factory=dict)


NONE = Changes()

_NAMES: Mapping[type[Record], str] = {kind: name for name, kind in KINDS.items()}


def record_key(record: Record) -> RecordKey:
    """By what a record is known."""
    return _NAMES[type(record)], record.key
