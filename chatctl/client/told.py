"""What was told of each room and person: from where to ask for more, and what is new (rules: :mod:`.catchup`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chatctl.client.questions import REFERENCE, STEP, Place, Question, shifted
from chatctl.protocol.message import Message

if TYPE_CHECKING:
    from chatctl.client.state import State

MOST_SEEN = 10_000
_MOST_PEOPLE = 1000


class Told:
    """One for all connections. `rooms`: those we are in, or were when the connection broke."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.rooms: dict[str, Place] = {}
        self._people: dict[str, Place] = {}
        self._seen: dict[str, None] = {}

    def refold(self, renewed: Callable[[str], str]) -> None:
        """Bring all names under a new rule for spellings."""
        self.rooms = {renewed(key): place for key, place in self.rooms.items()}
        self._people = {renewed(key): place for key, place in self._people.items()}

    def mark(self, place: Place, *, by_time: bool = False) -> str:
        """What to ask from; empty where nothing is known."""
        if place.id and not by_time and "msgid" in self._state.isupport.references:
            return f"msgid={place.id}"
        return shifted(place.time, STEP)

    def place(self, question: Question) -> Place:
        """What a question is about."""
        if question.private:
            return self.person(question.key)
        return self.rooms.setdefault(question.key, Place())

    def place_of(self, message: Message, own: bool) -> Place:
        """Where a message belongs to."""
        state, target = self._state, message.params[0]
        if not state.isupport.is_room(target):
            return self.person(state.fold(target if own else message.nick))
        key = state.fold(state.isupport.plain(target))
        # What is said into a room that we are not in leaves no trace here.
        return self.rooms.get(key) or (self.rooms.setdefault(key, Place()) if key in state.rooms else Place())

    def person(self, key: str) -> Place:
        """Somebody we talk with alone, by folded name."""
        place = self._people.pop(key, None) or Place()
        self._people[key] = place  # the latest at the end
        if len(self._people) > _MOST_PEOPLE:
            del self._people[next(iter(self._people))]
        return place

    def is_new(self, place: Place, message: Message, *, asking: bool) -> bool:
        """Whether `message` is new; from now on it is not. `asking`: a question is out."""
        id, time = message.tags.get("msgid", ""), message.tags.get("time", "")
        if id and id in self._seen:
            return False
        if id:
            self._seen[id] = None
            # Not while a page and what is held back may hold the same message.
            if len(self._seen) > MOST_SEEN and not asking:
                for _ in range(len(self._seen) - MOST_SEEN):
                    del self._seen[next(iter(self._seen))]
        if REFERENCE not in message.tags and "batch" not in message.tags:  # a page moves its mark itself
            place.id, place.time = id or place.id, time or place.time
        return True
