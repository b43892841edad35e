"""How changes of the state are undone if the commit of their entry fails.

Invariants:

- [reverse-order] Entries that fail together are undone last first, so that each finds what it left. Only Retried and
  Unstored entries come in between; they never add a room or take a name that is held. Retried ones are done again.
- [departed] Users who have left the chat meanwhile are in `State.departed`: they get the name and the rooms that the
  other members know, so that these read the right QUIT (apply/redo.py).
- [undo-deliveries] `take_back` returns deliveries that change what sessions hear. They show nothing that was undone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from chatctl.chat.apply.room_moves import move_room
from chatctl.chat.entries.deliveries import Delivery, RoomMoved, Subscribed, Unsubscribed
from chatctl.chat.model.accounts import RecordKey, record_key
from chatctl.chat.model.user_data import ReadMark, mark_key, outlives_session
from chatctl.protocol import names
from chatctl.protocol.message import nick_of

if TYPE_CHECKING:
    from chatctl.chat.model.ids import UserId
    from chatctl.chat.model.room import Room
    from chatctl.chat.model.state import State


class UndoJoin(NamedTuple):
    """A user joined a room. `invited` is the invitation that this used up (see User.invited), 0 for none."""

    room: Room
    user: UserId
    invited: int

    def take_back(self, state: State) -> Sequence[Delivery]:
        """Remove the member."""
        user, room = state.users.get(self.user), self.room
        departed = state.departed.get(self.user)
        if departed is not None:
            departed.rooms = {key: each for key, each in departed.rooms.items() if each is not room}
        if user is None or user.id not in room.members:
            return ()
        state.leave(user, room)
        if self.invited:
            user.invited = {**(user.invited or {}), room.key: self.invited}
        return (Unsubscribed(user.id, room.key),)


class UndoLeave(NamedTuple):
    """A user with this standing left a room, or was removed from it. `prefix` is that of the user at that time."""

    room: Room
    user: UserId
    standing: int
    prefix: str

    def take_back(self, state: State) -> Sequence[Delivery]:
        """Add the member again, and the room if it was dropped. If the user has taken another name since, and keeps it,
        the members read that later (apply/redo.py, NewName)."""
        user = state.users.get(self.user)
        departed = state.departed.get(self.user)
        if departed is not None:
            departed.rooms[self.room.key] = self.room
            departed.named(nick_of(self.prefix))
        if user is None or user.id in self.room.members:
            return ()
        room = state.put_back(user, self.room, self.standing)
        if user.prefix != self.prefix:
            state.stale_prefixes[user.id] = self.prefix
        return (Subscribed(user.id, room.key),)


class UndoNick(NamedTuple):
    """A user took the name `after`."""

    user: UserId
    before: str
    after: str
    named_at: int

    def take_back(self, state: State) -> Sequence[Delivery]:
        """Give the user the former name, which was held until now."""
        user = state.users.get(self.user)
        departed = state.departed.get(self.user)
        if departed is not None and departed.nick == self.after:
            departed.named(self.before)
        if user is None:
            return ()
        if user.nick != self.after:
            stale = state.stale_prefixes.get(user.id)
            if stale is not None and nick_of(stale) == self.after:
                state.stale_prefixes[user.id] = self.before + stale.removeprefix(self.after)
            return ()
        former = next((past for past in reversed(state.former_nicks) if past.nick == self.before), None)
        if former is not None:
            state.former_nicks.remove(former)
        state.rename(user, self.before)
        user.named_at = self.named_at
        return ()


class UndoRoomRename(NamedTuple):
    """A room was renamed."""

    room: Room
    before: str
    after: str
    renamed_at: int

    def take_back(self, state: State) -> Sequence[Delivery]:
        """Give the room its former name. Stored read markers and metadata are set back as all records are."""
        room = self.room
        key = room.key
        if room.name != self.after:
            return ()
        if state.rooms.get(key) is not room:  # it was dropped since, with users whose departure is done again
            room.name, room.key = self.before, names.room_fold(self.before)
            return ()
        waiting = len(state.forgotten)
        move_room(state, room, self.before)
        del state.forgotten[waiting:]
        room.renamed_at = self.renamed_at
        if room.key == key:
            return ()
        for mark in state.accounts.marks.with_target(key):
            if not outlives_session(mark.identity):
                state.accounts.put(record_key(mark), None)
                moved = ReadMark(mark_key(mark.identity, room.key), mark.time)
                state.accounts.put(record_key(moved), moved)
        return (RoomMoved(key, room.key),)


def rooms_to_restore(state: State, since: int) -> list[str]:
    """Return the keys of rooms that the undo dropped for settings undone later: `dropped_rooms` from `since` on."""
    dropped = state.dropped_rooms[since:]
    del state.dropped_rooms[since:]
    return [room.key for room in dropped]


def records_to_restore(state: State, since: int) -> list[RecordKey]:
    """Return the keys of metadata that the undo removed with rooms that are back: `forgotten` from `since` on."""
    removed = state.forgotten[since:]
    again = [key for key in removed if key[1].removeprefix("room ") in state.rooms]
    state.forgotten[since:] = [key for key in removed if key not in again]
    return again
