"""METADATA SET and CLEAR (ircv3.net/specs/extensions/metadata): one's own, and an operator of a room the room's."""

from __future__ import annotations

from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.deliveries import MetadataChanged, SendFail
from chatctl.chat.entries.outcome import Outcome
from chatctl.chat.model.accounts import record_key
from chatctl.chat.model.ids import UserId
from chatctl.chat.model.modes import OPERATOR
from chatctl.chat.model.room import Room
from chatctl.chat.model.state import State
from chatctl.chat.model.user import User
from chatctl.chat.model.user_data import MAX_GUESTS, Metadata, outlives_session
from chatctl.protocol import numerics as n

MAX_KEYS = 20
"""Keys of one user or room."""


def owner_of_user(user: User) -> str:
    """Return the owner of a user's metadata: the identity."""
    return user.identity


def owner_of_room(key: str) -> str:
    """Return the owner of a room's metadata: the room."""
    return f"room {key}"


def set_metadata(state: State, proposal: p.SetMetadata, outcome: Outcome) -> None:
    """Set one key, or with no key remove all."""
    user = outcome.source
    if user is None:
        return
    outcome.command = "METADATA"
    room = state.known_room(proposal.target, user.id) if proposal.target[:1] == "#" else None
    name = room.name if room is not None else user.nick
    if not _may(state, user, room, proposal.target):
        text = "You may change your own, and that of rooms whose operator you are"
        _fail(user, "KEY_NO_PERMISSION", (proposal.target, proposal.key or "*"), text, outcome)
        return
    owner = owner_of_room(room.key) if room is not None else owner_of_user(user)
    values = dict(state.accounts.metadata_of(owner))
    keys = [proposal.key] if proposal.key else list(values)
    if proposal.value is not None:
        if proposal.key not in values and len(values) >= MAX_KEYS:
            _fail(user, "LIMIT_REACHED", (name,), f"There are {MAX_KEYS} keys at the most", outcome)
            return
        values[proposal.key] = proposal.value
        outcome.send_numeric(user.id, n.RPL_KEYVALUE, name, proposal.key, "*", text=proposal.value)
    elif proposal.key and proposal.key not in values:
        _fail(user, "KEY_NOT_SET", (name, proposal.key), "That is not set", outcome)
        return
    else:
        for key in keys:
            del values[key]
        if proposal.key:
            outcome.send_numeric(user.id, n.RPL_KEYNOTSET, name, proposal.key)
    _put(state, outcome, owner, values)
    audience = () if room is not None else (user.id, *state.peers(user), *_same(state, user))
    users = tuple(dict.fromkeys(audience))
    changed = tuple((key, proposal.value) for key in keys)
    key = room.key if room is not None else ""
    cleared = not proposal.key
    outcome.deliveries.append(MetadataChanged(proposal.session, name, changed, key, users, cleared))


def _same(state: State, user: User) -> list[UserId]:
    """Return the other sessions of the same person."""
    if not outlives_session(user.identity):
        return []
    return [each.id for each in state.users.values() if each.identity == user.identity]


def _may(state: State, user: User, room: Room | None, target: str) -> bool:
    if room is not None:
        return bool(room.members.get(user.id, 0) & OPERATOR)
    return target == "*" or state.user_named(target) is user


def _put(state: State, outcome: Outcome, owner: str, values: dict[str, str]) -> None:
    record = Metadata(owner, values)
    key = record_key(record)
    state.accounts.put(key, record if values else None)
    if not outlives_session(owner):
        return
    outcome.records += (key,)
    guests = state.accounts.metadata_owners("secret ")
    if owner.startswith("secret ") and len(guests) > MAX_GUESTS:
        oldest = record_key(Metadata(guests[0]))
        state.accounts.put(oldest, None)
        outcome.records += (oldest,)


def _fail(user: User, code: str, context: tuple[str, ...], text: str, outcome: Outcome) -> None:
    outcome.deliveries.append(SendFail(user.id, "METADATA", code, context, text))
