"""Deliveries: what sessions are sent because of an entry, messages with their audience.

A delivery names users by id, and single sessions by theirs ([disjoint-ids] in ids.py). Which of them this machine
serves, which capabilities they have and which bytes they get is decided by :mod:`chatctl.chat.delivery.fanout` and
`render`. Deliveries are handled in order, right after the entry was applied, so the state seen then is the entry's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from chatctl.chat.entries.facts import MessageRun
from chatctl.chat.model.ids import NO_SESSION, Recipient, SessionId, UserId
from chatctl.protocol.message import Message
from chatctl.protocol.numerics import Numeric


class Stamp:
    """Time and message id of an event: those of its entry, for one of the entry's messages.

    `time` is 0 and `message_id` ``""`` for events without. `client_tags` are relayed as received. `account` is that of
    the sender, ``""`` without one; `bot`: the sender is marked as a bot. `extra` are tags for all recipients
    (``batch``). The encoded forms are cached, because a room of five hundred needs each of them once.
    """

    __slots__ = ("account", "bot", "client_tags", "encoded", "extra", "message_id", "time")

    def __init__(
        self,
        time: int,
        message_id: str = "",
        client_tags: Mapping[str, str] | None = None,
        account: str = "",
        *,
        bot: bool = False,
    ) -> None:
        self.time = time
        self.message_id = message_id
        self.client_tags = client_tags
        self.account = account
        self.bot = bot
        self.extra: Mapping[str, str] = _NO_TAGS
        self.encoded: dict[int, bytes] = {}


_NO_TAGS: Mapping[str, str] = {}


class Form(NamedTuple):
    """The lines of an event for clients with the capabilities `needs`, each with its stamp; none if it is hidden."""

    needs: int
    lines: tuple[tuple[Message, Stamp], ...]


class Delivery(msgspec.Struct):
    """Base class of deliveries."""


class ToRoom(Delivery):
    """A `message` to all members of `room`; to the session `sender`, if given, only with echo-message."""

    room: str
    message: Message
    stamp: Stamp
    sender: SessionId = NO_SESSION
    needs: int = 0
    """Capabilities that a recipient must have (TAGMSG)."""
    ephemeral: bool = False
    """Whether it is not stored, waits for no commit, and is dropped if it is late (typing)."""
    departed_sessions: Sequence[SessionId] = ()
    """Sessions of a departed user. This is their last line, and it precedes any reuse of the name."""
    entry: int = 0
    """The entry of a Retried proposal that must be stored for this to be shown. If the commit fails, the entry is done
    again (chat/apply/redo.py), and shows something else instead."""


class LinesToRoom(Delivery):
    """Messages to all members of `room`, in order: `lines` are the bytes without tags, `run` the facts.

    `sender`: as in ToRoom. Messages of a bot are sent one by one, because their facts need a tag.
    """

    room: str
    lines: list[bytes]
    run: MessageRun
    sender: SessionId

    def stamps(self) -> list[Stamp]:
        """Return one stamp per line."""
        return [Stamp(fact.time, fact.message_id, None, fact.account) for fact in self.run.each()]


class ToUsers(Delivery):
    """A `message` to each session of `users`, once. `needs` and `ephemeral`: as in ToRoom."""

    users: Sequence[UserId]
    message: Message
    stamp: Stamp
    needs: int = 0
    ephemeral: bool = False
    answers: bool = True
    """Whether the copy for the sender is part of the response. It is not for messages to oneself."""
    entry: int = 0
    """As in ToRoom."""


class ToSession(Delivery):
    """A `message` to one session, which may be unregistered, if it has the capabilities `needs`."""

    session: SessionId
    message: Message
    stamp: Stamp
    needs: int = 0


class InForms(Delivery):
    """An event with several forms: each client gets the first form whose capabilities it has.

    It is sent to all members of `room` and to each session of `users`, once, but not to `but`. Such events are rarer
    than messages, so these capabilities are the only ones that room output is grouped by. `sender`: as in ToRoom;
    `answers`: as in ToUsers.
    """

    forms: tuple[Form, ...]
    room: str = ""
    users: Sequence[UserId] = ()
    but: Recipient = NO_SESSION
    sender: SessionId = NO_SESSION
    answers: bool = True
    watched: str = ""
    """A nick: sessions that monitor it and have extended-monitor get the event too."""


class SendNumeric(Delivery):
    """A numeric: a refusal, or a part of an answer. `text` replaces the numeric's own text.

    To the user whose session proposed the entry it is a reply, and only that session is sent it.
    """

    to: Recipient
    numeric: Numeric
    params: tuple[str, ...]
    text: str | None = None


class SendFail(Delivery):
    """A standard reply (ircv3.net/specs/extensions/standard-replies). `to`: as in SendNumeric."""

    to: Recipient
    command: str
    code: str
    context: tuple[str, ...]
    text: str


class Subscribed(Delivery):
    """A subscription of `user` to `room`, beginning with the next delivery."""

    user: UserId
    room: str


class RoomSnapshot(Delivery):
    """A snapshot of `room` for `user`, who just joined: topic, members, and the messages after the time
    `since` (ms)."""

    user: UserId
    room: str
    since: int = 0


class Unsubscribed(Delivery):
    """The end of the subscription of `user` to `room`, beginning with the next delivery."""

    user: UserId
    room: str


class VisitBegan(Delivery):
    """The session begins a short visit to `room`. It is sent topic and members as if it had joined, and messages if it
    `hears` them. No other session is notified."""

    session: SessionId
    room: str
    hears: bool


class VisitEnded(Delivery):
    """The session's short visit to `room` ends. `message` is sent to it; None for no message."""

    session: SessionId
    room: str
    message: Message | None = None


class CameOnline(Delivery):
    """A notification of the sessions that monitor this name: it is online, unless this is a short visit (`quiet`).
    `prefix` is ``nick!user@host``."""

    nick: str
    prefix: str
    quiet: bool = False


class WentOffline(Delivery):
    """A notification of the sessions that monitor this name: it is offline."""

    nick: str


class LoggedIn(Delivery):
    """The sessions of `to` belong to the account with this id from here on; ``""``: to none."""

    to: Recipient
    account_id: str


class MetadataChanged(Delivery):
    """A notification of changed metadata of `target`: keys and values, None for a key that was unset.

    The recipients are the members of `room`, or else `users` and all sessions that monitor the name, if they subscribed
    to the key. The session `actor` made the change; it is sent a reply only if `cleared`.
    """

    actor: SessionId
    target: str
    changed: tuple[tuple[str, str | None], ...]
    room: str
    users: tuple[UserId, ...]
    cleared: bool


class RoomRenamed(Delivery):
    """A notification of the members that the room `old_key`, called `old_name`, is now the room `key`.

    Clients that support RENAME get `form`; others get PART, JOIN and the snapshot.
    """

    old_key: str
    old_name: str
    key: str
    form: Form
    reason: str


class RoomMoved(Delivery):
    """The room `old_key` has the key `key` again, since its new name could not be stored. No session is notified."""

    old_key: str
    key: str


class Registered(Delivery):
    """The session is registered as the user `user`: it gets the welcome lines."""

    session: SessionId
    user: UserId


class Attached(Delivery):
    """The session is registered as another one of a connected user: it gets the welcome lines, then RoomsShown."""

    session: SessionId
    user: UserId


class SessionMoved(Delivery):
    """The session belongs to `user` from here on, since it logged in to the account `account_id`. It leaves all rooms;
    `message` is sent to it (None: none)."""

    session: SessionId
    user: UserId
    account_id: str
    message: Message | None


class RoomsShown(Delivery):
    """The session gets the rooms of its user, with the messages of each after the time in `since` (ms, by room key). If
    an entry before `seq` cannot be stored, this is not shown, but done again (apply/redo.py, Attachment)."""

    session: SessionId
    user: UserId
    since: Mapping[str, int]
    seq: int


class Rejected(Delivery):
    """Registration failed; an earlier delivery gave the reason. If the session ends, `closing` is its last line."""

    session: SessionId
    closing: str = ""


class SessionClosed(Delivery):
    """The session ends; its user may have others. `drop` discards its unsent output, because its owner reconnected."""

    session: SessionId
    reason: str
    drop: bool = False


class RulesChanged(Delivery):
    """The rules of the state were replaced."""


class BanApplied(Delivery):
    """Each machine ends its sessions whose addresses are banned now, registered or not."""


class ProbeUsers(Delivery):
    """Another client wants the nick or place of these users: their sessions are pinged, and end without an answer."""

    users: Sequence[UserId]
