"""Reads all facts of a journal, or of one place, in order."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Iterator

from chatctl.chat.entries.facts import Fact
from chatctl.journal.index import place_index
from chatctl.journal.index.history_reader import find_time
from chatctl.journal.store import rows

READ_FACTS = 1000
_ALL = "SELECT * FROM facts WHERE id >= :low AND id < :high ORDER BY id LIMIT :limit"


def facts(
    connection: sqlite3.Connection, *, place: str = "", after: int = 0, before: int = 0, upto: int | None = None
) -> Iterator[Fact]:
    """Yield all facts, or those of one place, in order; `after` and `before` are times (ms, exclusive; 0: no limit).

    They are read in parts, each in a snapshot of its own, so that the writer is never blocked.
    """
    low = find_time(connection, after + 1) if after else -rows.LAST_ID
    high = find_time(connection, before) if before else rows.LAST_ID
    if upto is not None:
        high = min(high, rows.beyond(upto))
    if not place:
        streams = [_stream(connection, _ALL, {}, low, high)]
    else:
        chosen = place_index.chosen(above=True, newest=False, some=False)
        streams = [_stream(connection, chosen, {"place": place, "lane": lane}, low, high) for lane in (0, 1)]
    for _, fact in heapq.merge(*streams, key=lambda pair: pair[0]):
        yield fact


def _stream(
    connection: sqlite3.Connection, chosen: str, where: dict[str, object], low: int, high: int
) -> Iterator[tuple[int, Fact]]:
    while True:
        values = where | {"low": low, "high": high, "limit": READ_FACTS}
        text = connection.execute(rows.wide(chosen), values).fetchone()[0]
        read = rows.decode(text)
        yield from read
        if len(read) < READ_FACTS:
            return
        low = read[-1][0] + 1
