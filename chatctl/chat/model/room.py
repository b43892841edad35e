"""A room: the part of the state that entries change, and what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from chatctl.chat.model.mask_lists import ListEntry, Lists, MaskedUser
from chatctl.chat.model.modes import CLOSED, NEW_ROOM
from chatctl.chat.model.policy import LOBBY
from chatctl.chat.model.records import RoomRecord
from chatctl.chat.model.user_data import outlives_session
from chatctl.protocol import names

if TYPE_CHECKING:
    from chatctl.chat.model.ids import SessionId, UserId

MAX_INSIDERS = 500
"""Members remembered by a room with +i, who may return. Past that the first one needs an invitation again."""

LOBBY_MODES = frozenset("n")
"""The lobby has no operators, so it must need none: everyone may set its topic."""


class ShortVisit(NamedTuple):
    """A session on a short visit to a room: the id of its user, and whether it is sent the room's messages."""

    user: UserId
    hears: bool


class RoomUser(MaskedUser, Protocol):
    """The attributes of a user that a room looks at."""

    account_id: str

    @property
    def identity(self) -> str:
        """The key of the user's stored data."""


class Room:
    """A room.

    Attributes:
        members: User ids, with their standing (bits of :mod:`chatctl.chat.model.modes`).
        modes: Its flags.
        keyword: Its key (+k).
        limit: The maximum of members (+l); 0: none.
        lists: Bans and exceptions; None if it has none.
        founder: The id of the owning account, or ``""``.
        insiders: Identities that may return to a room with +i without an invitation: members, and those who neither
            left it themselves nor were removed.
        short_visits: Sessions that may speak and read here without being members; None without any.
    """

    __slots__ = (
        "created",
        "founder",
        "insiders",
        "key",
        "keyword",
        "limit",
        "lists",
        "members",
        "modes",
        "name",
        "renamed_at",
        "short_visits",
        "topic",
        "topic_by",
        "topic_time",
    )

    def __init__(self, name: str, created: int) -> None:
        self.name = name
        self.key = names.room_fold(name)
        self.created = created
        self.renamed_at = 0
        self.members: dict[UserId, int] = {}
        self.short_visits: dict[SessionId, ShortVisit] | None = None
        self.modes: frozenset[str] = NEW_ROOM
        self.keyword = ""
        self.limit = 0
        self.founder = ""
        self.insiders: dict[str, None] | None = None
        self.lists: Lists | None = None
        self.topic = ""
        self.topic_by = ""
        self.topic_time = 0

    @property
    def has_settings(self) -> bool:
        """Return whether the settings differ from those of a new room."""
        new = LOBBY_MODES if self.name == LOBBY else NEW_ROOM
        return bool(self.topic or self.modes != new or self.keyword or self.limit or self.lists or self.founder)

    @property
    def open(self) -> bool:
        """Return whether the room's modes let every user join."""
        return not self.keyword and self.modes.isdisjoint(CLOSED)

    @property
    def locked(self) -> bool:
        """Return whether an empty room could not be joined by any user."""
        lists = self.lists
        return "i" in self.modes and not (self.founder or self.insiders or (lists is not None and lists.entries["I"]))

    @property
    def shut(self) -> bool:
        """Return whether a key, or a ban of all users, closes a room that no account owns.

        Otherwise a guest could take a name for good: set a key, leave, and the room could never be joined or opened
        again.
        """
        lists = self.lists
        banned = lists is not None and lists.bans_all()
        return not self.founder and (bool(self.keyword) or banned)

    def to_record(self) -> RoomRecord:
        """Return the settings as they are stored."""
        lists = self.lists.entries if self.lists is not None else {}
        return RoomRecord(
            self.key,
            self.name,
            self.created,
            "".join(sorted(self.modes)),
            self.topic,
            self.topic_by,
            self.topic_time,
            {
                letter: [(entry.mask, entry.by, entry.time) for entry in held.values()]
                for letter, held in lists.items()
                if held
            },
            self.keyword,
            self.limit,
            self.founder,
            list(self.insiders or ()),
        )

    def load_record(self, record: RoomRecord) -> None:
        """Replace the settings by stored ones."""
        self.created = record.created
        self.modes = frozenset(record.modes)
        self.topic, self.topic_by, self.topic_time = record.topic, record.topic_by, record.topic_time
        self.keyword, self.limit, self.founder = record.keyword, record.limit, record.founder
        self.insiders = dict.fromkeys(record.insiders) or None
        self.lists = Lists() if record.lists else None
        for letter, held in record.lists.items():
            for mask, by, time in held:
                assert self.lists is not None
                self.lists.add(letter, ListEntry(mask, by, time))

    def reset_settings(self) -> None:
        """Replace the settings by those of a new room."""
        self.modes = LOBBY_MODES if self.name == LOBBY else NEW_ROOM
        self.topic = self.topic_by = self.keyword = self.founder = ""
        self.topic_time = self.limit = 0
        self.lists = self.insiders = None

    def add_insider(self, user: RoomUser) -> bool:
        """Add the member `user` to the insiders of a room with +i; return whether that is a change."""
        if "i" not in self.modes or not outlives_session(user.identity):
            return False
        if self.insiders is None:
            self.insiders = {}
        if user.identity in self.insiders:
            return False
        self.insiders[user.identity] = None
        if len(self.insiders) > MAX_INSIDERS:
            del self.insiders[next(iter(self.insiders))]
        return True

    def remove_insiders(self, *identities: str) -> bool:
        """Remove identities from the insiders; return whether there was one of them."""
        inside = [identity for identity in identities if self.insiders is not None and identity in self.insiders]
        for identity in inside:
            assert self.insiders is not None
            del self.insiders[identity]
        return bool(inside)

    @property
    def secret(self) -> bool:
        """Whether the room is hidden from users outside (+s)."""
        return "s" in self.modes

    def known_to(self, user_id: UserId) -> bool:
        """Return whether a user may learn that the room is there: a secret one is known only to those it admits."""
        return not self.secret or self.admits(user_id)

    def admits(self, user_id: UserId) -> bool:
        """Return whether a user is a member, or here on a short visit."""
        visits = self.short_visits
        return user_id in self.members or (visits is not None and any(each.user == user_id for each in visits.values()))

    def heard_by(self, session: SessionId) -> bool:
        """Return whether a session on a short visit is sent the messages of this room."""
        visit = self.short_visits.get(session) if self.short_visits is not None else None
        return visit is not None and visit.hears

    def mode_words(self, *, inside: bool) -> list[str]:
        """Return the modes as 324 shows them: ``["+klnt", "key", "10"]``. The key is for members only."""
        words = [f"+{''.join(sorted((*self.modes, *('k' * bool(self.keyword)), *('l' * bool(self.limit)))))}"]
        if self.keyword:
            words.append(self.keyword if inside else "*")
        if self.limit:
            words.append(str(self.limit))
        return words

    def founded_by(self, user: RoomUser) -> bool:
        """Return whether the room belongs to the account that `user` is logged in to."""
        return bool(self.founder) and self.founder == user.account_id

    def shows_metadata_to(self, user: RoomUser) -> bool:
        """Return whether `user` may read the room's metadata: members, and if the room is open, all but the banned."""
        return user.id in self.members or (self.open and not (self.lists is not None and self.lists.bans(user)))
