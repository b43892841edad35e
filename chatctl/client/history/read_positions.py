"""The last message shown of each room and user: where the next request begins, and what is new (see `backfill`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chatctl.client.session.deduplication import Duplicates, SeenMessages
from chatctl.client.session.query_types import REFERENCE, STEP, HistoryQuestion, PlaceHistory, shifted
from chatctl.protocol.message import Message

if TYPE_CHECKING:
    from chatctl.client.session.engine_port import EnginePort

_MAX_USERS = 1000
_SECOND = len("2026-11-22T10:00:00")


class ReadPositions:
    """The read positions; one object for all connections. `rooms`: the joined ones, also after a lost connection."""

    def __init__(self, state: EnginePort) -> None:
        self._state = state
        self.rooms: dict[str, PlaceHistory] = {}
        self._people: dict[str, PlaceHistory] = {}
        self._duplicates = Duplicates()

    def refold(self, renewed: Callable[[str], str]) -> None:
        """Bring all names under a new rule for spellings."""
        self.rooms = {renewed(key): place for key, place in self.rooms.items()}
        self._people = {renewed(key): place for key, place in self._people.items()}
        self._duplicates.refold(renewed)

    def mark(self, place: PlaceHistory, *, by_time: bool = False, after: str = "") -> str:
        """Return what to ask from; empty if nothing is known.

        A time is cut to the second, as the server may do with those it keeps, unless that is not later than `after`.
        """
        if place.id and not by_time and "msgid" in self._state.isupport.references:
            return f"msgid={place.id}"
        whole = shifted(f"{place.time[:_SECOND]}Z", STEP)
        return whole if whole > after else shifted(place.time, STEP)

    def place(self, question: HistoryQuestion) -> PlaceHistory:
        """Return the subject of a request."""
        if question.private:
            return self.person(question.key)
        return self.rooms.setdefault(question.key, PlaceHistory())

    def place_of(self, message: Message, own: bool) -> PlaceHistory:
        """Return the place of a message."""
        state, target = self._state, message.params[0]
        if not state.isupport.is_room(target):
            return self.person(state.fold(target if own else message.nick))
        key = state.fold(state.isupport.plain(target))
        # Messages into a room that the client is not in leave no trace here.
        return self.rooms.get(key) or (
            self.rooms.setdefault(key, PlaceHistory()) if key in state.rooms else PlaceHistory()
        )

    def person(self, key: str) -> PlaceHistory:
        """Return the place of a private conversation, by folded name."""
        place = self._people.pop(key, None) or PlaceHistory()
        self._people[key] = place  # the latest at the end
        if len(self._people) > _MAX_USERS:
            del self._people[next(iter(self._people))]
        return place

    def is_new(self, place: PlaceHistory, message: Message, own: bool, stream: SeenMessages, *, asking: bool) -> bool:
        """Return whether `message`, of `stream`, is new; from now on it is not. `asking`: a question is out."""
        state, target = self._state, message.params[0]
        if state.isupport.is_room(target):
            conversation = state.fold(state.isupport.plain(target))
        else:
            conversation = state.fold(target if own else message.nick)
        # Do not prune while a page and the held messages may have the same message.
        sender = state.fold(message.nick)
        if not self._duplicates.is_new(conversation, sender, message, stream, prune=not asking):
            return False
        if REFERENCE not in message.tags and "batch" not in message.tags:  # a page moves its mark itself
            place.id, place.time = message.tags.get("msgid") or place.id, message.tags.get("time") or place.time
        return True
