"""Summary of joins and parts in one line."""

from __future__ import annotations

from typing import Literal

Move = Literal["joined", "left"]

MAX_NAMES = 3
"""Names in one summary; the others are counted."""


def fold_words(moves: list[tuple[str, Move, str]]) -> str:
    """Return the summary of joins and parts, such as ``alice, bob and 3 others joined · carol left (tea)``.

    Each user is named once, also one that joined and left again. The reason is shown if only one user left.
    """
    first: dict[str, Move] = {}
    last: dict[str, tuple[Move, str]] = {}
    for name, how, reason in moves:
        first.setdefault(name, how)
        last[name] = (how, reason)
    joined = [name for name in first if first[name] == "joined" and last[name][0] == "joined"]
    left = [name for name in first if first[name] == "left" and last[name][0] == "left"]
    visited = [name for name in first if first[name] == "joined" and last[name][0] == "left"]
    back = [name for name in first if first[name] == "left" and last[name][0] == "joined"]
    parts = [
        f"{_names(names)} {verb}"
        for names, verb in (
            (joined, "joined"),
            (visited, "joined and left"),
            (back, "left and rejoined"),
            (left, "left"),
        )
        if names
    ]
    gone = left + visited
    if len(gone) == 1 and last[gone[0]][1]:
        parts[-1] += f" ({last[gone[0]][1]})"
    return " · ".join(parts)


def _names(names: list[str]) -> str:
    if len(names) == 1:
        return names[0]
    if len(names) <= MAX_NAMES:
        return f"{', '.join(names[:-1])} and {names[-1]}"
    others = len(names) - MAX_NAMES + 1
    return f"{', '.join(names[: MAX_NAMES - 1])} and {others} others"
