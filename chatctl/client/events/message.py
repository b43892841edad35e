"""Messages, texts of the server, and refusals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chatctl.client.events.base import Event, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomMessage(Event):
    """A message in a room. `own`: the client's own message, confirmed by the server (or sent, if it does not
    confirm)."""

    type: ClassVar[str] = "message"
    room: str
    name: str
    text: str
    kind: Kind = "message"
    own: bool = False
    id: str | None = None
    history: bool = False
    reply: str | None = None
    account: str | None = None
    ticket: int | None = None
    audience: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateMessage(Event):
    """A private message from `name` to `to`; one of them is this client."""

    type: ClassVar[str] = "private"
    name: str
    to: str
    text: str
    kind: Kind = "message"
    own: bool = False
    id: str | None = None
    history: bool = False
    reply: str | None = None
    account: str | None = None
    ticket: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerNotice(Event):
    """A text of the server. `code`: the numeric, ``NOTICE``, or a standard reply's."""

    SLOWED: ClassVar[str] = "SLOWED"  # a code of ours: we are too fast for it
    type: ClassVar[str] = "server"
    text: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Event):
    """The server refused something. `about`: the name or room concerned, if it said so. `said`: the message, if it had
    been sent again, because its user typed it some time ago."""

    type: ClassVar[str] = "failed"
    text: str
    code: str
    command: str | None = None
    about: str | None = None
    said: str | None = None
    ticket: int | None = None
