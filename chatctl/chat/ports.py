"""What the rules need from outside, as small protocols: wiring joins them to what really does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from chatctl.chat.facts import Fact
from chatctl.chat.proposals import Entry, Proposal


class Order(Protocol):
    """Gives proposals their place. It may answer at once or later, but in one order, the same for every node."""

    def attach(self, ordered: Callable[[Sequence[Entry]], None]) -> None:
        """Say where entries go. They arrive on the thread that owns the chat state."""

    def propose(self, proposal: Proposal) -> None:
        """Ask for a place."""


class Journal(Protocol):
    """Keeps facts. What was appended becomes durable in order."""

    def attach(self, durable: Callable[[int], None]) -> None:
        """Say who hears that everything up to a seq is durable. Called on the thread that owns the chat state."""

    def append(self, facts: Sequence[Fact]) -> None:
        """Keep the facts of a tick; `durable` is called with the last one's seq, at once or later."""

    def last_seq(self) -> int:
        """The highest seq ever kept; 0 where there is none."""


class Log(Protocol):
    """Structured logs: an event's name and its fields. Never holds up the caller."""

    def debug(self, event: str, **fields: object) -> None:
        """For somebody who looks for a fault."""

    def info(self, event: str, **fields: object) -> None:
        """What an operator wants to read."""

    def warning(self, event: str, **fields: object) -> None:
        """Something to look at."""

    def error(self, event: str, **fields: object) -> None:
        """Something is broken."""
