"""Giving a room another name, with all that is stored under its key."""

from __future__ import annotations

from chatctl.chat.apply import members, replay_positions
from chatctl.chat.model.room import Room
from chatctl.chat.model.state import State


def move_room(state: State, room: Room, name: str) -> None:
    """Give `room` another name, which no other room has, and move metadata, positions and memberships.

    The changed records are added to `State.forgotten`.
    """
    old = room.key
    state.rename_room(room, name)
    if room.key != old:
        replay_positions.rename(state, old, room.key)
    members.rename(state, old, room)
