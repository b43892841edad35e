"""Ports: the protocols through which the rules use the outside world. `wiring` connects them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from chatctl.chat.entries.facts import AnyFact
from chatctl.chat.entries.proposals import Entry, Proposal
from chatctl.chat.entries.queries import AnyQuery, HistoryPage
from chatctl.chat.entries.tasks import Done, Task
from chatctl.chat.model.accounts import NONE, Changes, Record
from chatctl.chat.model.records import RoomRecord


class Order(Protocol):
    """Puts proposals in order. It may answer at once or later, but in one order, the same for every node."""

    def attach(self, ordered: Callable[[Sequence[Entry]], None]) -> None:
        """Set the receiver of the entries. They arrive on the thread that owns the chat state."""

    def propose(self, proposal: Proposal) -> None:
        """Ask for a place in the order."""


class JournalListener(Protocol):
    """Receives the outcome of commits, on the thread that owns the chat state."""

    def durable(self, seq: int) -> None:
        """Note that everything up to `seq` is durable."""

    def failed(self, first: int, last: int, reason: str) -> None:
        """Note that the facts of the entries `first` to `last` are not stored, and will not be."""

    def fatal(self, reason: str) -> None:
        """Stop the server without answering, because the outcome of a commit is unknown."""


class Journal(Protocol):
    """Stores facts, in order, and answers queries about them."""

    def attach(self, listener: JournalListener) -> None:
        """Set the receiver of the outcomes of commits."""

    def start(self, call_soon: Callable[[Callable[[], None]], None]) -> None:
        """Start. `call_soon` runs a function on the thread that owns the chat state."""

    def append(
        self,
        facts: Sequence[AnyFact],
        rooms: Sequence[RoomRecord] = (),
        gone: Sequence[str] = (),
        records: Changes = NONE,
    ) -> None:
        """Store the facts of a tick, the settings of `rooms`, the removal of `gone`, and `records` in one commit.

        The listener is given the outcome, at once or later.
        """

    def ask(self, query: AnyQuery, done: Callable[[HistoryPage], None]) -> None:
        """Answer `query`; `done` is called on the thread that owns the chat state, at once or later."""

    def last_seq(self) -> int:
        """Return the highest seq ever used, or 0."""

    def last_time(self) -> int:
        """Return the latest time of a fact in ms since 1970 UTC, or 0."""

    def rooms(self) -> Sequence[RoomRecord]:
        """Return the stored settings of rooms. Called before the start."""

    def records(self) -> Sequence[Record]:
        """Return the stored records (accounts, invitations, bans). Called before the start."""

    def stop(self, timeout: float) -> bool:
        """Store what was appended and end within `timeout` seconds; return whether that was done. Idempotent."""

    def status(self) -> dict[str, object]:
        """Return figures for operators."""


class WorkerPort(Protocol):
    """Runs slow computations on other threads."""

    def start(self, call_soon: Callable[[Callable[[], None]], None]) -> None:
        """Start. `call_soon` runs a function on the thread that owns the chat state."""

    def ask(self, who: str, task: Task, done: Callable[[Done], None]) -> None:
        """Run `task`; `done` is called on the thread that owns the chat state, at once or later. `who` (an address) is
        for fairness: addresses with many tasks take turns with those that have few."""

    def stop(self, timeout: float) -> None:
        """Drop waiting tasks and end within `timeout` seconds."""


class LogPort(Protocol):
    """Structured logs: an event's name and its fields. Never holds up the caller."""

    def debug(self, event: str, **fields: object) -> None:
        """Log an event for debugging."""

    def info(self, event: str, **fields: object) -> None:
        """Log an event for the operator."""

    def warning(self, event: str, **fields: object) -> None:
        """Log an event that an operator should look at."""

    def error(self, event: str, **fields: object) -> None:
        """Log a failure."""
