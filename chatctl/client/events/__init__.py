"""The events of the client: one frozen record per event.

Invariants:

- [event-time] Every event has `time`, UTC: the server's if it sends it (server-time), otherwise the client's.
- [raw-text] Texts are as received. They must be cleaned before they are shown (:mod:`chatctl.protocol.clean`).
- [stable-json] :meth:`Event.to_json` returns one flat object of plain values: `type`, `time`, then the fields by name.
  None is omitted. These names are a promise to scripts: they may be added to, never changed.

=================  ====================================================================================================
type               fields besides `type` and `time`
=================  ====================================================================================================
connected          name, server, network
reconnected        name, server, network
reconnecting       seconds (until the next attempt), reason
disconnected       reason (the client has ended; this is the last event)
message            room, name, text (with line feeds between lines), kind (message, notice, action), own, id, history
                   (sent before, while we were not connected), reply (id of the message it replies to), account (of
                   the sender), audience (only members of this standing get it: @ operators, + voiced; absent if all
                   do)
private            name, to, text, kind, own, id, history, reply, account
joined             room, name, own, history
left               name, rooms, how (part, quit, kick), reason, by (who kicked), own, history
renamed            old, name, own, history
topic              room, text, name (who set it now; absent if it was requested or sent on joining), history
names              room, names, operators, asked (false: sent on joining)
who                mask, people (name, user, host, realname, away, operator)
away               name, text (the recipient of a private message is away)
away-set           away, text (our own)
mode               target, change, name, own (our user modes, not a room's modes)
invited            room, name
server             text, code (text of the server: message of the day, unhandled replies)
failed             text, code, command, about, said (the server refused something; a message that had been sent again)
typing             target (room or user), name, state (active, paused, done)
reacted            target, id (of the message), name, reaction, removed, own
deleted            target, id, name (who deleted it), reason, own
read-until         target, until (time of the last message read, here or on another device)
presence           name (empty: many), online, away, text (a user left, came, is away, or is back)
whois              name, lines
listed             rooms: [{name, people, topic}] (the answer to LIST)
latency            seconds (from a probe to the server's answer)
page               number, target, events, ends (there is no more in this direction), failed (a history request)
missed             room, events (joins, parts and renames while we were disconnected)
name-taken         name, text
name-refused       name, text
unconfirmed        messages: [{target, text, ...}] (sent, but the connection broke before the server confirmed them)
unsent             messages: [{target, text, ...}] (never sent: the client ended first)
overrun            count (events that were not fetched in time and dropped)
=================  ====================================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chatctl.client.events.base import Event, How, Kind, ListedRoom, Missed, Outgoing, Person
from chatctl.client.events.chat import Deleted, PresenceChanged, Reacted, ReadUntil, Typing
from chatctl.client.events.replies import Conversations, HistoryReceived, Latency, Listed, Whois

__all__ = [
    "Conversations",
    "Deleted",
    "Event",
    "HistoryReceived",
    "How",
    "Kind",
    "Latency",
    "Listed",
    "ListedRoom",
    "Missed",
    "Outgoing",
    "Person",
    "PresenceChanged",
    "Reacted",
    "ReadUntil",
    "Typing",
    "Whois",
]  # fmt: skip


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
class RoomMessage(Event):
    """Something said in a room. `own`: by us, and the server has it (where it confirms; else: sent)."""

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
    """Something said to one person: from `name` to `to`, one of which is us."""

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
class Joined(Event):
    """Somebody entered a room."""

    type: ClassVar[str] = "joined"
    room: str
    name: str
    own: bool = False
    history: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Parted(Event):
    """Somebody left `rooms`, all that we know them from where they left the chat."""

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
    """Somebody has another name now."""

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
    """Somebody we wrote to is away."""

    type: ClassVar[str] = "away"
    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaySet(Event):
    """We are marked as away now, or no longer."""

    type: ClassVar[str] = "away-set"
    away: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeChanged(Event):
    """The settings of a room, or of ourselves: `change` as on the wire (``+o bob``)."""

    type: ClassVar[str] = "mode"
    target: str
    change: str
    name: str
    own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited(Event):
    """Somebody asks us into a room."""

    type: ClassVar[str] = "invited"
    room: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerNotice(Event):
    """Words of the server itself. `code`: the numeric, ``NOTICE``, or a standard reply's."""

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
