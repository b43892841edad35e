"""The state of the chat, users and rooms: built from entries, and from nothing else.

The same entries give the same state on any machine. It has the users of all machines, and does not know which of them
this one serves. The methods keep the indexes consistent; :mod:`chatctl.chat.apply` decides what may happen.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator

from chatctl.chat.model.accounts import Account, Accounts, RecordKey, record_key
from chatctl.chat.model.ids import NO_USER, SessionId, UserId
from chatctl.chat.model.modes import OPERATOR
from chatctl.chat.model.policy import LOBBY, Rules
from chatctl.chat.model.records import RoomRecord
from chatctl.chat.model.replay_positions import GuestPositions
from chatctl.chat.model.room import LOBBY_MODES, Room
from chatctl.chat.model.short_visits import ShortVisits
from chatctl.chat.model.user import MAX_FORMER_NICKS, SERVICE_USER, FormerNick, User
from chatctl.chat.model.user_data import Metadata, outlives_session
from chatctl.protocol import names

MAX_EMPTY_ROOMS = 1000
"""Empty rooms with settings and without an owner. Past that the one empty for longest is dropped, open ones last."""

MAX_FOUNDED_ROOMS = 100
"""Rooms that an account may own. Further rooms have no owner."""


class State:
    """All users and rooms, and the indexes to find them by name."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.accounts = Accounts()
        self.forgotten: list[RecordKey] = []
        """Records that were removed or renamed with a room; the commit gate empties it."""
        self.departed: dict[UserId, User] = {}  # departed by entries that are not stored; used while those are undone
        self.stale_prefixes: dict[UserId, str] = {}
        """Prefixes that rooms know users by who took another name that is not undone; used while entries are undone."""
        self.dropped_rooms: list[Room] = []
        """Rooms with settings that were dropped; the commit gate empties it."""
        self._empty: dict[str, None] = {}
        self.users: dict[UserId, User] = {}
        self.rooms: dict[str, Room] = {}
        self.by_session: dict[SessionId, User] = {}
        """The users of all registered sessions."""
        self.short_visits = ShortVisits()
        self.console_users = 0
        """The number of users on the control socket, who do not count for `listener_limit`."""
        self.offline: dict[UserId, int] = {}
        """Users without a session ([members-durable] in members.py), who do not count either, and since when they are
        offline (ms since 1970 UTC), in that order."""
        self.presence: dict[UserId, tuple[int, str]] = {}
        """Users whose presence changed without an announcement so far: when it is due (ms since 1970 UTC), and the away
        message that others know. In the order of the times."""
        self.peak_users = 0
        self.with_mode: Counter[str] = Counter()
        """The number of users with each user mode, kept up to date because every registration reports it, as does
        `occupied`."""
        self.occupied = 0
        """The number of rooms with members."""
        self.all_probed_at = 0
        """When all users were last probed (ms since 1970 UTC)."""
        self.last_time = 0
        """The time of the latest fact, ms since 1970 UTC."""
        self.guest_positions = GuestPositions()
        self.former_nicks: deque[FormerNick] = deque(maxlen=MAX_FORMER_NICKS)
        self.held_names: dict[str, tuple[UserId, int]] = {}
        """Names that a user gave up by an entry that is not stored yet: the user's id, and the entry's seq. If the
        commit fails the user has the name again."""
        self._by_name: dict[str, User] = {}
        self._by_account: dict[str, User] = {}
        self._by_skeleton: dict[str, list[User]] = {}
        lobby = Room(LOBBY, rules.created)
        lobby.modes = LOBBY_MODES
        self.rooms[lobby.key] = lobby

    def user_named(self, nick: str) -> User | None:
        """Return the user who has this name, in any spelling that counts as the same."""
        return self._by_name.get(names.fold(nick))

    def user_or_service(self, nick: str) -> User | None:
        """Return the user of this name, or NickServ as a user that is in no room and has no session."""
        key = names.fold(nick)
        return SERVICE_USER if key == SERVICE_USER.key else self._by_name.get(key)

    @property
    def registered(self) -> int:
        """Count the registered sessions."""
        return len(self.by_session)

    @property
    def places_taken(self) -> int:
        """How many users count for `listener_limit`."""
        return len(self.users) - self.console_users - len(self.offline)

    def user_of(self, session: SessionId) -> User | None:
        """Return the user of a session; None if it is not registered, or has ended."""
        return self.by_session.get(session)

    def user_of_account(self, account_id: str) -> User | None:
        """Return the user of an account, online or offline."""
        user = self._by_account.get(account_id) if account_id else None
        return user if user is not None and user.account_id == account_id and user.id in self.users else None

    def log_in(self, user: User, account: Account | None) -> None:
        """Set the account of `user`, or none."""
        user.log_in(account)
        self.index_account(user)

    def index_account(self, user: User) -> None:
        """Make `user` the one of its account, if it has one."""
        if user.account_id:
            self._by_account[user.account_id] = user

    def attach(self, user: User, session: SessionId, tokens: str, away: str) -> None:
        """Add a session to `user`; `away` is the away message that it gave while it registered."""
        if user.offline:
            user.session = session
            del self.offline[user.id]
            self.with_mode.update(user.modes)
        else:
            user.add_away(session, away)
        if user.sessions is None:
            user.sessions = {user.session: user.secret + user.instance}
        user.sessions[session] = tokens
        self.by_session[session] = user
        self.peak_users = max(self.peak_users, self.places_taken)

    def detach(self, user: User, session: SessionId, now: int) -> bool:
        """Remove a session from `user`, who is offline without one; return whether the away message changed by that."""
        if user.sessions is None:
            user.sessions = {user.session: ""}
        del user.sessions[session]
        del self.by_session[session]
        self._end_short_visits(session)
        if not user.sessions:
            self._count_as_offline(user, now)
            return False
        return user.drop_away(session)

    def room_named(self, name: str) -> Room | None:
        """Return the room of this name."""
        return self.rooms.get(names.room_fold(name))

    def known_room(self, name: str, user_id: UserId) -> Room | None:
        """Return the room of this name, if there is one that the user may know of."""
        room = self.room_named(name)
        return room if room is not None and room.known_to(user_id) else None

    def lookalike(self, nick: str, but: UserId = NO_USER) -> User | None:
        """Return a user other than `but` whose name could be taken for `nick` (but is not the same name)."""
        for user in self._by_skeleton.get(names.skeleton(nick), ()):
            if user.id != but and names.too_alike(user.nick, nick):
                return user
        return None

    def members_of(self, room: Room) -> Iterator[tuple[User, int]]:
        """Return the members and their standing, in the order of joining."""
        users = self.users
        return ((users[id], standing) for id, standing in room.members.items())

    def peers(self, user: User) -> dict[UserId, None]:
        """Return the ids of the users who share a room with `user`, each once, in a fixed order."""
        ids: dict[UserId, None] = {}
        for room in user.rooms.values():
            ids.update(dict.fromkeys(room.members))
        ids.pop(user.id, None)
        return ids

    def add_user(self, user: User) -> None:
        """Add a user, who has one session."""
        self.users[user.id] = user
        self.by_session[user.session] = user
        self._index(user)
        self.console_users += user.console
        self.peak_users = max(self.peak_users, self.places_taken)

    def _count_as_offline(self, user: User, now: int) -> None:
        self.offline[user.id] = now
        self.with_mode.subtract(user.modes)
        self.console_users -= user.console
        user.console = False

    def add_offline_user(self, user: User, since: int) -> None:
        """Add the user of a stored member, who has no session."""
        user.sessions = {}
        self.users[user.id] = user
        self._by_account[user.account_id] = user
        self._index(user)
        self.offline[user.id] = since

    def rename(self, user: User, nick: str) -> None:
        """Give `user` another name."""
        self._unindex(user)
        user.named(nick)
        self._index(user)
        self.changed(user)

    def change_modes(self, user: User, modes: str) -> None:
        """Give `user` other user modes."""
        if not user.offline:
            self.with_mode.subtract(user.modes)
            self.with_mode.update(modes)
        user.modes = modes

    def changed(self, user: User) -> None:
        """Invalidate what rooms cached about the user's masks."""
        for room in user.rooms.values():
            if room.lists is not None:
                room.lists.forget(user.id)

    def add_former_nick(self, user: User, now: int) -> None:
        """Remember the present nick of `user`, who gives it up, for WHOWAS."""
        self.former_nicks.append(FormerNick(user.key, user.nick, user.username, user.host, user.realname, now))

    def remove_user(self, user: User) -> None:
        """Remove `user` from the chat and from every room."""
        for room in list(user.rooms.values()):
            self.leave(user, room)
        self.change_modes(user, "")
        self._unindex(user)
        del self.users[user.id]
        self.presence.pop(user.id, None)
        self.offline.pop(user.id, None)
        self.console_users -= user.console
        for session in user.session_ids:
            del self.by_session[session]
            self._end_short_visits(session)
        if not outlives_session(user.identity):
            for mark in self.accounts.marks.of(user.identity):
                self.accounts.put(record_key(mark), None)
            self._forget(user.identity, kept=False)

    def enter(self, user: User, name: str, now: int) -> Room:
        """Add `user` to the room `name`, which is created if it does not exist.

        The first member of a room becomes its operator, except in the lobby, and in rooms with an owner: then the owner
        does. If the user who creates a room is logged in, the account becomes its founder.
        """
        room = self.room_named(name)
        if room is None or (room.short_visits and not room.members and not room.has_settings and room.name != LOBBY):
            room = room or Room(name, now)
            founder = user.account_id
            if founder and sum(each.founder == founder for each in self.rooms.values()) < MAX_FOUNDED_ROOMS:
                room.founder = founder
            self.rooms[room.key] = room
        self._empty.pop(room.key, None)
        self.occupied += not room.members
        first = not room.members and room.name != LOBBY and not room.founder
        room.members[user.id] = OPERATOR if first or room.founded_by(user) else 0
        user.rooms[room.key] = room
        room.add_insider(user)
        if user.invited is not None:
            user.invited.pop(room.key, None)
        return room

    def visit(self, session: SessionId, user: User, name: str, now: int, *, hears: bool) -> Room:
        """Begin a short visit to the room `name`. If it is created for that, who joins it first is as in a new room."""
        room = self.room_named(name) or Room(name, now)
        self.rooms[room.key] = room
        self._empty.pop(room.key, None)
        return self.short_visits.begin(session, user.id, room, hears=hears)

    def end_visit(self, session: SessionId, room: Room) -> None:
        """End a short visit. An empty room is dropped as after a PART."""
        self.short_visits.end(session, room)
        self.drop_if_unused(room)

    def _end_short_visits(self, session: SessionId) -> None:
        for room in list(self.short_visits.of(session).values()):
            self.end_visit(session, room)
        self.short_visits.forget(session)

    def rename_room(self, room: Room, name: str) -> None:
        """Give `room` another name, which no other room has."""
        old = room.key
        del self.rooms[old]
        room.name, room.key = name, names.room_fold(name)
        if old in self._empty:
            del self._empty[old]
            self._empty[room.key] = None
        said = self.accounts.metadata_of(f"room {old}")
        if said and room.key != old:
            self._forget(f"room {old}", kept=True)
            moved = Metadata(f"room {room.key}", said)
            self.accounts.put(record_key(moved), moved)
            self.forgotten.append(record_key(moved))
        self.rooms[room.key] = room
        for id in room.members:
            user = self.users[id]
            user.rooms = {each.key: each for each in user.rooms.values()}
        self.short_visits.renamed(room)
        for user in self.users.values():
            if user.invited is not None and old in user.invited:
                user.invited[room.key] = user.invited.pop(old)

    def leave(self, user: User, room: Room) -> None:
        """Remove `user` from `room`. An empty room is dropped, except the lobby and rooms with settings."""
        del room.members[user.id]
        self.occupied -= not room.members
        del user.rooms[room.key]
        if room.lists is not None:
            room.lists.forget(user.id)
        self.drop_if_unused(room)

    def is_left_later(self, room: Room) -> bool:
        """Return whether a departure from `room` is still to be done again, so that it must not be dropped yet."""
        return any(room.key == left.key for user in self.departed.values() for left in user.rooms.values())

    def put_back(self, user: User, room: Room, standing: int) -> Room:
        """Put `user` into `room` with a former standing, after a failed commit or a restart."""
        created = self.rooms.get(room.key)
        if created is not None and created is not room:
            # The user had joined again since, which was undone: the room created by that is empty.
            room.short_visits = created.short_visits
        self.rooms[room.key] = room
        self._empty.pop(room.key, None)
        self.occupied += not room.members
        room.members[user.id] = standing
        user.rooms[room.key] = room
        return room

    def record(self, key: str) -> RoomRecord | None:
        """Return the settings of a room to store; None if it has none."""
        room = self.rooms.get(key)
        if room is None or not room.has_settings:
            return None
        return room.to_record()

    def restore(self, record: RoomRecord) -> None:
        """Restore a room from its stored settings."""
        room = self.rooms.get(record.key)
        if room is None:
            room = self.rooms[record.key] = Room(record.name, record.created)
        room.load_record(record)
        for id in room.members:
            room.add_insider(self.users[id])
        if not room.members and not room.short_visits and not room.founder and room.name != LOBBY:
            self._empty.setdefault(room.key)

    def restore_or_reset(self, key: str, record: RoomRecord | None) -> None:
        """Restore the stored settings of a room (None: those of a new one), because later ones could not be stored."""
        room = self.rooms.get(key)
        if record is not None:
            self.restore(record)
        elif room is not None:
            room.reset_settings()
            self.drop_if_unused(room)

    def drop_if_unused(self, room: Room) -> None:
        """Drop an empty room without settings, or one that no user could join any more.

        Empty rooms with settings and without an owner are limited in number, since every user can make them.
        """
        if room.members or room.short_visits or room.name == LOBBY:
            return
        if not room.has_settings:
            self._drop(room.key)
        elif room.locked or room.shut:
            self.dropped_rooms.append(room)
            self._drop(room.key)
        elif not room.founder:
            self._empty[room.key] = None
            while len(self._empty) > MAX_EMPTY_ROOMS:
                key = next((key for key in self._empty if self.rooms[key].open), next(iter(self._empty)))
                self.dropped_rooms.append(self.rooms[key])
                self._drop(key)

    def _drop(self, key: str) -> None:
        self._empty.pop(key, None)
        del self.rooms[key]
        self._forget(f"room {key}", kept=True)

    def _forget(self, owner: str, *, kept: bool) -> None:
        key = record_key(Metadata(owner))
        if self.accounts.get(key) is not None:
            self.accounts.put(key, None)
            if kept:
                self.forgotten.append(key)

    def _index(self, user: User) -> None:
        self._by_name[user.key] = user
        self._by_skeleton.setdefault(names.skeleton(user.nick), []).append(user)

    def _unindex(self, user: User) -> None:
        del self._by_name[user.key]
        skeleton = names.skeleton(user.nick)
        alike = self._by_skeleton[skeleton]
        alike.remove(user)
        if not alike:
            del self._by_skeleton[skeleton]
