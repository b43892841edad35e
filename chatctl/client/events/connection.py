"""Events of the connection, and of the name and messages that depend on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chatctl.client.events.base import Event, Outgoing


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected(Event):
    """The client is registered under `name`, which the server may have shortened."""

    type: ClassVar[str] = "connected"
    name: str
    server: str
    network: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconnected(Connected):
    """The client is registered again after a lost connection."""

    type: ClassVar[str] = "reconnected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconnecting(Event):
    """The connection is lost; the next attempt follows in `seconds`."""

    type: ClassVar[str] = "reconnecting"
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnected(Event):
    """The client has ended: stopped, refused, or out of attempts."""

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
    """The requested name is not valid; `text` says why."""

    type: ClassVar[str] = "name-refused"
    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unconfirmed(Event):
    """Messages that were sent but not confirmed before the connection broke: they may or may not have arrived."""

    type: ClassVar[str] = "unconfirmed"
    messages: tuple[Outgoing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent(Event):
    """Messages that were not sent before the client ended."""

    type: ClassVar[str] = "unsent"
    messages: tuple[Outgoing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrun(Event):
    """Events were not read fast enough, so the oldest `count` were dropped."""

    type: ClassVar[str] = "overrun"
    count: int
