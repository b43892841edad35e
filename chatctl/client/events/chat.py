"""Events other than messages: typing, reactions, deletions, read markers, away states."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from chatctl.client.events.base import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Typing(Event):
    """A user started, paused or stopped typing. `target`: the room, or that user."""

    type: ClassVar[str] = "typing"
    target: str
    name: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reacted(Event):
    """A user added or removed a reaction to the message `id`."""

    type: ClassVar[str] = "reacted"
    target: str
    id: str
    name: str
    reaction: str
    removed: bool = False
    own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted(Event):
    """The message `id` was deleted by `name`."""

    type: ClassVar[str] = "deleted"
    target: str
    id: str
    name: str
    reason: str = ""
    own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadUntil(Event):
    """Messages up to this time have been read, here or on another device; None: unknown."""

    type: ClassVar[str] = "read-until"
    target: str
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceChanged(Event):
    """A user is online or offline, away or back. With an empty name many changed at once; see `Client.people`."""

    type: ClassVar[str] = "presence"
    name: str
    online: bool
    away: bool
    text: str = ""
