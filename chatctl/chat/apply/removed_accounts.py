"""Removing deleted accounts from the settings of rooms. Accounts may also have been deleted while no server ran."""

from __future__ import annotations

from chatctl.chat.model.state import State
from chatctl.chat.model.user_data import ACCOUNT


def forget_removed(state: State, key: str) -> bool:
    """Remove deleted accounts from the users who may return to a room; return whether there were any."""
    room = state.rooms[key]
    accounts = [each for each in room.insiders or () if each.startswith(ACCOUNT)]
    removed = [each for each in accounts if state.accounts.with_id(each.removeprefix(ACCOUNT)) is None]
    return room.remove_insiders(*removed)


def clear_missing_founder(state: State, key: str) -> bool:
    """Clear the founder of a room if that account does not exist; return whether that was so."""
    room = state.rooms[key]
    if not room.founder or state.accounts.with_id(room.founder) is not None:
        return False
    room.founder = ""
    state.drop_if_unused(room)
    return True
