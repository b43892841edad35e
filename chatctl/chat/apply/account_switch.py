"""A registered session that logs in to an account whose user is in the chat already: it becomes a session of that user.

The session's own user leaves first: a guest with a QUIT, a user with other sessions silently. So an account has one
user ([one-user] in members.py).
"""

from __future__ import annotations

from chatctl.chat.apply import members, replay_positions, short_visits
from chatctl.chat.apply.membership import end_session, leave_chat
from chatctl.chat.apply.redo import AttachmentRedo
from chatctl.chat.entries.deliveries import RoomsShown, SessionMoved, ToSession
from chatctl.chat.entries.outcome import Outcome
from chatctl.chat.model.ids import SessionId
from chatctl.chat.model.replay_positions import PRIVATE
from chatctl.chat.model.state import State
from chatctl.chat.model.user import User
from chatctl.protocol.message import Message


def move_session(state: State, session: SessionId, user: User, other: User, outcome: Outcome) -> None:
    """Make `session` of `user` one of `other`. It is shown that it leaves its rooms, its new nick, and the rooms of
    `other`."""
    tokens = user.secret + user.instance if user.sessions is None else user.sessions[session]
    away = user.away if not user.offline else ""
    for room in user.rooms.values():
        own_part = Message("PART", (room.name,), user.prefix)
        outcome.deliveries.append(ToSession(session, own_part, outcome.untagged()))
    reason = f"Logged in as {other.account}"
    transient = session in state.short_visits
    short_visits.end_all(state, session, outcome)
    if len(user.session_ids) > 1 or members.is_member(state, user):
        end_session(state, user, session, reason, outcome, moves=True)
    else:
        leave_chat(state, user, reason, outcome, moves=True)
    was_present = members.is_present(state, other)
    since = replay_positions.positions(state, other, outcome.entry.time)
    state.attach(other, session, tokens, away)
    if transient:
        state.short_visits.register(session)
    members.update_presence(state, outcome, other, was_present=was_present, away=away)
    if members.is_member(state, other):
        replay_positions.note_entered(state, outcome, other, (*other.rooms, PRIVATE))
    outcome.source = other
    rename = Message("NICK", (other.nick,), user.prefix) if other.nick != user.nick else None
    outcome.deliveries.append(SessionMoved(session, other.id, other.account_id, rename))
    outcome.deliveries.append(RoomsShown(session, other.id, since, outcome.entry.seq))
    outcome.redo += (AttachmentRedo(other, session, since),)
