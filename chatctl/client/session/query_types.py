"""Data types of the backfill: places, held events, requests, batches (see `backfill`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from chatctl.client.session.deduplication import SeenMessages
from chatctl.protocol.message import Message

REFERENCE = "chatctl/ref"
STEP = timedelta(milliseconds=1)


@dataclass(slots=True)
class HeldEvents:
    """Held events in order, each with whether it is ours and the connection's stream; and ids received live on this
    connection."""

    messages: list[tuple[Message, bool, SeenMessages]] = field(default_factory=list)
    live: set[str] = field(default_factory=set)


@dataclass(slots=True)
class PlaceHistory:
    """A room or a person: the id and time (as the server wrote it) of what we ask from, the last message shown.
    `looked`: whether a page of it ever came."""

    id: str = ""
    time: str = ""
    hold: HeldEvents | None = None
    looked: bool = False
    cut: str = ""
    """The time up to which we know who came and left: when the connection broke."""
    back: str = ""
    """The time of our own last JOIN."""


@dataclass(frozen=True, slots=True)
class UserRequest:
    """A request for a page of history (`history_requests`): its number, and the line that asks for it."""

    number: int
    target: str
    line: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HistoryQuestion:
    """A request. `mark` is empty if it asks for the latest messages; `request` is a request of the user, otherwise
    backfill."""

    kind: Literal["LATEST", "AFTER", "TARGETS", "BEFORE", "AROUND", "SEARCH"]
    key: str
    target: str
    mark: str
    private: bool = False
    request: UserRequest | None = None


def is_message(message: Message) -> bool:
    """Return whether the event is a message."""
    return message.command in ("PRIVMSG", "NOTICE") and len(message.params) > 1 and bool(message.nick)


def shifted(stamp: str, back: timedelta) -> str:
    """Return a server time minus some milliseconds, as written in a request; empty if it cannot be parsed."""
    try:
        moment = datetime.fromisoformat(stamp).replace(tzinfo=UTC) - back
    except (ValueError, OverflowError):
        return ""
    return f"timestamp={moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def earlier_own_message(place: PlaceHistory, page: list[Message]) -> str:
    """Return the start of a request if an own message is older than the first page and our JOIN ([first-look])."""
    known = {message.tags.get("msgid", "") for message in page if is_message(message)}
    for message, _, _ in place.hold.messages if place.hold is not None and not place.looked else ():
        if REFERENCE in message.tags:
            earlier = shifted(message.tags.get("time", ""), STEP)
            is_missing = message.tags.get("msgid", "") not in known and earlier <= shifted(place.time, STEP)
            return earlier if is_missing else ""
    return ""
