"""Read markers (ircv3.net/specs/extensions/read-marker): they only move forward, and only the user's own clients are
told."""

from __future__ import annotations

from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.deliveries import Form, InForms
from chatctl.chat.entries.outcome import Outcome
from chatctl.chat.model.accounts import Record, record_key
from chatctl.chat.model.state import State
from chatctl.chat.model.user import User
from chatctl.chat.model.user_data import Metadata, ReadMark, mark_key, outlives_session
from chatctl.protocol import names
from chatctl.protocol.capabilities import READ_MARKER
from chatctl.protocol.message import Message
from chatctl.protocol.timestamps import timestamp


def mark_read(state: State, proposal: p.MarkRead, outcome: Outcome) -> None:
    """MARKREAD with a time. Times later than the last message are reduced to its time."""
    user = outcome.source
    if user is None:
        return
    outcome.command = "MARKREAD"
    identity, target = user.identity, folded(proposal.target)
    time = min(proposal.time, outcome.time)
    audience = [user.id]
    if time > state.accounts.marks.time(identity, target):
        mark = ReadMark(mark_key(identity, target), time)
        state.accounts.put(record_key(mark), mark)
        changed = [mark, *state.accounts.marks.too_many(identity)]
        for old in changed[1:]:
            state.accounts.put(record_key(old), None)
        if outlives_session(identity):
            outcome.records += tuple(record_key(each) for each in changed)
            audience = [each.id for each in state.users.values() if each.identity == identity]
    form = Form(READ_MARKER, ((marker(state, user, proposal.target), outcome.untagged()),))
    outcome.deliveries.append(InForms((form,), users=audience))


def marker(state: State, user: User, target: str) -> Message:
    """Return the MARKREAD line of `user`'s read position in `target`: ``*`` if none is set.

    A room is spelled as its creator wrote it, but only to users who may know of it.
    """
    time = state.accounts.marks.time(user.identity, folded(target))
    room = state.known_room(target, user.id) if target[:1] == "#" else None
    shown = room.name if room is not None else target
    return Message("MARKREAD", (shown, f"timestamp={timestamp(time)}" if time else "*"), state.rules.server_name)


def folded(target: str) -> str:
    """Return a room or a name in the form that read markers are stored under."""
    return names.room_fold(target) if target[:1] == "#" else names.fold(target)


def forget(state: State, outcome: Outcome, identity: str) -> None:
    """Remove the data of an identity that no longer exists."""
    belongings: list[Record] = [*state.accounts.marks.of(identity)]
    if state.accounts.metadata_of(identity):
        belongings.append(Metadata(identity))
    keys = [*map(record_key, belongings), ("visits", identity), *state.accounts.member_keys(identity)]
    for key in keys:
        if state.accounts.get(key) is not None:
            state.accounts.put(key, None)
            outcome.records += (key,)
