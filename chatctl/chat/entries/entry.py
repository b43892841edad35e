"""Entries: proposals with a place in the one order (:mod:`chatctl.chat.entries.order`)."""

from __future__ import annotations

import msgspec

from chatctl.chat.entries.durability import Proposal


class Entry(msgspec.Struct):
    """A proposal with its place: `seq` counts up from 1 and never repeats, `time` is ms since 1970 UTC and never goes
    back, `boot` names the start of the server that gave it (part of message ids)."""

    seq: int
    time: int
    boot: str
    proposal: Proposal

    def message_id(self, part: int = 0) -> str:
        """Return the id of the entry's `part`-th message."""
        return message_id_of(self.boot, self.seq, part)


def message_id_of(boot: str, seq: int, part: int) -> str:
    """Return the id of the `part`-th message of an entry: unique over all starts of the server."""
    return f"{boot}-{seq}.{part}" if part else f"{boot}-{seq}"
