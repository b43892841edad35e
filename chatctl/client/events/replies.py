"""Events that answer requests: WHOIS, LIST, history pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from chatctl.client.events.base import Event, ListedRoom


@dataclass(frozen=True, slots=True, kw_only=True)
class Whois(Event):
    """The server's information about a user, in lines."""

    type: ClassVar[str] = "whois"
    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Event):
    """The answer to LIST."""

    type: ClassVar[str] = "listed"
    rooms: tuple[ListedRoom, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency(Event):
    """The server's response time."""

    type: ClassVar[str] = "latency"
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryReceived(Event):
    """The answer to `Client.look_back` or `Client.search`, oldest first. `ends`: there is nothing more in that
    direction."""

    type: ClassVar[str] = "page"
    number: int
    target: str
    events: tuple[Event, ...]
    ends: bool = False
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversations(Event):
    """The answer to `Client.conversations`: the partners of private conversations, and the time of the last message;
    the latest is last."""

    type: ClassVar[str] = "conversations"
    people: tuple[tuple[str, datetime], ...]
