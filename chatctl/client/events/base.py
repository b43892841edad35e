"""Base classes of events (:mod:`chatctl.client.events` has their list and invariants)."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import ClassVar, Literal

_NOT_FOR_SCRIPTS = ("time", "ticket")
"""`time` stands there already; a ticket means something to the program that said it alone."""

Kind = Literal["message", "notice", "action"]
How = Literal["part", "quit", "kick"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base class: the fields of all events."""

    type: ClassVar[str] = ""
    time: datetime

    def to_json(self) -> dict[str, object]:
        """Return the event as plain values, ready for `json.dumps` ([stable-json])."""
        found: dict[str, object] = {"type": self.type, "time": self.time.isoformat(timespec="milliseconds")}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name not in _NOT_FOR_SCRIPTS and value is not None:
                found[item.name] = _plain(value)
        return found


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Person | Outgoing | ListedRoom):
        return {item.name: getattr(value, item.name) for item in fields(value) if item.name != "ticket"}
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    return value.to_json() if isinstance(value, Event) else value


@dataclass(frozen=True, slots=True)
class Person:
    """One line of a WHO answer."""

    name: str
    user: str
    host: str
    realname: str
    away: bool
    operator: bool


@dataclass(frozen=True, slots=True)
class ListedRoom:
    """One line of a LIST answer."""

    name: str
    people: int
    topic: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An own message, to a room or a person, that is not confirmed yet. `ticket`: its number, as sending it
    returned; `reply`: the id of the message that it answers."""

    target: str
    text: str
    kind: Kind = "message"
    ticket: int = field(default=0, compare=False)
    reply: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed(Event):
    """Joins, parts and renames during a disconnection, oldest first, placed between the messages of that time. Only
    for attentive clients."""

    type: ClassVar[str] = "missed"
    room: str
    events: tuple[Event, ...]
