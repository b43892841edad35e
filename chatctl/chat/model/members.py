"""Members: accounts that stay in the chat while no device of theirs is connected. The rules are in
:mod:`chatctl.chat.apply.members`.

Invariants:

- [members-durable] A Member record says that an account stays in the chat; there is one Membership record for each room
  it is in. They are written with JOIN, PART, KICK and MODE, so after a crash all members are there, offline.
- [members-by-id] Both records belong to the id of the account. An account of the same name that is created later has
  no part in them.
"""

from __future__ import annotations

from dataclasses import dataclass

from chatctl.chat.model.records import SEPARATOR


@dataclass(frozen=True, slots=True)
class Member:
    """An account that stays in the chat. `key` is its identity; the other values are those of its user. `seen`: when a
    device of it was known to be connected (ms since 1970 UTC)."""

    key: str
    username: str
    realname: str
    host: str
    seen: int


@dataclass(frozen=True, slots=True)
class Membership:
    """A room that a member is in. `key`: :func:`membership_key`; `name` and `created` are those of the room, which may
    have no other record; `standing`: bits of :mod:`chatctl.chat.model.modes`."""

    key: str
    name: str
    created: int
    standing: int

    @property
    def identity(self) -> str:
        """The identity of the account."""
        return self.key.partition(SEPARATOR)[0]

    @property
    def room(self) -> str:
        """The key of the room."""
        return self.key.partition(SEPARATOR)[2]


def membership_key(identity: str, room: str) -> str:
    """Return the key of a Membership."""
    return f"{identity}{SEPARATOR}{room}"
