"""Accounts and invitations, as stored. Plain values that are replaced, never changed.

Invariants:

- [account-ids] The id of an account is never given to another one. Rights and history belong to the id, so a later
  account with the same name inherits nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from chatctl.chat.model.members import Member, Membership
from chatctl.chat.model.replay_positions import ReplayPositions
from chatctl.chat.model.server_bans import Ban, Bans
from chatctl.chat.model.user_data import Marks, Metadata, ReadMark, account_identity
from chatctl.protocol import names


@dataclass(frozen=True, slots=True)
class Account:
    """A name that belongs to a person.

    `key` is the name's folded form; `verifier` see :mod:`chatctl.protocol.scram`; `created` in ms since 1970 UTC; `id`
    is never given to another account, though the name may be; `since` is the seq of the entry that made the account, so
    that nothing with a lower seq is this account's, whatever name it bears; `operator`: an operator of the server
    without OPER; `always_on`: whether it stays in the chat without a connection (None: as the setting says).

    Invariants:

    [grant-by-id] What an account may read or change (private history, read markers, metadata, rooms, redaction) is
    granted to its id. Bans deny by name.
    """

    key: str
    name: str
    verifier: str
    created: int
    id: str
    since: int
    operator: bool = False
    always_on: bool | None = None

    def __repr__(self) -> str:
        return f"Account({self.name!r})"

    @property
    def identity(self) -> str:
        """Return the identity that owns what the account may read or change."""
        return account_identity(self.id)

    def wrote(self, name: str, seq: int) -> bool:
        """Return whether this account wrote a message that bears the account name `name`.

        A name is one account's at a time, so the name and a seq since the account's creation tell its id.
        """
        return name == self.name and seq >= self.since


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation: the right to create `uses` accounts until `expires`. `key` is the hash of the token, which only
    its recipients know; `room` is the first room to join."""

    key: str
    uses: int
    expires: int
    room: str
    created: int


Record = Account | Invitation | ReadMark | Metadata | Ban | ReplayPositions | Member | Membership
RecordKey = tuple[str, str]
"""A record's kind and its key."""

KINDS: Mapping[str, type[Record]] = {
    "account": Account,
    "invite": Invitation,
    "mark": ReadMark,
    "metadata": Metadata,
    "ban": Ban,
    "visits": ReplayPositions,
    "member": Member,
    "membership": Membership,
}
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
    """Return the key of a record."""
    return _NAMES[type(record)], record.key


class Accounts:
    """All accounts by name. Whether one may be created is decided in :mod:`chatctl.chat.apply.accounts`."""

    def __init__(self) -> None:
        self._records: dict[RecordKey, Record] = {}
        self.count = 0
        """Accounts that there are."""
        self.bans = Bans()
        """Those in force. A ban that was added or removed is a record at once; `enforce` makes it count."""
        self.ban_count = 0
        """Bans that there are, in force or not yet."""
        self._by_skeleton: dict[str, list[str]] = {}
        self._by_id: dict[str, str] = {}
        self.marks = Marks()
        self._metadata: dict[str, Metadata] = {}
        self._memberships: dict[str, dict[RecordKey, Membership]] = {}

    def __iter__(self) -> Iterator[Account]:
        return (record for record in self._records.values() if isinstance(record, Account))

    def get(self, key: RecordKey) -> Record | None:
        """Return the record of that kind and key."""
        return self._records.get(key)

    def put(self, key: RecordKey, record: Record | None) -> None:
        """Set a record, or remove it with None."""
        old = self._records.pop(key, None)
        if old is not None:
            self._drop(old)
        if record is not None:
            self._records[key] = record
        if isinstance(record, Ban):
            self.ban_count += 1
        if isinstance(record, ReadMark):
            self.marks.put(record)
        elif isinstance(record, Metadata):
            self._metadata[record.key] = record
        elif isinstance(record, Membership):
            self._memberships.setdefault(record.identity, {})[key] = record
        if isinstance(record, Account):
            self.count += 1
            self._by_id[record.id] = record.key
            self._by_skeleton.setdefault(names.skeleton(record.name), []).append(record.key)

    def _drop(self, old: Record) -> None:
        if isinstance(old, Account):
            self.count -= 1
            del self._by_id[old.id]
            skeleton = names.skeleton(old.name)
            self._by_skeleton[skeleton].remove(old.key)
            if not self._by_skeleton[skeleton]:
                del self._by_skeleton[skeleton]
        if isinstance(old, ReadMark):
            self.marks.drop(old)
        elif isinstance(old, Metadata):
            self._metadata.pop(old.key, None)
        elif isinstance(old, Ban):
            self.ban_count -= 1
        elif isinstance(old, Membership):
            rooms = self._memberships[old.identity]
            del rooms[record_key(old)]
            if not rooms:
                del self._memberships[old.identity]

    def enforce(self, key: str) -> Ban | None:
        """Let the record of the ban `key` count from now on, or its absence; return the ban."""
        old, record = self.bans.get(key), self._records.get(("ban", key))
        if old is not None:
            self.bans.drop(old)
        if not isinstance(record, Ban):
            return None
        self.bans.put(record)
        return record

    def restore(self, record: Record) -> None:
        """Add a stored record, before anything is proposed."""
        self.put(record_key(record), record)
        if isinstance(record, Ban):
            self.enforce(record.key)

    def visits(self) -> list[ReplayPositions]:
        """Return the visits of all accounts."""
        return [record for record in self._records.values() if isinstance(record, ReplayPositions)]

    def members(self) -> list[Member]:
        """Return the records of all members."""
        return [record for record in self._records.values() if isinstance(record, Member)]

    def memberships(self, identity: str) -> list[Membership]:
        """Return the rooms of a member."""
        return list(self._memberships.get(identity, {}).values())

    def member_keys(self, identity: str) -> list[RecordKey]:
        """Return the keys of all records that say where a member is."""
        own = ("member", identity)
        return [*([own] if own in self._records else ()), *self._memberships.get(identity, ())]

    def metadata_of(self, owner: str) -> Mapping[str, str]:
        """Yield the metadata of an identity, or of a room."""
        found = self._metadata.get(owner)
        return found.values if found is not None else {}

    def metadata_owners(self, kind: str) -> list[str]:
        """Return the owners of records of one kind, the one that changed longest ago first."""
        return [owner for owner in self._metadata if owner.startswith(kind)]

    def named(self, name: str) -> Account | None:
        """Return the account that owns this name, in any spelling that counts as the same."""
        found = self._records.get(("account", names.fold(name))) if name else None
        return found if isinstance(found, Account) else None

    def with_id(self, id: str) -> Account | None:
        """Return the account with this id; None if it was removed."""
        return self.named(self._by_id.get(id, ""))

    def alike(self, name: str) -> Account | None:
        """Return an account whose name looks like `name` but is another name."""
        for key in self._by_skeleton.get(names.skeleton(name), ()):
            account = self.named(key)
            if account is not None and names.too_alike(account.name, name):
                return account
        return None

    def spent(self, now: int) -> list[RecordKey]:
        """Return the invitations that are used up or expired."""
        return [
            key
            for key, record in self._records.items()
            if isinstance(record, Invitation) and (record.uses <= 0 or record.expires <= now)
        ]

    def invite(self, key: str, now: int) -> Invitation | None:
        """Return the invitation whose token has this hash, while it can be used."""
        found = self._records.get(("invite", key)) if key else None
        return found if isinstance(found, Invitation) and found.uses > 0 and now < found.expires else None
