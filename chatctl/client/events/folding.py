"""Summary of joins and parts in one line."""

from __future__ import annotations

from typing import Literal

Came = Literal["came", "left"]

MAX_NAMES = 3
"""Names that a fold tells; the rest is a number."""


def fold_words(moves: list[tuple[str, Came, str]]) -> str:
    """``alice, bob and 3 others came · carol left (tea)``: who came and left, each person once.

    Somebody who came and left again is told as that; a reason is told where one person alone left.
    """
    first: dict[str, Came] = {}
    last: dict[str, tuple[Came, str]] = {}
    for name, how, reason in moves:
        first.setdefault(name, how)
        last[name] = (how, reason)
    came = [name for name in first if first[name] == "came" and last[name][0] == "came"]
    left = [name for name in first if first[name] == "left" and last[name][0] == "left"]
    visited = [name for name in first if first[name] == "came" and last[name][0] == "left"]
    back = [name for name in first if first[name] == "left" and last[name][0] == "came"]
    parts = [
        f"{_names(names)} {verb}"
        for names, verb in ((came, "came"), (visited, "came and left"), (back, "left and came back"), (left, "left"))
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
