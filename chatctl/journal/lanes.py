"""Which facts are of which place: an index that is kept behind the facts, in slices, by the journal's thread.

The rules of this file:

1. ``lanes`` has a row for each fact up to the **mark**, and no other. What is beyond the mark (about SLICE facts at the
   most, 40 ns each) readers look through one by one.
2. An index that is written with the facts costs a page for each place that a batch speaks of, and the more history the
   more pages: with a thousand rooms it was three quarters of all that a message cost. A slice is sorted by place first,
   so that a page is written once for all that goes there.
3. Whoever changes facts before the mark changes the index in the same transaction: :func:`add`, :func:`drop`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

from chatctl.journal.rows import to_json
from chatctl.journal.schema import transaction

if TYPE_CHECKING:
    from chatctl.journal.store import SqliteStore

SLICE = 16_384
"""Facts in one slice: 8 to 15 ms, of which the interpreter's lock is held for none."""
MARK = "(SELECT value FROM marks WHERE name = 'lanes')"
"""In a statement: the last id that is in the index."""

_LANE = "(SELECT id FROM places WHERE name = :place) * 2 + :lane"


def mark(connection: sqlite3.Connection) -> int:
    """The last id that is in the index."""
    return int(connection.execute(f"SELECT {MARK}").fetchone()[0])


def behind(connection: sqlite3.Connection, most: int) -> int:
    """How many facts the index does not know yet; counts to `most`."""
    beyond = f"SELECT 1 FROM facts WHERE id > {MARK} LIMIT ?"
    return int(connection.execute(f"SELECT count(*) FROM ({beyond})", (most,)).fetchone()[0])


def follow(store: SqliteStore, most: int | None = None) -> int:
    """Index the next facts, SLICE if `most` does not say how many; returns how many those were."""
    connection = store.connection
    count, last = connection.execute(
        f"SELECT count(*), max(id) FROM (SELECT id FROM facts WHERE id > {MARK} ORDER BY id LIMIT ?)", (most or SLICE,)
    ).fetchone()
    if not count:
        return 0
    with transaction(connection):
        connection.execute(
            f"INSERT INTO lanes SELECT lane, id FROM facts WHERE id > {MARK} AND id <= ? ORDER BY lane, id", (last,)
        )
        connection.execute("UPDATE marks SET value = ? WHERE name = 'lanes'", (last,))
    store.wal_frames += 8 + count // 64
    return int(count)


def add(connection: sqlite3.Connection, added: Sequence[tuple[int, int]]) -> None:
    """Rows (lane, id) of facts that came to stand before the mark; those beyond it are left out."""
    connection.execute(
        "INSERT INTO lanes SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)"
        f" WHERE json_extract(value, '$[1]') <= {MARK} ORDER BY 1, 2",
        (to_json(added),),
    )


def drop(connection: sqlite3.Connection, first: int, last: int) -> None:
    """Forget the facts from id `first` to `last`, while they are still there as they were."""
    connection.execute(
        "DELETE FROM lanes WHERE (lane, id) IN (SELECT lane, id FROM facts WHERE id BETWEEN ? AND ?)", (first, last)
    )


def chosen(*, above: bool, newest: bool, some: bool) -> str:
    """The statement for rows of ``facts`` in lane :lane (0 or 1) of :place, before :high, the newest or oldest :limit;
    `above`: from :low on; `some`: of :kinds. Each of the eight is prepared once a connection."""
    low = " AND {0}.id >= :low" if above else ""
    heads = " CROSS JOIN heads AS k ON k.id = c.head" if some else ""
    kinds = " AND k.kind IN (SELECT value FROM json_each(:kinds))" if some else ""
    order = "DESC" if newest else "ASC"
    return f"""
        SELECT * FROM (
            SELECT c.* FROM facts AS c{heads}
            WHERE c.id > {MARK}{low.format("c")} AND c.id < :high AND c.lane = {_LANE}{kinds}
            ORDER BY c.id {order} LIMIT :limit
        ) UNION ALL SELECT * FROM (
            SELECT c.* FROM lanes AS l CROSS JOIN facts AS c ON c.id = l.id{heads}
            WHERE l.lane = {_LANE}{low.format("l")} AND l.id < :high{kinds}
            ORDER BY l.id {order} LIMIT :limit
        ) ORDER BY id {order} LIMIT :limit
    """


LATEST = f"""
WITH tail (lane, latest) AS MATERIALIZED (
    SELECT lane, max(id) FROM facts WHERE id > {MARK} AND id < :beyond AND lane IN (SELECT lane FROM wanted)
    GROUP BY lane
)
SELECT coalesce(
    (SELECT latest FROM tail WHERE tail.lane = wanted.lane),
    (SELECT max(id) FROM lanes WHERE lanes.lane = wanted.lane AND id < :beyond)
) AS latest FROM wanted
"""
"""The latest id in each lane of a table ``wanted``, before :beyond; NULL for none."""
