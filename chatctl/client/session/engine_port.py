"""The part of the client engine that handlers and the backfill use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from chatctl.client import events as e
from chatctl.client.login.account_registration import RegistrationEngine
from chatctl.client.session.in_flight import InFlight, OutgoingLine
from chatctl.client.session.known_presence import KnownPresence
from chatctl.client.session.rooms import JoinedRooms
from chatctl.client.session.unstored_requests import RetryEngine
from chatctl.errors import RefusedError
from chatctl.protocol.message import Message


class BackfillPort(Protocol):
    """The part of the backfill that handlers use."""

    def refold(self, renewed: Callable[[str], str]) -> None:
        """Fold all names anew, after the server changed its CASEMAPPING."""

    def on_join(self, room: str, join: Message) -> None:
        """Handle the own JOIN of a room."""

    def on_leave(self, room: str) -> None:
        """Handle the end of the own membership of a room."""

    def on_live_message(self, message: Message, own: bool) -> None:
        """Put a live message in order; emit it unless it was shown."""


class EnginePort(RegistrationEngine, RetryEngine, Protocol):
    """The client engine, as its handlers see it (:class:`chatctl.client.engine.ClientEngine`)."""

    name: str
    prefix: str
    server: str
    farewell: str
    attentive: bool
    asked_name: str
    asked_names: set[str]
    away_text: str
    client_id: str
    numbered: int
    people: list[e.Person]
    lines: list[OutgoingLine]
    rooms: JoinedRooms
    in_flight: InFlight
    presence: KnownPresence
    sent_away: RefusedError | None

    @property
    def backfill(self) -> BackfillPort:
        """Requests missed messages."""

    @property
    def echoes(self) -> bool:
        """Whether the server confirms messages."""

    @property
    def is_ours(self) -> bool:
        """Whether the server is a chatctl server."""

    @property
    def online(self) -> bool:
        """Whether the client is registered."""

    @property
    def resends(self) -> bool:
        """Whether the server recognises messages that are sent again."""

    def is_me(self, nick: str) -> bool:
        """Return whether `nick` is our own."""

    def want(self, room: str, key: str = "") -> None:
        """Add a room to be joined on every connection."""

    def unwant(self, room: str) -> None:
        """Remove such a room."""

    def welcomed(self) -> None:
        """Registration is complete."""

    def send_tagged(self, tags: dict[str, str], command: str, *params: str) -> None:
        """Send a line with tags."""
