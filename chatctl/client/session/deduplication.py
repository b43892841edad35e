"""Which messages were told before, by their id, or on servers without ids by time, sender and text.

Invariants:

[id-scope] An id is one message only within its conversation: a server may use it again in another.
[count]    Without ids, equal messages are counted. One stream (the live lines of a connection, a page of history) never
           repeats a message, so its n-th copy is new only if fewer than n were told before.
[seconds]  A time without a fraction may be one that the server cut to the second, so it equals any time in that second.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chatctl.protocol.message import Message

MAX_SEEN = 10_000

_SECOND = len("2026-11-22T10:00:00")

Key = tuple[str, str, str, str, str]


@dataclass(slots=True, eq=False)
class SeenMessages:
    """How often each message came in one stream [count], by time and by second."""

    exact: dict[Key, int] = field(default_factory=dict)
    by_second: dict[Key, int] = field(default_factory=dict)


class Duplicates:
    """Detects repeated messages; one object for all connections. Bounded: `prune` forgets the oldest."""

    def __init__(self) -> None:
        self._ids: dict[tuple[str, str], None] = {}
        self._told = SeenMessages()
        self._told_whole: dict[Key, int] = {}
        """Of those told, by second: the ones whose time had no fraction [seconds]."""

    def refold(self, renewed: Callable[[str], str]) -> None:
        """Bring all conversations under a new rule for spellings."""
        self._ids = {(renewed(conversation), id): None for conversation, id in self._ids}
        self._told_whole = _renewed(self._told_whole, renewed)
        self._told = SeenMessages(_renewed(self._told.exact, renewed), _renewed(self._told.by_second, renewed))

    def is_new(self, conversation: str, sender: str, message: Message, stream: SeenMessages, *, prune: bool) -> bool:
        """Return whether `message` was not told before; from now on it was."""
        id, time = message.tags.get("msgid", ""), message.tags.get("time", "")
        is_repeated = bool(time) and self._is_repeated(conversation, sender, message, time, stream, prune=prune)
        if not id:
            return not is_repeated
        if (conversation, id) in self._ids:
            return False
        self._ids[conversation, id] = None
        if prune:
            _prune(self._ids)
        return True

    def _is_repeated(
        self, conversation: str, sender: str, message: Message, time: str, stream: SeenMessages, *, prune: bool
    ) -> bool:
        key = (conversation, message.command, sender, message.params[1], time)
        second = (*key[:4], time[:_SECOND])
        is_whole = not time[_SECOND:].strip(".0Z")
        copies = _count(stream.exact, key)
        copies_by_second = _count(stream.by_second, second)
        told = self._told
        if is_whole:
            known = copies_by_second <= told.by_second.get(second, 0)
        else:
            known = copies <= told.exact.get(key, 0) or copies_by_second <= self._told_whole.get(second, 0)
        told.exact[key] = max(copies, told.exact.get(key, 0))
        if not known:
            _count(told.by_second, second)
            if is_whole:
                _count(self._told_whole, second)
        if prune:
            for counts in (stream.exact, stream.by_second, told.exact, told.by_second, self._told_whole):
                _prune(counts)
        return known


def _count(counts: dict[Key, int], key: Key) -> int:
    counts[key] = counts.get(key, 0) + 1
    return counts[key]


def _prune(seen: dict[Any, Any]) -> None:
    while len(seen) > MAX_SEEN:
        del seen[next(iter(seen))]


def _renewed(counts: dict[Key, int], renewed: Callable[[str], str]) -> dict[Key, int]:
    return {(renewed(key[0]), *key[1:]): count for key, count in counts.items()}
