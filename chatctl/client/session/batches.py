"""Batches: lines that belong together (ircv3.net/specs/extensions/batch, draft/multiline, draft/chathistory).

Invariants:

- [collected] The lines of a history or search batch are collected until it ends, and become one :class:`HistoryBatch`.
- [multiline] The lines of a draft/multiline batch become one message with line feeds (none before a line tagged
  draft/multiline-concat). Its tags are those of the opening BATCH. Inside history it is one message of that batch.
- [transparent] The lines of any other batch are handled one by one, as they arrive.
- [bounded] Unfinished batches are limited in number and length.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from chatctl.protocol.message import Message

HISTORY = "chathistory"
TARGETS = "draft/chathistory-targets"
SEARCH = "soju.im/search"
MULTILINE = "draft/multiline"
CONCAT = "draft/multiline-concat"

_KEPT = frozenset({HISTORY, TARGETS, SEARCH, MULTILINE})
_MAX_BATCHES = 100
_MAX_LINES = 20_000
_MAX_CHARACTERS = 1_000_000


class CollectedLine:
    """A line that belongs to a batch which has not ended."""


KEPT: Final = CollectedLine()


@dataclass(slots=True, eq=False)
class HistoryBatch:
    """An open batch; `opening` is the BATCH line, `inside` the enclosing batch ([multiline])."""

    type: str
    target: str
    opening: Message
    inside: HistoryBatch | None = None
    messages: list[Message] = field(default_factory=list)

    def add(self, message: Message) -> None:
        """Add a line, up to the bound."""
        if len(self.messages) < _MAX_LINES:
            self.messages.append(message)


class Batches:
    """The open batches, by reference."""

    def __init__(self) -> None:
        self._open: dict[str, HistoryBatch] = {}

    def clear(self) -> None:
        """Drop incomplete batches, after a connection loss."""
        self._open.clear()

    def take(self, message: Message) -> Message | HistoryBatch | CollectedLine:
        """Return the result of `message`: itself, a complete message or batch, or KEPT while that is incomplete."""
        if message.command == "BATCH":
            return self._border(message)
        if self._open:
            batch = self._open.get(message.tags.get("batch", ""))
            if batch is not None:
                batch.add(message)
                return KEPT
        return message

    def _border(self, message: Message) -> Message | HistoryBatch | CollectedLine:
        reference, kind = message.param(0), message.param(1)
        if reference[:1] == "+":
            outer = self._open.get(message.tags.get("batch", ""))
            if len(self._open) < _MAX_BATCHES:
                if kind in _KEPT:
                    self._open[reference[1:]] = HistoryBatch(kind, message.param(2), message, outer)
                elif outer is not None:  # its lines belong to the outer one
                    self._open[reference[1:]] = outer
            return KEPT
        batch = self._open.pop(reference[1:], None)
        if batch is None or batch in self._open.values():
            return KEPT
        if batch.type != MULTILINE:
            return batch
        whole = joined(batch)
        if whole is None:
            return KEPT
        if batch.inside is not None:
            batch.inside.add(whole)
            return KEPT
        return whole


def joined(batch: HistoryBatch) -> Message | None:
    """Return a multiline batch as one message ([multiline]); None if it is empty."""
    parts: list[str] = []
    size = 0
    for line in batch.messages:
        if len(line.params) < 2 or size > _MAX_CHARACTERS:
            continue
        if parts and CONCAT not in line.tags:
            parts.append("\n")
        parts.append(line.params[1])
        size += len(line.params[1]) + 1
    if not parts:
        return None
    first = batch.messages[0]
    tags = {key: value for key, value in batch.opening.tags.items() if key != "batch"}
    source = batch.opening.source or first.source
    target = batch.target or first.param(0)
    return Message(first.command, (target, "".join(parts)), source, {**_kept_tags(first), **tags})


def _kept_tags(first: Message) -> dict[str, str]:
    """Return the tags that a server put on the first line instead of on the batch."""
    return {key: value for key, value in first.tags.items() if key not in ("batch", CONCAT)}
