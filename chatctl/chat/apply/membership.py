"""Entering and leaving: JOIN, PART, KICK, QUIT (modern.ircdocs.horse, "Channel Operations")."""

from __future__ import annotations

from chatctl.chat.apply import members, replay_positions, short_visits
from chatctl.chat.apply.admission import entry_refusal
from chatctl.chat.apply.members import show_away
from chatctl.chat.apply.redo import DepartureRedo, SessionEndRedo, show_founder
from chatctl.chat.apply.room_settings import room_for
from chatctl.chat.apply.undo import UndoJoin, UndoLeave
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.deliveries import (
    InForms,
    RoomSnapshot,
    SessionClosed,
    Subscribed,
    ToRoom,
    ToUsers,
    Unsubscribed,
    WentOffline,
)
from chatctl.chat.entries.outcome import Outcome
from chatctl.chat.model.ids import NO_SESSION, SessionId
from chatctl.chat.model.modes import OPERATOR
from chatctl.chat.model.replay_positions import PRIVATE
from chatctl.chat.model.room import Room
from chatctl.chat.model.state import State
from chatctl.chat.model.user import SERVICE_USER, User
from chatctl.protocol import capabilities as caps
from chatctl.protocol import names
from chatctl.protocol import numerics as n
from chatctl.protocol.message import MAX_LINE_BYTES, Message

_EXPIRED_AT_ONCE = 20
"""Members that leave by one entry, so that a tick stays short."""

MAX_INVITATIONS = 50
"""Open invitations of one user; the oldest goes."""


def join(state: State, proposal: p.Join, outcome: Outcome) -> None:
    """JOIN: members are told, the joining client gets the snapshot of the room. Joining again changes nothing."""
    user = outcome.source
    if user is None:
        return
    keys = iter(proposal.keys)
    for name in proposal.rooms:
        key = next(keys, "")
        problem = names.room_problem(name)
        if problem is not None:
            # 403 rather than 476: clients show it beside the room they asked for.
            outcome.send_numeric(user.id, n.ERR_NOSUCHCHANNEL, name, text=f"{problem[:1].upper()}{problem[1:]}")
            continue
        visited = state.short_visits.of(proposal.session)
        if names.room_fold(name) in user.rooms or names.room_fold(name) in visited:
            continue
        if len(user.rooms) + len(visited) >= state.rules.max_rooms:
            outcome.send_numeric(user.id, n.ERR_TOOMANYCHANNELS, name)
            continue
        existing = state.room_named(name)
        refusal = entry_refusal(state, existing, user, key) if existing is not None else None
        if existing is not None and refusal is not None:
            outcome.send_numeric(user.id, refusal[0], existing.name, text=refusal[1])
            continue
        if proposal.transient:
            short_visits.begin(state, user, proposal, name, outcome)
            continue
        if existing is not None:
            short_visits.end_in(state, user, existing, outcome)
        founder = existing.founder if existing is not None else ""
        since = replay_positions.position(state, user, names.room_fold(name), outcome.entry.time)
        invited = (user.invited or {}).get(names.room_fold(name), 0)
        room = state.enter(user, name, outcome.entry.time)
        outcome.undo += (UndoJoin(room, user.id, invited),)
        replay_positions.note_entered(state, outcome, user, (room.key,))
        members.note_room(state, outcome, user, room)
        outcome.deliveries.append(Subscribed(user.id, room.key))
        show_entering(outcome, room, user)
        show_founder(state, outcome, room, user)
        outcome.deliveries.append(RoomSnapshot(user.id, room.key, since))
        outcome.add_room_fact(room, "JOIN", user, user.realname)
        if room.founder != founder or room.insiders is not None:
            outcome.changed += (room.key,)


def show_entering(outcome: Outcome, room: Room, user: User) -> None:
    """Send the JOIN of `user` to the room: with account and real name where asked for (extended-join), and of an
    absence (away-notify)."""
    extended = Message("JOIN", (room.name, user.account or "*", user.realname), user.prefix)
    plain = Message("JOIN", (room.name,), user.prefix)
    forms = (outcome.form(caps.EXTENDED_JOIN, extended), outcome.form(0, plain))
    outcome.deliveries.append(InForms(forms, room.key))
    if user.away:
        away = outcome.form(caps.AWAY_NOTIFY, Message("AWAY", (user.away,), user.prefix))
        outcome.deliveries.append(InForms((away,), room.key, but=user.id))


def part(state: State, proposal: p.Part, outcome: Outcome) -> None:
    """PART, with or without a reason."""
    user = outcome.source
    if user is None:
        return
    for name in proposal.rooms:
        if short_visits.part(state, user, proposal.session, name, outcome):
            continue
        room = room_for(state, user, name, outcome)
        if room is not None:
            message = Message("PART", (room.name, proposal.reason) if proposal.reason else (room.name,), user.prefix)
            if len(message.line) > MAX_LINE_BYTES:
                outcome.send_numeric(user.id, n.ERR_INPUTTOOLONG)
                continue
            _remove(state, user, room, message, proposal.reason, outcome, user)


def kick(state: State, proposal: p.Kick, outcome: Outcome) -> None:
    """KICK: only by an operator of the room. Each pair is a case of its own."""
    user = outcome.source
    if user is None:
        return
    for name, nick in proposal.targets:
        room = room_for(state, user, name, outcome)
        if room is None:
            continue
        if not room.members[user.id] & OPERATOR:
            outcome.send_numeric(user.id, n.ERR_CHANOPRIVSNEEDED, room.name)
        else:
            _kick_one(state, user, room, nick, proposal.reason, outcome)


def _kick_one(state: State, user: User, room: Room, nick: str, reason: str, outcome: Outcome) -> None:
    victim = state.user_or_service(nick)
    if victim is None:
        outcome.send_numeric(user.id, n.ERR_NOSUCHNICK, nick)
        return
    if not room.admits(victim.id):
        outcome.send_numeric(user.id, n.ERR_USERNOTINCHANNEL, victim.nick, room.name)
        return
    message = Message("KICK", (room.name, victim.nick, reason or user.nick), user.prefix)
    if len(message.line) > MAX_LINE_BYTES:
        outcome.send_numeric(user.id, n.ERR_INPUTTOOLONG)
        return
    if victim.id in room.members:
        _remove(state, victim, room, message, f"{victim.nick} {reason}".rstrip(), outcome, user)
        return
    outcome.to_room(room, message)
    outcome.add_room_fact(room, "KICK", user, f"{victim.nick} {reason}".rstrip())
    short_visits.end_in(state, victim, room, outcome, message)


def _remove(state: State, user: User, room: Room, message: Message, text: str, outcome: Outcome, source: User) -> None:
    outcome.deliveries.append(ToRoom(room.key, message, outcome.stamp()))
    outcome.deliveries.append(Unsubscribed(user.id, room.key))
    outcome.add_room_fact(room, message.command, source, text)
    outcome.undo += (UndoLeave(room, user.id, room.members[user.id], user.prefix),)
    if room.remove_insiders(*user.identities):
        outcome.changed += (room.key,)
    replay_positions.note_left(state, outcome, user, (room.key,))
    state.leave(user, room)
    members.note_room(state, outcome, user, room)


def invite(state: State, proposal: p.InviteUser, outcome: Outcome) -> None:
    """INVITE by members; if the room is ``+i``, by its operators. An operator's invitation overrides restrictions until
    it is used, or either leaves. Those of other members are only messages: otherwise any member could undo a ban."""
    user = outcome.source
    if user is None:
        return
    other = state.user_or_service(proposal.nick)
    room = state.known_room(proposal.room, user.id)
    if other is None:
        outcome.send_numeric(user.id, n.ERR_NOSUCHNICK, proposal.nick)
    elif room is None:
        outcome.send_numeric(user.id, n.ERR_NOSUCHCHANNEL, proposal.room)
    elif user.id not in room.members:
        outcome.send_numeric(user.id, n.ERR_NOTONCHANNEL, room.name)
    elif "i" in room.modes and not room.members[user.id] & OPERATOR:
        outcome.send_numeric(user.id, n.ERR_CHANOPRIVSNEEDED, room.name)
    elif other is SERVICE_USER:
        outcome.send_numeric(user.id, n.ERR_UNKNOWNERROR, "INVITE", text=f"{other.nick} does not join rooms")
    elif other.id in room.members:
        outcome.send_numeric(user.id, n.ERR_USERONCHANNEL, other.nick, room.name)
    else:
        if room.members[user.id] & OPERATOR:
            _open_to(other, room)
        outcome.send_numeric(user.id, n.RPL_INVITING, other.nick, room.name)
        if other.away:
            outcome.send_numeric(user.id, n.RPL_AWAY, other.nick, text=other.away)
        message = Message("INVITE", (other.nick, room.name), user.prefix)
        outcome.deliveries.append(ToUsers((other.id,), message, outcome.stamp()))
        # invite-notify: the room may know, but for the two who do.
        outcome.deliveries.append(InForms((outcome.form(caps.INVITE_NOTIFY, message),), room.key, but=proposal.session))


def _open_to(user: User, room: Room) -> None:
    if user.invited is None:
        user.invited = {}
    user.invited.pop(room.key, None)
    user.invited[room.key] = room.created
    if len(user.invited) > MAX_INVITATIONS:
        del user.invited[next(iter(user.invited))]


def quit_chat(state: State, proposal: p.Quit, outcome: Outcome) -> None:
    """QUIT, a lost connection, or removal by the server: other users see the same."""
    user = outcome.source
    if user is not None and (len(user.session_ids) > 1 or members.is_member(state, user)):
        # The user stays, with the other sessions or offline: no QUIT is shown.
        end_session(state, user, proposal.session, proposal.reason, outcome, silent_ms=proposal.silent_ms)
    elif user is not None:
        leave_chat(state, user, proposal.reason, outcome, silent_ms=proposal.silent_ms)


def expire_members(state: State, proposal: p.ExpireMembers, outcome: Outcome) -> None:
    """Take members out of the chat that were offline for too long, or are too many; a few at a time."""
    for _ in range(_EXPIRED_AT_ONCE):
        oldest = members.expired(state, outcome.entry.time)
        if oldest is None:
            return
        leave_chat(state, oldest, "Offline for too long", outcome)


def remove_offline_user(state: State, proposal: p.RemoveOfflineUser, outcome: Outcome) -> None:
    """Take an offline user out of the chat, unless a device has come back or the account stays after all."""
    user = state.users.get(proposal.user)
    if user is not None and user.offline and not members.is_member(state, user):
        leave_chat(state, user, "The account was removed" if not user.account_id else "Offline", outcome)


def end_session(
    state: State,
    user: User,
    session: SessionId,
    reason: str,
    outcome: Outcome,
    *,
    drop: bool = False,
    silent_ms: int = 0,
    moves: bool = False,
) -> None:
    """End a session of `user`, who stays: with other sessions, or offline as a member. So a change of the away message
    is all there is to show. With `moves` the session goes on as that of another user."""
    was_present = members.is_present(state, user)
    if session not in state.short_visits:
        seen = (*user.rooms, PRIVATE) if user.account else user.rooms
        stays = members.is_present(state, user, but=session)
        position = replay_positions.note_left(state, outcome, user, seen, silent_ms=silent_ms, stays=stays)
        outcome.redo += (SessionEndRedo(user, position, stays=stays),)
    short_visits.end_all(state, session, outcome)
    if state.detach(user, session, outcome.entry.time):
        show_away(state, user, outcome)
    if members.is_member(state, user):
        members.update_presence(state, outcome, user, was_present=was_present)
        if user.offline and user.nick != user.account:
            outcome.follow_ups += (p.ReturnNick(NO_SESSION, "", user.account_id),)
    if not moves:
        outcome.deliveries.append(SessionClosed(session, reason, drop))


def disconnect_user(state: State, user: User, reason: str, outcome: Outcome, *, show: bool = False) -> None:
    """End all sessions of `user`: a member stays, offline; other users leave the chat. `show`: see leave_chat."""
    if members.is_member(state, user):
        for session in user.session_ids:
            end_session(state, user, session, reason, outcome)
    else:
        leave_chat(state, user, reason, outcome, show=show)


def leave_chat(
    state: State,
    user: User,
    reason: str,
    outcome: Outcome,
    *,
    drop: bool = False,
    show: bool = False,
    silent_ms: int = 0,
    moves: bool = False,
) -> None:
    """Take `user` out of the chat; with `show` they see their own QUIT. A reason too long for one line is left out
    rather than cut. `silent_ms`: see :class:`chatctl.chat.entries.proposals.Quit`; `moves`: see end_session."""
    position = replay_positions.note_left(state, outcome, user, user.rooms, silent_ms=silent_ms)
    message = Message("QUIT", (reason,), user.prefix)
    if len(message.line) > MAX_LINE_BYTES:
        reason = "Left"
        message = Message("QUIT", (reason,), user.prefix)
    for id in user.session_ids:
        short_visits.end_all(state, id, outcome)
    outcome.deliveries.extend(Unsubscribed(user.id, key) for key in user.rooms)
    if len(user.rooms) == 1 and not show:
        # It takes its place among what the room hears: where a thousand go at once, that is much less to do.
        (key,) = user.rooms
        outcome.deliveries.append(
            ToRoom(key, message, outcome.stamp(), departed_sessions=user.session_ids, entry=outcome.entry.seq)
        )
    else:
        if show:
            outcome.deliveries.append(ToUsers((user.id,), message, outcome.stamp()))
        if audience := tuple(state.peers(user)):
            outcome.deliveries.append(ToUsers(audience, message, outcome.stamp(), entry=outcome.entry.seq))
    for room in user.rooms.values():
        outcome.add_room_fact(room, "QUIT", user, reason)
    state.add_former_nick(user, outcome.entry.time)
    rooms = dict(user.rooms)
    members.forget(state, outcome, user.identity)
    state.remove_user(user)
    outcome.redo += (DepartureRedo(user, rooms, reason, position),)
    if not moves:
        outcome.deliveries.extend(SessionClosed(id, reason, drop) for id in user.session_ids)
    if not user.transient:
        outcome.deliveries.append(WentOffline(user.nick))
