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
    """Gives proposals their place. It may answer at once or later, but in one order, the same for every node."""

    def attach(self, ordered: Callable[[Sequence[Entry]], None]) -> None:
        """Say where entries go. They arrive on the thread that owns the chat state."""

    def propose(self, proposal: Proposal) -> None:
        """Ask for a place."""


class JournalListener(Protocol):
    """Receives the outcome of commits, on the thread that owns the chat state."""

    def durable(self, seq: int) -> None:
        """Everything up to `seq` is durable."""

    def failed(self, first: int, last: int, reason: str) -> None:
        """The facts of the entries `first` to `last` are not kept, and will not be."""

    def fatal(self, reason: str) -> None:
        """Stop the server without answering, because the outcome of a commit is unknown."""


class Journal(Protocol):
    """Keeps facts, in order, and answers questions about them."""

    def attach(self, listener: JournalListener) -> None:
        """Say who hears what became of facts."""

    def start(self, call_soon: Callable[[Callable[[], None]], None]) -> None:
        """Begin. `call_soon` runs a function on the thread that owns the chat state."""

    def append(
        self,
        facts: Sequence[AnyFact],
        rooms: Sequence[RoomRecord] = (),
        gone: Sequence[str] = (),
        records: Changes = NONE,
    ) -> None:
        """Keep the facts of a tick, the settings that `rooms` have now, that the rooms `gone` are no more, and
        `records`: all of it or nothing. The listener hears of it, at once or later."""

    def ask(self, query: AnyQuery, done: Callable[[HistoryPage], None]) -> None:
        """Answer `query`; `done` is called on the thread that owns the chat state, at once or later."""

    def last_seq(self) -> int:
        """Return the highest seq ever used; 0 if there is none."""

    def last_time(self) -> int:
        """Return the latest time of a fact in ms since 1970 UTC; 0 if there is none."""

    def rooms(self) -> Sequence[RoomRecord]:
        """The rooms kept, as they are before the start."""

    def records(self) -> Sequence[Record]:
        """The accounts and invitations kept, as they are before the start."""

    def stop(self, timeout: float) -> bool:
        """Store what was appended and end within `timeout` seconds; return whether that was done. Idempotent."""

    def status(self) -> dict[str, object]:
        """How it is doing, for operators."""


class WorkerPort(Protocol):
    """Does slow sums beside the chat."""

    def start(self, call_soon: Callable[[Callable[[], None]], None]) -> None:
        """Begin. `call_soon` runs a function on the thread that owns the chat state."""

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
        """Something to look at."""

    def error(self, event: str, **fields: object) -> None:
        """Something is broken."""
