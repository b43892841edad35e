"""What takes a worker: slow sums that the thread with the chat state must not do.

A task is plain data, and so is what comes back; nothing here depends on the state, and nothing of it is in the order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chatctl.protocol import scram


@dataclass(frozen=True, slots=True)
class Check:
    """Whether `password` is the one that `verifier` (as text) was made of. What comes back is a bool."""

    password: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Make:
    """A verifier for `password`. What comes back is its text."""

    password: str = field(repr=False)
    iterations: int


@dataclass(frozen=True, slots=True)
class Reread:
    """The settings, read again; as a task it is empty. `changes` are fields of `Rules` that
    take effect at once, `report` sentences on what was done and what must wait, `file` the name of what was read."""

    changes: Mapping[str, Any] = field(default_factory=dict, repr=False)
    report: tuple[str, ...] = ()
    file: str = ""


Task = Check | Make | Reread
Done = bool | str | Reread | None
"""What comes back of a task; None where it was not done, because there was too much to do."""


def perform(task: Check | Make, chance: Callable[[int], bytes]) -> bool | str:
    """Do it. `chance` gives that many random bytes."""
    if isinstance(task, Check):
        return scram.matches(task.password, scram.parse(task.verifier))
    return str(scram.make(task.password, chance(scram.SALT_BYTES), task.iterations))
