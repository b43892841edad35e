"""Short visits: sessions that read or speak in a room without joining it (the capability ``chatctl/transient``).

Invariants:

- [no-member] A session on a short visit is not a member: it is in no list of names, takes no place in the room (+l),
  becomes no operator, and no JOIN, PART or QUIT of it is shown or stored. Its messages are treated like all others.
- [same-rules] A short visit is refused by the same rules as a JOIN. Its messages are subject to the room's modes and
  bans. A room operator ends it with KICK.
- [no-hidden-listeners] Only sessions from the control socket are sent the messages of a room they visit. Others would
  be hidden listeners; they can read the history.
"""

from __future__ import annotations

from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.deliveries import VisitBegan, VisitEnded
from chatctl.chat.entries.outcome import Outcome
from chatctl.chat.model.ids import SessionId
from chatctl.chat.model.room import Room
from chatctl.chat.model.state import State
from chatctl.chat.model.user import User
from chatctl.protocol import names
from chatctl.protocol.message import Message


def begin(state: State, user: User, proposal: p.Join, name: str, outcome: Outcome) -> None:
    """Begin a visit of the session that asked to the room `name`, after all that could refuse it."""
    room = state.visit(proposal.session, user, name, outcome.entry.time, hears=proposal.hears)
    outcome.deliveries.append(VisitBegan(proposal.session, room.key, proposal.hears))


def part(state: State, user: User, session: SessionId, name: str, outcome: Outcome) -> bool:
    """End the visit of a session to the room `name`; return whether there was one."""
    room = state.short_visits.of(session).get(names.room_fold(name))
    if room is None:
        return False
    outcome.deliveries.append(VisitEnded(session, room.key, Message("PART", (room.name,), user.prefix)))
    state.end_visit(session, room)
    return True


def end_in(state: State, user: User, room: Room, outcome: Outcome, message: Message | None = None) -> None:
    """End all visits of `user` to `room`. Those who do not hear the room are shown `message`."""
    for session, visit in list((room.short_visits or {}).items()):
        if visit.user == user.id:
            outcome.deliveries.append(VisitEnded(session, room.key, None if visit.hears else message))
            state.end_visit(session, room)


def end_all(state: State, session: SessionId, outcome: Outcome) -> None:
    """End all visits of a session that is about to end; the state forgets them with the session."""
    outcome.deliveries.extend(VisitEnded(session, key) for key in state.short_visits.of(session))


def take_place(state: State, user: User, proposal: p.Register) -> bool:
    """Let `user`, who is offline or came through the control socket, take a place for another session; return whether
    there is one to take. Users who have one, and sessions that need none, always may."""
    if user.offline and proposal.console:
        user.console = True
        state.console_users += 1
        return True
    if not user.offline and (not user.console or proposal.console):
        return True
    if state.places_taken >= state.rules.listener_limit:
        return False
    if user.console:
        user.console = False
        state.console_users -= 1
    return True
