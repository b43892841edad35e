"""Positions of users in rooms: when they are set, and where a replay begins
(:mod:`chatctl.chat.model.replay_positions`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from chatctl.chat.entries.outcome import Outcome
from chatctl.chat.model.accounts import RecordKey, record_key
from chatctl.chat.model.replay_positions import PRIVATE, ReplayPositions
from chatctl.chat.model.state import State
from chatctl.chat.model.user import User


def position(state: State, user: User, room: str, now: int) -> int:
    """Return the time up to which `user` was sent the messages of `room`; 0 if that is unknown."""
    times = [state.guest_positions.position(guest, room, now) for guest in _guest_keys(user)]
    record = state.accounts.get(("visits", user.identity)) if user.account else None
    if isinstance(record, ReplayPositions):
        times.append(record.left.get(room, 0))
    return max(times)


def positions(state: State, user: User, now: int) -> dict[str, int]:
    """Return the positions of `user` in its rooms and its private conversations, by key."""
    return {key: position(state, user, key, now) for key in (*user.rooms, PRIVATE)}


def note_entered(state: State, outcome: Outcome, user: User, rooms: Iterable[str]) -> None:
    """Remember that the account of `user` is in `rooms`, so that a crash of the server leaves a position."""
    if user.account:
        visits = _visits(state, user.identity)
        for room in rooms:
            visits = visits.entering(room)
        _put(state, outcome, visits)


def note_left(
    state: State, outcome: Outcome, user: User, rooms: Iterable[str], *, silent_ms: int = 0, stays: bool = False
) -> int:
    """Store that `user` left `rooms`, or with `stays` that one of several sessions did; return the position.

    If the connection was lost, output of the last `silent_ms` may not have arrived, and is replayed.
    """
    time = min(state.last_time, outcome.entry.time - silent_ms) if silent_ms else state.last_time
    note_position(state, outcome, user, tuple(rooms), time, stays=stays)
    return time


def note_position(
    state: State, outcome: Outcome, user: User, rooms: Sequence[str], time: int, *, stays: bool = False
) -> None:
    """Remember that `user` left `rooms` with this position."""
    if not rooms:
        return
    if user.account:
        note_account_position(state, outcome, user.identity, rooms, time, stays=stays)
    if not stays:
        for guest in _guest_keys(user):
            state.guest_positions.put(guest, rooms, time, outcome.entry.time)


def note_account_position(
    state: State, outcome: Outcome, identity: str, rooms: Sequence[str], time: int, *, stays: bool = False
) -> None:
    """Remember that the account with this identity left `rooms` with this position."""
    _put(state, outcome, _visits(state, identity).leaving(rooms, time, stays=stays))


def rename(state: State, old: str, new: str) -> None:
    """Move the positions of users in a room that was renamed, and drop those in an earlier room `new`."""
    state.guest_positions.rename(old, new)
    for visits in state.accounts.visits():
        if old in visits.left or old in visits.inside or new in visits.left:
            key = record_key(visits)
            state.accounts.put(key, visits.renamed(old, new))
            state.forgotten.append(key)


def restart(state: State) -> list[RecordKey]:
    """Set the positions of accounts that were in rooms when the server ended; return the records that changed."""
    changed = [visits for visits in state.accounts.visits() if visits.inside]
    for visits in changed:
        state.accounts.put(record_key(visits), visits.leaving(visits.inside, state.last_time))
    return [record_key(visits) for visits in changed]


def _guest_keys(user: User) -> Iterator[str]:
    """Yield what a guest is recognised by. This includes accounts, for clients that log in after they have joined."""
    yield f"guest {user.key} {user.host}"
    if user.secret:
        yield f"secret {user.secret}"


def _visits(state: State, identity: str) -> ReplayPositions:
    found = state.accounts.get(("visits", identity))
    return found if isinstance(found, ReplayPositions) else ReplayPositions(identity, {})


def _put(state: State, outcome: Outcome, visits: ReplayPositions) -> None:
    key = record_key(visits)
    if state.accounts.get(key) != visits:
        state.accounts.put(key, visits)
        outcome.records += (key,)
