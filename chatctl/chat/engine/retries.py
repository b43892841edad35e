"""Entries that cannot be refused and are not stored yet (durability.py, Retried)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from chatctl.chat.apply.redo import DepartureRedo
from chatctl.chat.entries.outcome import Outcome
from chatctl.chat.model.accounts import RecordKey
from chatctl.chat.model.ids import UserId
from chatctl.chat.model.state import State
from chatctl.chat.model.user import User


class Retries:
    """Outcomes with something to do again, in order."""

    def __init__(self) -> None:
        self._outcomes: deque[Outcome] = deque()
        self.facts = 0
        """Facts that were made again and are not submitted."""
        self.is_waiting = False
        """Whether anything was made again that is not submitted."""

    def add(self, outcome: Outcome) -> None:
        """Remember an outcome until it is stored."""
        self._outcomes.append(outcome)

    def drop(self, seq: int, *, all_stored: bool) -> None:
        """Drop stored entries: up to `seq`, or all. Those without facts depend on earlier entries only."""
        outcomes = self._outcomes
        while outcomes and (all_stored or outcomes[0].entry.seq <= seq):
            outcomes.popleft()

    def mark_submitted(self) -> None:
        """Note that everything that was made again is submitted."""
        self.facts, self.is_waiting = 0, False

    def take(self) -> list[Outcome]:
        """Return all, and forget them."""
        outcomes, self._outcomes = list(self._outcomes), deque()
        return outcomes


class Restarted:
    """Records that the restart of the server changed, until they are stored."""

    def __init__(self, keys: list[RecordKey]) -> None:
        self._keys = keys
        self._seq = 0

    def __bool__(self) -> bool:
        return bool(self._keys)

    def take_for(self, seq: int) -> list[RecordKey]:
        """Return those that are not submitted; they are stored with the entry `seq`."""
        if self._seq:
            return []
        self._seq = seq
        return self._keys

    def stored(self, seq: int) -> None:
        """Forget them if they are among the entries up to `seq`."""
        if self._keys and 0 < self._seq <= seq:
            self._keys = []

    def failed(self) -> None:
        """Mark the facts to be submitted again."""
        self._seq = 0


def departed(outcomes: list[Outcome]) -> dict[UserId, User]:
    """Return the users who left by these entries, by id."""
    redos = (redo for outcome in outcomes for redo in outcome.redo)
    return {redo.user.id: redo.user for redo in redos if isinstance(redo, DepartureRedo)}


def redone(outcomes: list[Outcome], state: State) -> Iterator[Outcome]:
    """Do each entry again, after a failed commit was undone, and yield its new outcome."""
    for old in outcomes:
        outcome = Outcome(old.entry, old.source, old.time)
        for redo in old.redo:
            redo.redo(state, outcome)
        outcome.collect(state)
        outcome.redo = tuple(dict.fromkeys((*old.redo, *outcome.redo)))
        yield outcome
