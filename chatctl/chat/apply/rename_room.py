"""RENAME: a room gets another name, and all of it stays (ircv3.net/specs/extensions/channel-rename)."""

from __future__ import annotations

from chatctl.chat.apply.room_moves import move_room
from chatctl.chat.apply.room_settings import room_for
from chatctl.chat.apply.undo import UndoRoomRename
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.deliveries import RoomRenamed, SendFail
from chatctl.chat.entries.outcome import Outcome
from chatctl.chat.entries.queries import RENAME
from chatctl.chat.model.accounts import record_key
from chatctl.chat.model.modes import OPERATOR
from chatctl.chat.model.policy import LOBBY
from chatctl.chat.model.room import Room
from chatctl.chat.model.state import State
from chatctl.chat.model.user import User
from chatctl.chat.model.user_data import ReadMark, mark_key, outlives_session
from chatctl.protocol import names
from chatctl.protocol import numerics as n
from chatctl.protocol.message import MAX_LINE_BYTES, Message

IN_USE = "{} has a history of its own; please choose another name"
"""The refusal for the name of a former room, and of a secret one: the user must not be able to tell them apart."""

REST_MS = 30_000
"""How long a room keeps a name at least: clients that do not know RENAME are told a lot each time."""


def rename_room(state: State, proposal: p.RenameRoom, outcome: Outcome) -> None:
    """RENAME by an operator of the room, or of the server."""
    user = outcome.source
    room = room_for(state, user, proposal.room, outcome)
    if user is None or room is None:
        return
    if not may_rename(user, room):
        outcome.send_numeric(user.id, n.ERR_CHANOPRIVSNEEDED, room.name)
        return
    problem = _problem(state, user, room, proposal, outcome.entry.time)
    message = Message(RENAME, (room.name, proposal.name, proposal.reason), user.prefix)
    if problem is None and len(message.line) > MAX_LINE_BYTES:
        problem = "CANNOT_RENAME", "That is too long for one line"
    if problem is not None:
        code, text = problem
        outcome.deliveries.append(SendFail(user.id, RENAME, code, (room.name, proposal.name), text))
        return
    old_key, old_name = room.key, room.name
    renamed_at, room.renamed_at = room.renamed_at, outcome.entry.time
    move_room(state, room, proposal.name)
    outcome.undo += (UndoRoomRename(room, old_name, room.name, renamed_at),)
    outcome.deliveries.append(RoomRenamed(old_key, old_name, room.key, outcome.form(0, message), proposal.reason))
    outcome.add_fact(RENAME, user, old_key, old_name, f"{old_name} {room.name} {proposal.reason}".rstrip())
    outcome.changed += (old_key, room.key)
    if room.key != old_key:
        _move_marks(state, outcome, old_key, room.key)


def may_rename(user: User, room: Room) -> bool:
    """Return whether `user`, who is a member, may rename `room`."""
    return bool(room.members[user.id] & OPERATOR or user.operator)


def _problem(state: State, user: User, room: Room, proposal: p.RenameRoom, now: int) -> tuple[str, str] | None:
    """Return the code and the sentence of a refusal; None if the room can be renamed."""
    if room.name == LOBBY:
        return "CANNOT_RENAME", f"{LOBBY} keeps its name"
    wrong = names.room_problem(proposal.name)
    if wrong is not None:
        return "CANNOT_RENAME", f"{proposal.name} cannot be a room's name: {wrong}"
    if proposal.name == room.name:
        return "CANNOT_RENAME", "That is its name"
    other = state.room_named(proposal.name)
    if other is not None and other is not room:
        known = other.known_to(user.id)
        text = f"There is a room called {other.name} already" if known else IN_USE.format(proposal.name)
        return "CHANNEL_NAME_IN_USE", text
    if other is None and now - room.renamed_at < REST_MS:
        return "CANNOT_RENAME", "This room got its name a moment ago; please wait a little"
    return None


def _move_marks(state: State, outcome: Outcome, old: str, new: str) -> None:
    """Read markers of the room move with it."""
    accounts = state.accounts
    for mark in accounts.marks.with_target(old):
        moved = ReadMark(mark_key(mark.identity, new), mark.time)
        accounts.put(record_key(mark), None)
        accounts.put(record_key(moved), moved)
        if outlives_session(mark.identity):
            outcome.records += (record_key(mark), record_key(moved))
