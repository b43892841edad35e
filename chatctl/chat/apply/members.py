"""Members: accounts stay in the chat while their devices sleep.

An account has one user. Each login attaches a session to it, and its rooms are shown to that session. When the last
session ends, the user of a member stays, offline: with its rooms, standing and markers.

Invariants:

- [one-user] An account has at most one user, whatever nick its sessions ask for.
- [no-commit-to-detach] Going offline changes no record but the positions of :mod:`chatctl.chat.apply.replay_positions`.
  So a device that loses its connection while the disk is full loses nothing.
- [members-durable] Each change of a member's rooms or standing changes its records in the same entry
  (:mod:`chatctl.chat.model.members`).
- [late-presence] Others are told that a member went offline or came back after PRESENCE_MS, so that a device with a
  poor connection makes no noise. Queries are answered with the present state.
- [visits-apart] Transient sessions (:mod:`chatctl.chat.apply.short_visits`) make no member, and do not end an absence.
"""

from __future__ import annotations

from datetime import UTC, datetime

from chatctl.chat.apply import replay_positions
from chatctl.chat.apply.operators import unmake_operator
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.deliveries import InForms, ToUsers
from chatctl.chat.entries.outcome import Outcome
from chatctl.chat.model.accounts import Record, RecordKey, record_key
from chatctl.chat.model.ids import NO_SESSION, SessionId, UserId
from chatctl.chat.model.members import Member, Membership, membership_key
from chatctl.chat.model.modes import SERVER_OPERATOR
from chatctl.chat.model.policy import ALWAYS_ON, OPT_OUT
from chatctl.chat.model.replay_positions import PRIVATE, ReplayPositions
from chatctl.chat.model.room import Room
from chatctl.chat.model.state import State
from chatctl.chat.model.user import SERVICE_USER, User
from chatctl.chat.model.user_data import ACCOUNT
from chatctl.protocol import capabilities as caps
from chatctl.protocol.message import Message

MAX_SESSIONS = 10
"""Sessions that may be one user."""

_DAY_MS = 24 * 3600 * 1000

EXPLANATION = (
    "You stay in the chat while your devices are not connected: your rooms and messages wait for you. "
    "To leave with your last device instead, write SET ALWAYS-ON OFF to NickServ"
)
"""The notice to an account that becomes a member."""

PRESENCE_MS = 30_000
"""Delay before others are told of a changed presence, in ms."""


def is_member(state: State, user: User) -> bool:
    """Return whether `user` stays in the chat without sessions: by the setting, and by the choice of the account."""
    account = state.accounts.with_id(user.account_id) if user.account_id and not user.transient else None
    if account is None or state.rules.always_on not in ALWAYS_ON:
        return False
    return account.always_on if account.always_on is not None else state.rules.always_on == OPT_OUT


def is_present(state: State, user: User, but: SessionId = NO_SESSION) -> bool:
    """Return whether a device of `user` is connected, short visits and the session `but` aside."""
    return any(session != but and session not in state.short_visits for session in user.session_ids)


def note_member(state: State, outcome: Outcome, user: User) -> None:
    """Store that `user` is a member, with all rooms and standings; if it is not, remove its records."""
    if not user.account_id:
        return
    if not is_member(state, user):
        forget(state, outcome, user.identity)
        return
    _put(state, outcome, Member(user.identity, user.username, user.realname, user.host, outcome.entry.time))
    replay_positions.note_entered(state, outcome, user, (*user.rooms, PRIVATE))
    for room in user.rooms.values():
        note_room(state, outcome, user, room)
    for membership in state.accounts.memberships(user.identity):
        if membership.room not in user.rooms:
            _remove(state, outcome, record_key(membership))


def welcome_member(state: State, outcome: Outcome, user: User) -> None:
    """Store a user who has logged in as a member, if its account stays in the chat; explain that the first time."""
    is_new = state.accounts.get(("member", user.identity)) is None
    note_member(state, outcome, user)
    if is_new and is_member(state, user):
        notice = Message("NOTICE", (user.nick, EXPLANATION), SERVICE_USER.prefix)
        outcome.deliveries.append(ToUsers((user.id,), notice, outcome.untagged()))


def note_room(state: State, outcome: Outcome, user: User, room: Room) -> None:
    """Store the standing of a member in `room`, or remove the record if it is not in the room."""
    key = "membership", membership_key(user.identity, room.key)
    standing = room.members.get(user.id)
    if standing is not None and is_member(state, user):
        _put(state, outcome, Membership(key[1], room.name, room.created, standing))
    elif state.accounts.get(key) is not None:
        _remove(state, outcome, key)


def expiry_time(state: State) -> int | None:
    """Return when the member that is offline for longest has to leave (ms since 1970 UTC); 0 if there are too many."""
    if len(state.offline) > state.rules.max_members:
        return 0
    since = next(iter(state.offline.values()), None)
    return since + state.rules.always_on_days * _DAY_MS if since is not None else None


def expired(state: State, now: int) -> User | None:
    """Return a member that has to leave now."""
    due = expiry_time(state)
    return state.users[next(iter(state.offline))] if due is not None and due <= now else None


def forget(state: State, outcome: Outcome, identity: str) -> None:
    """Remove the records of a member that leaves the chat."""
    for key in state.accounts.member_keys(identity):
        _remove(state, outcome, key)


def restore(state: State) -> list[RecordKey]:
    """Add the stored members to the chat, offline, before anything is proposed.

    Returns:
        The records that were dropped, because the account is gone or does not stay in the chat any more.
    """
    dropped: list[RecordKey] = []
    for since, member in sorted(((_last_seen(state, each), each) for each in state.accounts.members()), key=_first):
        account = state.accounts.with_id(member.key.removeprefix(ACCOUNT))
        if account is not None:
            user = User(
                UserId(f"member {account.id} {state.last_time}"),
                NO_SESSION,
                account.name,
                member.username,
                member.realname,
                member.host,
                member.seen,
            )
            user.log_in(account)
            if account.operator:
                user.operator, user.modes = account.name, SERVER_OPERATOR
            user.away = offline_text(since)
            if is_member(state, user) and state.user_named(account.name) is None:
                state.add_offline_user(user, since)
                for membership in state.accounts.memberships(member.key):
                    room = state.rooms.get(membership.room) or Room(membership.name, membership.created)
                    state.put_back(user, room, membership.standing)
                continue
        dropped += state.accounts.member_keys(member.key)
        for key in state.accounts.member_keys(member.key):
            state.accounts.put(key, None)
    return dropped


def _last_seen(state: State, member: Member) -> int:
    """Return the time up to which a member is known to have been connected."""
    record = state.accounts.get(("visits", member.key))
    return max([member.seen, *record.left.values()]) if isinstance(record, ReplayPositions) else member.seen


def _first(pair: tuple[int, Member]) -> int:
    return pair[0]


def rename(state: State, old: str, room: Room) -> None:
    """Move the stored places of members in a room whose key was `old`."""
    for id, standing in room.members.items():
        identity = state.users[id].identity
        former = "membership", membership_key(identity, old)
        if state.accounts.get(former) is not None:
            moved = Membership(membership_key(identity, room.key), room.name, room.created, standing)
            state.accounts.put(former, None)
            state.accounts.put(record_key(moved), moved)
            state.forgotten += [former, record_key(moved)]


def update_presence(state: State, outcome: Outcome, user: User, *, was_present: bool, away: str = "") -> None:
    """Mark a member as offline or back after a session was attached or has ended. `away`: the away message of the
    session that was attached."""
    present = is_present(state, user)
    if present == was_present:
        return
    if not present:
        _end_oper(state, outcome, user)
    before, now = user.away, outcome.entry.time
    user.aways = None
    user.away = away if present else offline_text(now)
    pending = state.presence.pop(user.id, None)
    announced = pending[1] if pending is not None else before
    if announced != user.away:
        state.presence[user.id] = now + PRESENCE_MS, announced


def _end_oper(state: State, outcome: Outcome, user: User) -> None:
    """End what OPER gave: the next device has shown the account's password only."""
    account = state.accounts.with_id(user.account_id)
    if user.operator and not (account is not None and account.operator and user.operator == account.name):
        unmake_operator(state, user, outcome)


def announce(state: State, proposal: p.ExpireDeadlines, outcome: Outcome) -> None:
    """Tell others of the presence of members that changed PRESENCE_MS ago, and has not changed back."""
    while state.presence:
        id, (due, _) = next(iter(state.presence.items()))
        if due > outcome.entry.time:
            return
        del state.presence[id]
        user = state.users.get(id)
        if user is not None:
            show_away(state, user, outcome)


def show_away(state: State, user: User, outcome: Outcome) -> None:
    """Tell users who share a room with `user`, or monitor the name, of the away message (away-notify)."""
    state.presence.pop(user.id, None)
    message = Message("AWAY", (user.away,) if user.away else (), user.prefix)
    forms = (outcome.form(caps.AWAY_NOTIFY, message),)
    outcome.deliveries.append(InForms(forms, users=tuple(state.peers(user)), but=user.id, watched=user.nick))


def offline_text(time: int) -> str:
    """Return the away message of a member that went offline at `time` (ms since 1970 UTC)."""
    return f"Offline since {datetime.fromtimestamp(time // 1000, UTC):%Y-%m-%d %H:%M} UTC"


def _put(state: State, outcome: Outcome, record: Record) -> None:
    key = record_key(record)
    if state.accounts.get(key) != record:
        state.accounts.put(key, record)
        outcome.records += (key,)


def _remove(state: State, outcome: Outcome, key: RecordKey) -> None:
    state.accounts.put(key, None)
    outcome.records += (key,)
