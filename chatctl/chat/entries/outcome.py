"""The outcome of applying one entry: deliveries, facts, records to store, and how to undo it.

Invariants:

- [distinct-times] No two facts of one place have the same time, so that clients can page by time. The facts of an entry
  begin after the latest fact there is, 1 ms apart; an event of several rooms (QUIT, NICK) has one time. Deliveries have
  the time of their fact.
- [bounded-ahead] Fact times are at most MAX_AHEAD_MS later than the entry. At over 1,000 facts a second they stand
  still until the clock has caught up, and several facts share a time. Pages are not cut between those ([whole-times]
  in queries.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from chatctl.chat.entries.deliveries import Delivery, Form, LoggedIn, SendNumeric, Stamp, ToRoom
from chatctl.chat.entries.facts import BOT_TAG, AnyFact, Fact
from chatctl.chat.entries.proposals import Entry, Proposal
from chatctl.chat.entries.queries import RENAME
from chatctl.chat.model.accounts import RecordKey
from chatctl.chat.model.modes import BOT, SERVER_OPERATOR
from chatctl.chat.model.room import Room
from chatctl.chat.model.user import User
from chatctl.protocol.message import Message
from chatctl.protocol.numerics import Numeric

if TYPE_CHECKING:
    from chatctl.chat.model.ids import Recipient, UserId
    from chatctl.chat.model.state import State


MAX_AHEAD_MS = 1000
"""How many ms the facts of an entry may be later than the entry ([bounded-ahead])."""


class ChangedStanding(NamedTuple):
    """A member's standing in a room changed."""

    room: Room
    user: UserId
    before: int
    after: int

    def take_back(self, state: State) -> Sequence[Delivery]:
        """Restore the former standing, unless something else has changed it since."""
        members = self.room.members
        if members.get(self.user) == self.after:
            members[self.user] = self.before
        return ()


class UserIdentity(NamedTuple):
    """The account of a user: its name, id and time of creation, and the operator name of the user."""

    account: str
    account_id: str
    account_created: int
    operator: str

    @classmethod
    def of(cls, user: User) -> UserIdentity:
        """Return the present identity of `user`."""
        return cls(user.account, user.account_id, user.account_created, user.operator)


class ChangedIdentity(NamedTuple):
    """A user logged in or out, or became an operator of the server or stopped being one."""

    user: UserId
    before: UserIdentity
    after: UserIdentity

    def take_back(self, state: State) -> Sequence[Delivery]:
        """Undo the change; see :meth:`ChangedStanding.take_back`."""
        departed = state.departed.get(self.user)
        if departed is not None and UserIdentity.of(departed) == self.after:
            departed.account, departed.account_id, departed.account_created, departed.operator = self.before
        user = state.users.get(self.user)
        if user is None or UserIdentity.of(user) != self.after:
            return ()
        user.account, user.account_id, user.account_created, user.operator = self.before
        state.index_account(user)
        rest = user.modes.replace(SERVER_OPERATOR, "")
        state.change_modes(user, "".join(sorted(rest + SERVER_OPERATOR)) if user.operator else rest)
        state.changed(user)
        return (LoggedIn(user.id, user.account_id),)


class Undo(Protocol):
    """One change of an entry, which can be undone."""

    def take_back(self, state: State) -> Sequence[Delivery]:
        """Undo it as far as nothing else has changed it since; return what sessions must do."""


class Redo(Protocol):
    """A change that cannot be undone."""

    def redo(self, state: State, outcome: Outcome) -> None:
        """Do it again, after a failed commit was undone; add what it gives to `outcome`."""


class ClosedRoom(NamedTuple):
    """A room with settings was dropped."""

    key: str

    def redo(self, state: State, outcome: Outcome) -> None:
        """Drop it again, if it is empty."""
        room = state.rooms.get(self.key)
        if room is not None and not state.is_left_later(room):
            state.drop_if_unused(room)


class Outcome(msgspec.Struct):
    """The outcome of one entry: deliveries and facts, in order."""

    entry: Entry
    source: User | None = None
    """The user who proposed it, if there is one."""
    time: int = 0
    """The time of its first fact, ms since 1970 UTC ([distinct-times])."""
    deliveries: list[Delivery] = []
    facts: list[AnyFact] = []
    """Its facts. A MessageRun is the only one."""
    changed: tuple[str, ...] = ()
    """Keys of rooms whose settings changed."""
    undo: tuple[Undo, ...] = ()
    """Changes to undo, besides settings and records, if the entry cannot be stored."""
    redo: tuple[Redo, ...] = ()
    """Changes to do again if the entry cannot be stored, and its proposal is not Refusable."""
    follow_ups: tuple[Proposal, ...] = ()
    """Proposals to submit when the entry is stored: effects that cannot be undone."""
    records: tuple[RecordKey, ...] = ()
    """Keys of records (accounts, invitations, bans) that changed."""
    command: str = ""
    """The command that a refusal names, for an entry with records and without facts."""
    verdict: tuple[bool, str] = (True, "")
    """For the control socket: whether it was done, and the sentence to say."""
    notes: tuple[tuple[str, dict[str, object]], ...] = ()
    """Log events."""
    _id: tuple[int, str] = (-1, "")
    _shown: int = 0  # the time of the last stamp

    @property
    def count(self) -> int:
        """The number of facts."""
        facts = self.facts
        return facts[0].count if len(facts) == 1 else len(facts)

    def _time(self) -> int:
        """Return the time of the next fact."""
        first = self.time
        return min(first + len(self.facts), max(first, self.entry.time + MAX_AHEAD_MS))

    def _message_id(self) -> str:
        """Return the id of the next fact, for its delivery and for the fact itself."""
        part = len(self.facts)
        if self._id[0] != part:
            self._id = part, self.entry.message_id(part)
        return self._id[1]

    def send_numeric(self, to: Recipient, numeric: Numeric, *params: str, text: str | None = None) -> None:
        """Deliver a numeric (:class:`chatctl.chat.entries.deliveries.SendNumeric`)."""
        self.deliveries.append(SendNumeric(to, numeric, params, text))

    def log(self, event: str, **fields: object) -> None:
        """Add a log event. It must not hold text of users, nor secrets."""
        self.notes += ((event, fields),)

    def log_with_cause(self, event: str, **fields: object) -> None:
        """Add a log event with its cause: the session, or the operator of the machine (`chatctl`, a signal)."""
        session = self.entry.proposal.session
        by: dict[str, object] = {"session": session} if session else {"by": "the operator of the machine"}
        self.log(event, **fields, **by)

    def stamp(self, tags: Mapping[str, str] | None = None) -> Stamp:
        """Return the stamp of the next fact: its time and id."""
        source, message_id = self.source, self._message_id()
        self._shown = time = self._time() if self.facts else self.time
        if source is None:
            return Stamp(time, message_id, tags)
        return Stamp(time, message_id, tags, source.account, bot=BOT in source.modes)

    def form(self, needs: int, message: Message | None) -> Form:
        """Return the form of an event for clients with the capabilities `needs`; None for no line."""
        return Form(needs, ((message, self.stamp()),) if message is not None else ())

    def untagged(self) -> Stamp:
        """Return the stamp of an answer, which is in no history."""
        return Stamp(self.time)

    def to_room(self, room: Room, message: Message) -> None:
        """Send an event to all members of `room`, its cause included."""
        self.deliveries.append(ToRoom(room.key, message, self.stamp()))

    def add_fact(
        self, kind: str, user: User, place: str, target: str, text: str, tags: Mapping[str, str] | None = None
    ) -> None:
        """Add a fact about an action of `user`, after the deliveries that show it, so that both have one id."""
        entry, part = self.entry, len(self.facts)
        if BOT in user.modes:
            tags = {**(tags or {}), BOT_TAG: ""}
        self.facts.append(
            Fact(
                entry.seq,
                part,
                self._shown or self.time,
                self._message_id(),
                kind,
                place,
                target,
                user.prefix,
                user.account,
                text,
                tags or {},
            )
        )

    def collect(self, state: State) -> None:
        """Add the changes to rooms that were dropped, and to their records."""
        self.records += tuple(state.forgotten)
        state.forgotten.clear()
        for room in state.dropped_rooms:
            self.changed += (room.key,)
            self.redo += (ClosedRoom(room.key),)
            if not room.open:
                self.archive_room(room, state.rules.server_name)
        state.dropped_rooms.clear()

    def archive_room(self, room: Room, server: str) -> None:
        """Archive the history of a room that is dropped and was not open, so that a later room of its name does not get
        it: it moves to a name that no room can have. The owner of the data folder finds it there."""
        entry, part = self.entry, len(self.facts)
        text = f"{room.name} {room.name},{entry.seq}"
        id = entry.message_id(part)
        self.facts.append(Fact(entry.seq, part, self._time(), id, RENAME, room.key, room.name, server, "", text, {}))

    def add_room_fact(
        self, room: Room, kind: str, user: User, text: str = "", tags: Mapping[str, str] | None = None
    ) -> None:
        """Add a fact about an action of `user` in `room`."""
        self.add_fact(kind, user, room.key, room.name, text, tags)
