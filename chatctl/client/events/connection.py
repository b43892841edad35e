"""Events of the connection, and of the name and messages that depend on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chatctl.client.events.base import Event, Outgoing


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected(Event):
    """The server let us in, under `name` (which it may have shortened)."""

    type: ClassVar[str] = "connected"
    name: str
    server: str
    network: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconnected(Connected):
    """The same, after the connection had been lost."""

    type: ClassVar[str] = "reconnected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconnecting(Event):
    """The connection is lost; the next attempt follows in `seconds`."""

    type: ClassVar[str] = "reconnecting"
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnected(Event):
    """The end: stopped, refused, or given up."""

    type: ClassVar[str] = "disconnected"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NameTaken(Event):
    """The requested name belongs to another user."""

    type: ClassVar[str] = "name-taken"
    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NameRefused(Event):
    """The name we asked for is not allowed; `text` says why."""

    type: ClassVar[str] = "name-refused"
    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unconfirmed(Event):
    """Sent, but the connection broke before the server confirmed them: they may or may not have arrived."""

    type: ClassVar[str] = "unconfirmed"
    messages: tuple[Outgoing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent(Event):
    """Never sent, since the client ended first."""

    type: ClassVar[str] = "unsent"
    messages: tuple[Outgoing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrun(Event):
    """Nobody fetched events for so long that the oldest `count` are gone."""

    type: ClassVar[str] = "overrun"
    count: int
