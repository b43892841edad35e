"""Stored forms of the state: the settings of rooms, and the names of private places."""

from __future__ import annotations

from dataclasses import dataclass, field

SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True)
class RoomRecord:
    """The stored settings of a room.

    `modes` are flag letters; `lists` has the entries by letter: mask, setter and time (ms); `keyword` is the key (+k),
    `limit` the maximum of members (+l; 0: none), `founder` the id of the owning account, or ``""``, `insiders` the
    identities that need no invitation.
    """

    key: str
    name: str
    created: int
    modes: str = ""
    topic: str = ""
    topic_by: str = ""
    topic_time: int = 0
    lists: dict[str, list[tuple[str, str, int]]] = field(default_factory=dict)
    keyword: str = ""
    limit: int = 0
    founder: str = ""
    insiders: list[str] = field(default_factory=list)
