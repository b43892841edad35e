"""Answers history queries on any connection.

Invariants (chat/entries/queries.py has those of the queries):

- [time-is-gap] A message id names a row. A time names the gap before the first row that is not older; times never
  decrease along the ids, so it is found by bisection, without an index.
- [exclusive] ``after`` and ``before`` are exclusive: facts of that very millisecond are outside of both. ``around``
  begins with the first fact that is not older; ``limit // 2`` come from before it, and a shortage on one side is not
  made up.
- [whole-times] Whether a page would end between two facts of one time is seen in one fact more than requested; usually
  that is its whole cost.
- [released-only] A message id beyond `upto` is unknown, as all facts there are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from chatctl.chat.entries.facts import Fact
from chatctl.chat.entries.queries import (
    MAX_SAME_TIME_FACTS,
    MESSAGES,
    AnyQuery,
    HistoryPage,
    HistoryQuery,
    Mark,
    SearchQuery,
    TargetsQuery,
)
from chatctl.journal.index import place_index, search
from chatctl.journal.store import rows, schema

_OLDER = "coalesce((SELECT time FROM facts WHERE id >= low + (high - low) / 2 ORDER BY id LIMIT 1) < :time, 0)"
_FIND_TIME = f"""
WITH RECURSIVE halved (low, high) AS (
    SELECT (SELECT min(id) FROM facts), (SELECT max(id) + 1 FROM facts)
    UNION ALL
    SELECT iif({_OLDER}, low + (high - low) / 2 + 1, low), iif({_OLDER}, high, low + (high - low) / 2)
    FROM halved WHERE low < high
)
SELECT low FROM halved WHERE low >= high
"""
"""Both halves ask the same question twice: SQLite lets a recursive table stand in no subquery."""

_FIND_MESSAGE = """
SELECT max(id) FROM (
    SELECT f.id FROM facts AS f CROSS JOIN heads AS h ON h.id = f.head
        WHERE f.id = :id AND f.origin IS NULL AND h.boot = :boot
    UNION ALL
    SELECT id FROM facts WHERE origin = :origin
)
"""

_TARGETS = f"""
WITH wanted (lane) AS (
    SELECT id * 2 FROM places WHERE name IN (SELECT value FROM json_each(:rooms))
    UNION
    SELECT place * 2 FROM pairs WHERE identity = :identity
)
SELECT f.* FROM ({place_index.LATEST}) CROSS JOIN facts AS f ON f.id = latest
WHERE f.time > :after AND f.time < :before ORDER BY f.id {{}} LIMIT :limit
"""


def read(connection: sqlite3.Connection, query: AnyQuery, expired: Callable[[], bool] | None = None) -> HistoryPage:
    """Answer a query. sqlite3.Error where that cannot be done; TimeoutError once `expired` says that it took too long.

    `expired` is asked between statements; for a long one there is the connection's progress handler.
    """
    if isinstance(query, HistoryQuery):
        return _page(connection, query)
    if isinstance(query, TargetsQuery):
        return _targets(connection, query)
    with schema.snapshot(connection):
        return _search(connection, query, expired)


def find_time(connection: sqlite3.Connection, time: int) -> int:
    """Return the first id whose fact is not older than `time` (ms) ([time-is-gap])."""
    found = connection.execute(_FIND_TIME, {"time": time}).fetchone()
    return 0 if found is None or found[0] is None else int(found[0])


def find_message(connection: sqlite3.Connection, message_id: str) -> int | None:
    """Return the row of a message id."""
    boot, id = rows.row_of_message_id(message_id)
    found = connection.execute(_FIND_MESSAGE, {"id": id, "boot": boot, "origin": message_id}).fetchone()[0]
    return None if found is None else int(found)


class _Unknown(Exception):  # noqa: N818  # a message id that is not stored
    pass


def _row(connection: sqlite3.Connection, query: HistoryQuery, mark: Mark, *, past: bool) -> int:
    """Return the row that a mark means: with a time, the first that is not older, or (`past`) the first that is
    newer."""
    if not mark.message_id:
        return find_time(connection, mark.time + 1 if past else mark.time)
    id = find_message(connection, mark.message_id)
    if id is None and query.nearest:
        id = _free_row(connection, mark.message_id)
    if id is None or id >= rows.beyond(query.upto):
        raise _Unknown(mark.message_id)
    return id + 1 if past else id


def _free_row(connection: sqlite3.Connection, message_id: str) -> int | None:
    """Return the row that a message id names, if it is a valid one and nothing else is stored there."""
    _, id = rows.row_of_message_id(message_id)
    taken = connection.execute("SELECT 1 FROM facts WHERE id = ?", (id,)).fetchone()
    return id if id >= 0 and taken is None else None


def _page(connection: sqlite3.Connection, query: HistoryQuery) -> HistoryPage:
    beyond = rows.beyond(query.upto)
    try:
        if query.around is not None:
            middle = _row(connection, query, query.around, past=False)
            half = max(0, query.limit) // 2
            found = _facts(connection, query, None, min(middle, beyond), half, newest=True)
            found += _facts(connection, query, middle, beyond, query.limit - half, newest=False)
        else:
            low = None if query.after is None else _row(connection, query, query.after, past=True)
            high = beyond if query.before is None else _row(connection, query, query.before, past=False)
            found = _facts(connection, query, low, min(high, beyond), query.limit, newest=query.newest)
    except _Unknown as unknown:
        return HistoryPage(unknown=str(unknown))
    return HistoryPage(found)


def _facts(
    connection: sqlite3.Connection, query: HistoryQuery, low: int | None, high: int, limit: int, *, newest: bool
) -> list[Fact]:
    """Return the newest or oldest `limit` facts of a place from `low` on and before `high`, in order, and those of the
    same time ([whole-times])."""
    if limit <= 0:
        return []
    if not query.whole:
        return [fact for _, fact in _read(connection, query, low, high, limit, newest=newest)]
    found = _read(connection, query, low, high, limit + 1, newest=newest)
    if len(found) > limit:
        _, beyond = found.pop(0 if newest else -1)
        id, last = found[0 if newest else -1]
        if beyond.time == last.time and newest:
            first = find_time(connection, last.time)
            first = first if low is None else max(first, low)
            found = _read(connection, query, first, id, MAX_SAME_TIME_FACTS, newest=True) + found
        elif beyond.time == last.time:
            end = min(find_time(connection, last.time + 1), high)
            found += _read(connection, query, id + 1, end, MAX_SAME_TIME_FACTS, newest=False)
    return [fact for _, fact in found]


def _read(
    connection: sqlite3.Connection, query: HistoryQuery, low: int | None, high: int, limit: int, *, newest: bool
) -> list[tuple[int, Fact]]:
    """Return the newest or oldest `limit` facts of the query, with their rows, in order."""
    kinds = set(query.kinds)
    messages = set(MESSAGES)
    values = {"place": query.place, "low": low, "high": high, "limit": limit, "kinds": rows.to_json(query.kinds)}
    asked = [lane for lane, wanted in enumerate((kinds & messages, kinds - messages)) if wanted or not kinds]
    found: list[tuple[int, Fact]] = []
    for lane in asked:
        some = bool(kinds) and not (lane == 0 and kinds >= messages)
        chosen = place_index.chosen(above=low is not None, newest=newest, some=some)
        text = connection.execute(rows.wide(chosen), values | {"lane": lane}).fetchone()[0]
        found += rows.decode(text)
    if len(asked) > 1:
        found.sort(key=lambda pair: pair[0])
    return found[-limit:] if newest else found[:limit]


def _targets(connection: sqlite3.Connection, query: TargetsQuery) -> HistoryPage:
    if query.limit <= 0:
        return HistoryPage()
    values = {
        "rooms": rows.to_json(query.rooms),
        "identity": query.identity,
        "after": query.after,
        "before": query.before,
        "limit": query.limit,
        "beyond": rows.beyond(query.upto),
    }
    text = connection.execute(rows.wide(_TARGETS.format("DESC" if query.newest else "")), values).fetchone()[0]
    return HistoryPage(targets=[(fact.place, fact) for _, fact in rows.decode(text)])


def _search(connection: sqlite3.Connection, query: SearchQuery, expired: Callable[[], bool] | None) -> HistoryPage:
    low = find_time(connection, query.after + 1) if query.after else None
    high = find_time(connection, query.before) if query.before else rows.LAST_ID
    return HistoryPage(search.find(connection, query, low, min(high, rows.beyond(query.upto)), expired))
