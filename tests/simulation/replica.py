"""Rooms and their members, computed from the committed facts by independent rules."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from chatctl.chat.entries.facts import Fact
from chatctl.protocol import names
from chatctl.protocol.message import nick_of

LOBBY = "#lobby"


@dataclass
class ReplicaRoom:
    """A room: the modes of its members by nick, and its settings."""

    members: dict[str, set[str]] = field(default_factory=dict)
    topic: str = ""
    flags: set[str] = field(default_factory=lambda: set("nt"))
    bans: set[str] = field(default_factory=set)
    keyword: str = ""
    limit: str = ""
    is_founded: bool = False

    @property
    def settings(self) -> tuple[object, ...]:
        """Everything but the members."""
        return self.topic, self.flags, self.bans, self.keyword, self.limit

    @property
    def is_plain(self) -> bool:
        """Whether the room is like a new one, so that it goes with its last member."""
        return self.settings == ReplicaRoom().settings and not self.is_founded


class Replica:
    """The rooms, replayed from facts."""

    def __init__(self) -> None:
        self.rooms = {LOBBY: ReplicaRoom(flags=set("n"))}

    def after(self, pending: Iterable[Fact]) -> Replica:
        """Return the replica with `pending` facts replayed too."""
        replica = copy.deepcopy(self)
        for fact in pending:
            replica.replay(fact)
        return replica

    def restart(self, stored: Mapping[str, Mapping[str, set[str]]]) -> None:
        """End all sessions, as a crash does. Nothing is stored of that. `stored`: the members that stay, by room."""
        for name, room in list(self.rooms.items()):
            room.members = {nick: set(modes) for nick, modes in stored.get(name, {}).items()}
            self._drop_if_plain(name)

    def replay(self, fact: Fact) -> None:
        """Change the rooms as one fact says."""
        handler = getattr(self, f"_{fact.kind.lower()}", None)
        if handler is not None and fact.place.startswith("#"):
            handler(fact, nick_of(fact.source))

    def _join(self, fact: Fact, nick: str) -> None:
        is_new = fact.place not in self.rooms
        room = self.rooms.setdefault(fact.place, ReplicaRoom())
        if is_new:
            room.is_founded = bool(fact.account)
        is_first = not room.members and fact.place != LOBBY
        room.members[nick] = set("o" if is_first else "")

    def _part(self, fact: Fact, nick: str) -> None:
        del self.rooms[fact.place].members[nick]
        self._drop_if_plain(fact.place)

    _quit = _part

    def _kick(self, fact: Fact, nick: str) -> None:
        self._part(fact, fact.text.split(" ")[0])

    def _nick(self, fact: Fact, nick: str) -> None:
        members = self.rooms[fact.place].members
        members[fact.text] = members.pop(nick)

    def _topic(self, fact: Fact, nick: str) -> None:
        self.rooms[fact.place].topic = fact.text

    def _rename(self, fact: Fact, nick: str) -> None:
        new = names.room_fold(fact.text.split(" ")[1])
        room = self.rooms.pop(fact.place)
        if "," not in new:  # else it was closed, and its history is put away under a name that no room can have
            self.rooms[new] = room

    def _mode(self, fact: Fact, nick: str) -> None:
        room = self.rooms[fact.place]
        letters, *parameters = fact.text.split(" ")
        values = iter(parameters)
        is_added = True
        for letter in letters:
            if letter in "+-":
                is_added = letter == "+"
            elif letter in "ov":
                change_set(room.members[next(values)], letter, is_added=is_added)
            elif letter == "b":
                change_set(room.bans, next(values), is_added=is_added)
            elif letter == "k":
                value = next(values)
                room.keyword = value if is_added else ""
            elif letter == "l":
                room.limit = next(values) if is_added else ""
            else:
                change_set(room.flags, letter, is_added=is_added)

    def _drop_if_plain(self, place: str) -> None:
        room = self.rooms[place]
        if not room.members and room.is_plain and place != LOBBY:
            del self.rooms[place]


def change_set(values: set[str], value: str, *, is_added: bool) -> None:
    """Add a value, or remove it."""
    if is_added:
        values.add(value)
    else:
        values.discard(value)
