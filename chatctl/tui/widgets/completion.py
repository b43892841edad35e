"""Tab completion of the word before the cursor: commands, rooms, names.

Invariants:

- [kinds] A ``/`` at the beginning of a line begins a command, ``#`` a room, anything else a name. Names are compared as
  the server does (CASEMAPPING).
- [recent-first] Recent senders come first.
- [suffix] A name at the beginning of a line is followed by ``: ``, anything else by a space.
- [brackets] Brackets and quotes before a word are not part of it, unless a name begins with them; and a name that
  begins with brackets (``[away]bob``) is also found by the part after them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from chatctl.client.slash import table

_OPENING = "([{<\"'`“„«‹「『（【《"
_ROOM_SIGNS = "#&+!"
_LEAD = re.compile(r"^(?:\[[^\]]*\]|\{[^}]*\}|[^\w])+(?=\w)")
"""Characters before the name proper: ``[away]``, brackets, signs."""


@dataclass(frozen=True, slots=True)
class Completion:
    """Candidates for a word and its start; the most likely one is first."""

    start: int
    words: tuple[str, ...]


def complete(
    before: str, rooms: Iterable[str], names: Iterable[str], fold: Callable[[str], str] = str.lower
) -> Completion:
    """Complete the word at the end of `before`, the line up to the cursor.

    `names` are in the caller's order ([recent-first]). `fold` makes two spellings of one name equal.
    """
    start = before.rfind(" ") + 1
    word = before[start:]
    if start == 0 and word[:1] == "/" and word[:2] != "//":
        return Completion(start, _commands(word[1:].lower()))
    known_rooms, known_names = list(rooms), list(names)
    bare = word.lstrip(_OPENING)
    for lead in range(len(word) - len(bare) + 1):
        found = _words(word[lead:], known_rooms, known_names, fold, is_first=start + lead == 0)
        if found:
            return Completion(start + lead, found)
    return Completion(start, ())


def _commands(beginning: str) -> tuple[str, ...]:
    found = [f"/{row.name} " for row in table.SLASHES if row.name.startswith(beginning)]
    found += [f"/{name} " for name, row in table.BY_NAME.items() if name != row.name and name.startswith(beginning)]
    return tuple(found)


def _words(
    word: str, rooms: list[str], names: list[str], fold: Callable[[str], str], *, is_first: bool
) -> tuple[str, ...]:
    """Return the rooms or names that complete a word."""
    if not word:
        return ()
    if word[0] in _ROOM_SIGNS:
        wanted = fold(word)
        return tuple(f"{room} " for room in rooms if fold(room).startswith(wanted))
    at, bare = ("@", word[1:]) if word[0] == "@" else ("", word)
    after = ": " if is_first and not at else " "
    wanted = fold(bare)
    plain = [name for name in names if fold(name).startswith(wanted)]
    if bare:
        plain += [name for name in names if name not in plain and fold(_LEAD.sub("", name)).startswith(wanted)]
    return tuple(f"{at}{name}{after}" for name in plain)
