"""Events of rooms and their members."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chatctl.client.events.base import Event, How, Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined(Event):
    """A user joined a room."""

    type: ClassVar[str] = "joined"
    room: str
    name: str
    own: bool = False
    history: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Parted(Event):
    """A user left `rooms`: after QUIT, all rooms shared with this client."""

    type: ClassVar[str] = "left"
    name: str
    rooms: tuple[str, ...]
    how: How
    reason: str
    by: str | None = None
    own: bool = False
    history: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NickChanged(Event):
    """A user changed the name."""

    type: ClassVar[str] = "renamed"
    old: str
    name: str
    own: bool = False
    history: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic(Event):
    """The topic of a room; `text` is empty without one."""

    type: ClassVar[str] = "topic"
    room: str
    text: str
    name: str | None = None
    history: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Names(Event):
    """The members of a room, in the server's order."""

    type: ClassVar[str] = "names"
    room: str
    names: tuple[str, ...]
    operators: tuple[str, ...]
    asked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Who(Event):
    """The answer to WHO."""

    type: ClassVar[str] = "who"
    mask: str
    people: tuple[Person, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Away(Event):
    """The recipient of a private message is away."""

    type: ClassVar[str] = "away"
    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaySet(Event):
    """The client itself is marked as away, or no longer."""

    type: ClassVar[str] = "away-set"
    away: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeChanged(Event):
    """A change of the modes of a room or of the client's own user: `change` as on the wire (``+o bob``)."""

    type: ClassVar[str] = "mode"
    target: str
    change: str
    name: str
    own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited(Event):
    """An invitation into a room."""

    type: ClassVar[str] = "invited"
    room: str
    name: str
