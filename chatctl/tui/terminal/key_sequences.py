"""Alt and a key: makes the sequences of terminals known to Textual.

Invariants:

- [alt-is-escape] ESC and a character is Alt and that key (xterm's metaSendsEscape, the default of all), as soon as the
  character arrives. Textual waits a tenth of a second for more, and takes it as part of the sequence; and it reads ESC
  and a digit as what Option types on a Mac (``™`` for 2), so that Alt-2 would type instead of switching.
- [not-prefixes] Characters that begin longer sequences (``[``, ``O``, ``P``, ``]`` and others) are excluded: they are
  not small letters.
- [keep-known] Sequences with another meaning in Textual (ESC and b: one word to the left) keep it.
"""

from __future__ import annotations

import contextlib
import string
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class _Key:
    """A key in Textual's naming."""

    value: str


def learn() -> None:
    """Register the sequences with Textual. Idempotent."""
    from textual import _ansi_sequences

    known: dict[str, Any] = getattr(_ansi_sequences, "ANSI_SEQUENCES_KEYS", {})
    for character in string.ascii_lowercase + string.digits:
        if not isinstance(known.get(f"\x1b{character}"), tuple):
            known[f"\x1b{character}"] = (_Key(f"alt+{character}"),)
    known["\x1b\r"] = (_Key("alt+enter"),)


@contextlib.contextmanager
def drawing_on_terminal() -> Iterator[None]:
    """Make Textual draw on stdout if stderr is not a terminal: Textual always takes the original stderr."""
    original = sys.__stderr__
    if (original is None or not original.isatty()) and sys.__stdout__ is not None and sys.__stdout__.isatty():
        sys.__stderr__ = sys.__stdout__  # type: ignore[misc]
    try:
        yield
    finally:
        sys.__stderr__ = original  # type: ignore[misc]
