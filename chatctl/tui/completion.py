"""What Tab makes of the word before the cursor: commands, rooms, names.

The rules of this file:

1. A ``/`` at the beginning of a line begins a command, ``#`` a room, anything else a name; case does not matter.
2. Who spoke last comes first.
3. A name at the beginning of a line gets ``: `` behind it, anything else a space.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chatctl.client import slash


@dataclass(frozen=True, slots=True)
class Completion:
    """Where the word begins, and what it may become, the likeliest first."""

    start: int
    words: tuple[str, ...]


def complete(before: str, rooms: Iterable[str], names: Iterable[str]) -> Completion:
    """`before`: the line up to the cursor. `names`: rule 2's order is the caller's."""
    start = before.rfind(" ") + 1
    word = before[start:].lower()
    if start == 0 and word[:1] == "/" and word[:2] != "//":
        found = [f"/{row.name} " for row in slash.SLASHES if row.name.startswith(word[1:])]
        found += [f"/{name} " for name, row in slash.BY_NAME.items() if name != row.name and name.startswith(word[1:])]
        return Completion(start, tuple(found))
    if word[:1] == "#":
        return Completion(start, tuple(f"{room} " for room in rooms if room.lower().startswith(word)))
    if not word:
        return Completion(start, ())
    at, bare = ("@", word[1:]) if word[0] == "@" else ("", word)
    after = ": " if start == 0 and not at else " "
    return Completion(start, tuple(f"{at}{name}{after}" for name in names if name.lower().startswith(bare)))
