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
conversations      partners: [{name, time}] (the answer to `Client.conversations`)
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

from chatctl.client.events.base import Event, How, Kind, ListedRoom, Missed, Outgoing, Person
from chatctl.client.events.chat import Deleted, PresenceChanged, Reacted, ReadUntil, Typing
from chatctl.client.events.connection import (
    Connected,
    Disconnected,
    NameRefused,
    NameTaken,
    Overrun,
    Reconnected,
    Reconnecting,
    Unconfirmed,
    Unsent,
)
from chatctl.client.events.message import Failed, PrivateMessage, RoomMessage, ServerNotice
from chatctl.client.events.replies import Conversations, HistoryReceived, Latency, Listed, Whois
from chatctl.client.events.rooms import (
    Away,
    AwaySet,
    Invited,
    Joined,
    ModeChanged,
    Names,
    NickChanged,
    Parted,
    Topic,
    Who,
)

__all__ = [
    "Away",
    "AwaySet",
    "Connected",
    "Conversations",
    "Deleted",
    "Disconnected",
    "Event",
    "Failed",
    "HistoryReceived",
    "How",
    "Invited",
    "Joined",
    "Kind",
    "Latency",
    "Listed",
    "ListedRoom",
    "Missed",
    "ModeChanged",
    "NameRefused",
    "NameTaken",
    "Names",
    "NickChanged",
    "Outgoing",
    "Overrun",
    "Parted",
    "Person",
    "PresenceChanged",
    "PrivateMessage",
    "Reacted",
    "ReadUntil",
    "Reconnected",
    "Reconnecting",
    "RoomMessage",
    "ServerNotice",
    "Topic",
    "Typing",
    "Unconfirmed",
    "Unsent",
    "Who",
    "Whois",
]
