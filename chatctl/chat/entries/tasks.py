"""Tasks for workers: slow computations that the thread with the chat state must not do.

A task is plain data, and so is its result; neither depends on the state, and neither is ordered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chatctl.protocol import scram


@dataclass(frozen=True, slots=True)
class CheckPassword:
    """A check of `password` against `verifier` (as text). The result is a bool."""

    password: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class MakeVerifier:
    """The creation of a verifier for `password`. The result is its text."""

    password: str = field(repr=False)
    iterations: int


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """The settings, read again; as a task it is empty. `changes` are fields of `Rules` that take effect at once,
    `report` sentences on what was done and what needs a restart, `file` the name of the file."""

    changes: Mapping[str, Any] = field(default_factory=dict, repr=False)
    report: tuple[str, ...] = ()
    file: str = ""


Task = CheckPassword | MakeVerifier | ReadSettings
Done = bool | str | ReadSettings | None
"""The result of a task; None if it was not done because too many waited."""


def perform(task: CheckPassword | MakeVerifier, chance: Callable[[int], bytes]) -> bool | str:
    """Perform a task. `chance` returns that many random bytes."""
    if isinstance(task, CheckPassword):
        return scram.matches(task.password, scram.parse(task.verifier))
    return str(scram.make(task.password, chance(scram.SALT_BYTES), task.iterations))
