"""The index by place: kept behind the facts, in slices, by the journal's thread.

Invariants:

- [mark] ``lanes`` has a row for each fact up to the mark, and no other. Facts beyond the mark (about SLICE at most, 40
  ns each) are scanned by readers.
- [slice-order] The rows are in order of slices: a complete slice is sorted by place and appended to the table. An index
  ordered by place alone writes a page per place of a batch, and more pages with more history: with a thousand rooms it
  was three quarters of the cost of a message.
- [slice-walk] So readers look for a place in one slice after the other, until they have enough: 1.5 us per slice for a
  room without messages in it, 0.2 ms for a million messages.
- [slice-bounds] ``slices`` has the last id of each slice, which begins after the one before. An empty slice is removed,
  and its ids belong to the next; the newest stays, since it has the mark.
- [same-transaction] A change of facts before the mark changes the index in the same transaction: :func:`add`,
  :func:`drop`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from chatctl.journal.store.rows import LAST_ID, to_json
from chatctl.journal.store.schema import transaction
from chatctl.journal.store.write_access import WriteAccess

SLICE = 8192
"""Facts in one slice: 5 ms, in which the interpreter's lock is not held."""
MARK = f"coalesce((SELECT max(last) FROM slices), {-LAST_ID})"
"""In a statement: the last id that is in the index."""

_SLICE_OF = "(SELECT number FROM slices WHERE last >= {0} ORDER BY last LIMIT 1)"
_END = "coalesce((SELECT min(last) FROM slices WHERE last >= {0}), (SELECT max(last) FROM slices))"
"""The last slice that has ids before another."""
_LANE = "(SELECT id FROM places WHERE name = :place) * 2 + :lane"


def mark(connection: sqlite3.Connection) -> int:
    """Return the last id that is in the index."""
    return int(connection.execute(f"SELECT {MARK}").fetchone()[0])


def count_unindexed(connection: sqlite3.Connection, most: int) -> int:
    """Return how many facts the index does not know yet; counts to `most`."""
    beyond = f"SELECT 1 FROM facts WHERE id > {MARK} LIMIT ?"
    return int(connection.execute(f"SELECT count(*) FROM ({beyond})", (most,)).fetchone()[0])


def follow(store: WriteAccess, most: int | None = None) -> int:
    """Index the next facts, SLICE if `most` does not say how many; returns how many those were."""
    connection = store.connection
    count, last = connection.execute(
        f"SELECT count(*), max(id) FROM (SELECT id FROM facts WHERE id > {MARK} ORDER BY id LIMIT ?)", (most or SLICE,)
    ).fetchone()
    if not count:
        return 0
    with transaction(connection):
        number = connection.execute("SELECT coalesce(max(number), 0) + 1 FROM slices").fetchone()[0]
        connection.execute(
            f"INSERT INTO lanes SELECT ?, lane, id FROM facts WHERE id > {MARK} AND id <= ? ORDER BY lane, id",
            (number, last),
        )
        connection.execute("INSERT INTO slices VALUES (?, ?)", (last, number))
    store.wal_frames += 8 + count // 64
    return int(count)


def add(connection: sqlite3.Connection, added: Sequence[tuple[int, int]]) -> None:
    """Rows (lane, id) of facts that came to stand before the mark; those beyond it are left out."""
    connection.execute(
        f"""
        INSERT INTO lanes SELECT {_SLICE_OF.format("place")} AS slice, lane, place
        FROM (SELECT json_extract(value, '$[0]') AS lane, json_extract(value, '$[1]') AS place FROM json_each(?))
        WHERE slice IS NOT NULL ORDER BY slice, lane, place
        """,
        (to_json(added),),
    )


def drop(connection: sqlite3.Connection, first: int, last: int) -> None:
    """Forget the facts from id `first` to `last`, while they are still there as they were."""
    connection.execute(
        f"DELETE FROM lanes WHERE (slice, lane, id) IN"
        f" (SELECT {_SLICE_OF.format('id')}, lane, id FROM facts WHERE id BETWEEN ? AND ?)",
        (first, last),
    )
    connection.execute(
        "DELETE FROM slices WHERE last >= :first AND last <= (SELECT min(last) FROM slices WHERE last >= :last)"
        " AND last < (SELECT max(last) FROM slices) AND NOT EXISTS (SELECT 1 FROM lanes WHERE slice = number)",
        {"first": first, "last": last},
    )


def chosen(*, above: bool, newest: bool, some: bool) -> str:
    """Return the statement for rows of ``facts`` in lane :lane (0 or 1) of :place, before :high, the newest or oldest
    :limit; `above`: from :low on; `some`: of :kinds. Each of the eight is prepared once a connection."""
    low = " AND {0} >= :low" if above else ""
    heads = " CROSS JOIN heads AS k ON k.id = c.head" if some else ""
    kinds = " AND k.kind IN (SELECT value FROM json_each(:kinds))" if some else ""
    order = "DESC" if newest else "ASC"
    return f"""
        SELECT * FROM (
            SELECT c.* FROM facts AS c{heads}
            WHERE c.id > {MARK}{low.format("c.id")} AND c.id < :high AND c.lane = {_LANE}{kinds}
            ORDER BY c.id {order} LIMIT :limit
        ) UNION ALL SELECT * FROM (
            SELECT c.* FROM slices AS s CROSS JOIN lanes AS l CROSS JOIN facts AS c ON c.id = l.id{heads}
            WHERE s.last <= {_END.format(":high")}{low.format("s.last")}
                AND l.slice = s.number AND l.lane = {_LANE}{low.format("l.id")} AND l.id < :high{kinds}
            ORDER BY s.last {order}, l.id {order} LIMIT :limit
        ) ORDER BY id {order} LIMIT :limit
    """


LATEST = f"""
WITH tail (lane, latest) AS MATERIALIZED (
    SELECT lane, max(id) FROM facts WHERE id > {MARK} AND id < :beyond AND lane IN (SELECT lane FROM wanted)
    GROUP BY lane
)
SELECT coalesce(
    (SELECT latest FROM tail WHERE tail.lane = wanted.lane),
    (SELECT l.id FROM slices AS s CROSS JOIN lanes AS l
     WHERE s.last <= {_END.format(":beyond")} AND l.slice = s.number AND l.lane = wanted.lane AND l.id < :beyond
     ORDER BY s.last DESC, l.id DESC LIMIT 1)
) AS latest FROM wanted
"""
"""The latest id in each lane of a table ``wanted``, before :beyond; NULL for none."""
