"""The full-text index: kept behind the facts, in slices, by the journal's thread.

Invariants:

- [volumes] The index is a sequence of volumes, each an FTS5 table over the ids ``first`` to ``last``; together they
  reach from the beginning to the ``last`` of the newest, the mark. Later facts are scanned by the search.
- [tokens-only] Only messages are indexed (lane even). The tables hold no text (``content=''``), only tokens by row; the
  search reads the facts.
- [full-volume] A volume with VOLUME messages is full, and the next one begins.
- [stale-volume] Nothing is ever deleted from a volume: SQLite 3.40 would leave the words on disk. A volume with deleted
  facts is stale: a new one is built from the rest and replaces it; then the old one is dead, is overwritten in slices,
  and dropped. The search finds nothing deleted in it, since the facts decide. If the volume before it is small enough,
  the new one replaces both, so that many deletions do not make many volumes.
- [resumable] Unfinished work is in the table ``volumes``, and continues at the next start.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from functools import lru_cache

import msgspec

from chatctl.journal.index import tokenizer
from chatctl.journal.store.rows import LAST_ID, to_json
from chatctl.journal.store.schema import transaction
from chatctl.journal.store.write_access import WriteAccess
from chatctl.protocol.names import fold

VOLUME = 65_536
SLICE = 1024
"""Facts in one slice: some 5 ms, 15 when FTS5 merges what it has written."""
_MERGE = 8
"""How many pieces that slices have left FTS5 merges at a time. With its own 4 it writes a fifth more in all."""
_FIRST_ID = -LAST_ID
_FTS5_OWN = 10  # rows 1 and 10 say how an FTS5 table is built, and hold no words; without them it cannot be dropped
_BURIED_ROWS = 64  # of an FTS5 table's pages, about 4 KiB each

_Unread = tuple[int, int, str, str | None]
_unread_from_json = msgspec.json.Decoder(list[_Unread]).decode

_UNREAD = """
SELECT json_group_array(json_array(f.id, f.lane, h.source, iif(f.lane & 1, NULL, f.text)))
FROM (SELECT id, lane, head, text FROM facts WHERE id > ? AND id <= ? ORDER BY id LIMIT ?) AS f
CROSS JOIN heads AS h ON h.id = f.head
"""


def table(number: int) -> str:
    """Return the name of a volume's FTS5 table."""
    return f"words_{number}"


def nick_of(source: str) -> str:
    """Return the key of a source (``nick!user@host``), so that spelling does not matter."""
    return fold(source.partition("!")[0])


def mark(connection: sqlite3.Connection) -> int:
    """Return the last id that is in the index."""
    found = connection.execute("SELECT max(last) FROM volumes WHERE state = 'live'").fetchone()[0]
    return _FIRST_ID if found is None else int(found)


def count_unindexed(connection: sqlite3.Connection, most: int) -> int:
    """Return how many facts the index does not know yet; counts to `most`."""
    counted = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM facts WHERE id > ? LIMIT ?)", (mark(connection), most)
    ).fetchone()[0]
    return int(counted)


def follow(store: WriteAccess, most: int = SLICE) -> int:
    """Index the next facts; returns how many were looked at. Fewer than `most`: that was all."""
    connection = store.connection
    newest = connection.execute(
        "SELECT number, last, docs FROM volumes WHERE state = 'live' ORDER BY last DESC, number DESC LIMIT 1"
    ).fetchone()
    if newest is None:
        newest = (_begin(connection, _FIRST_ID + 1), _FIRST_ID, 0)
    elif newest[2] >= VOLUME:
        newest = (_begin(connection, newest[1] + 1), newest[1], 0)
    number, last, _ = newest
    return _read_on(store, number, last, LAST_ID, most)


def _begin(connection: sqlite3.Connection, first: int, until: int | None = None) -> int:
    """Add a volume from `first` on; with `until` one that is being built, to replace another."""
    with transaction(connection):
        cursor = connection.execute(
            "INSERT INTO volumes (number, first, last, until, state)"
            " SELECT coalesce(max(number), 0) + 1, ?, ?, ?, ? FROM volumes",
            (first, first - 1, until, "live" if until is None else "building"),
        )
        number = int(cursor.lastrowid or 0)
        connection.execute(
            f"CREATE VIRTUAL TABLE {table(number)}"
            f" USING fts5(words, content='', columnsize=0, detail=full, tokenize='ascii')"
        )
        connection.execute(f"INSERT INTO {table(number)} ({table(number)}, rank) VALUES ('automerge', ?)", (_MERGE,))
    return number


def _read_on(store: WriteAccess, number: int, last: int, until: int, most: int) -> int:
    """Put the next facts after `last` into a volume; returns how many were looked at."""
    connection = store.connection
    text = connection.execute(_UNREAD, (last, until, most)).fetchone()[0]
    unread = sorted(_unread_from_json(text))
    if not unread:
        return 0
    docs = [(id, _document(lane >> 1, source, said)) for id, lane, source, said in unread if said is not None]
    with transaction(connection):
        if docs:
            _insert(connection, number, docs)
        connection.execute(
            "UPDATE volumes SET last = ?, docs = docs + ? WHERE number = ?", (unread[-1][0], len(docs), number)
        )
    store.wal_frames += 16 + len(docs) // 8
    return len(unread)


def _document(place: int, source: str, text: str) -> str:
    return f"{tokenizer.tokens(text)} {tokenizer.place_token(place)} {_speaker(source)}"


@lru_cache(maxsize=4096)
def _speaker(source: str) -> str:
    """Return the token of a sender, cached because few people send most messages."""
    return tokenizer.source_token(nick_of(source))


def _insert(connection: sqlite3.Connection, number: int, docs: Sequence[tuple[int, str]]) -> None:
    connection.execute(
        f"INSERT INTO {table(number)} (rowid, words) SELECT CAST(key AS INTEGER), value FROM json_each(?)",
        (to_json(dict(docs)),),
    )


def add(connection: sqlite3.Connection, added: Sequence[tuple[int, int, str, str]]) -> None:
    """Put messages that came to stand before the mark (id, place, source, text) into the volumes that reach there.

    In the transaction that brings the facts.
    """
    for number, first, last in connection.execute(
        "SELECT number, first, last FROM volumes WHERE state IN ('live', 'building')"
    ).fetchall():
        docs = [(id, _document(place, source, text)) for id, place, source, text in added if first <= id <= last]
        if docs:
            _insert(connection, number, sorted(docs))
            connection.execute("UPDATE volumes SET docs = docs + ? WHERE number = ?", (len(docs), number))


def lost(connection: sqlite3.Connection, first: int, last: int) -> None:
    """Mark the volumes of deleted facts as stale, from id `first` to `last` ([stale-volume]).

    In the transaction that deletes them.
    """
    connection.execute(
        "UPDATE volumes SET stale = 1 WHERE state = 'live' AND first <= ? AND last >= ?",
        (last, first),
    )
    connection.execute(
        "UPDATE volumes SET state = 'dead' WHERE state = 'building' AND first <= ? AND last >= ?",
        (last, first),
    )


def mend(store: WriteAccess) -> Iterator[None]:
    """Bring stale volumes up to date and remove dead ones; a slice at each step."""
    while (stale := _next_stale(store.connection)) is not None:
        yield from _renew(store, *stale)
    for (number,) in store.connection.execute("SELECT number FROM volumes WHERE state = 'dead'").fetchall():
        yield from _bury(store, number)


def _next_stale(connection: sqlite3.Connection) -> tuple[int, int, int] | None:
    found = connection.execute(
        "SELECT number, first, last FROM volumes WHERE state = 'live' AND stale ORDER BY first LIMIT 1"
    ).fetchone()
    return None if found is None else (found[0], found[1], found[2])


def _renew(store: WriteAccess, number: int, first: int, last: int) -> Iterator[None]:
    """Build a volume anew from the facts that are left, and put it in the stale one's place."""
    connection = store.connection
    if last == mark(connection):
        _begin(connection, last + 1)  # the newest one would grow meanwhile: another one takes new facts
    left = connection.execute("SELECT 1 FROM facts WHERE id BETWEEN ? AND ? LIMIT 1", (first, last)).fetchone()
    if left is None:
        _bequeath(connection, number, first, last)
        return
    first = _with_the_one_before(connection, number, first)
    building = _building(connection, first, last)
    if building is None:
        building = _begin(connection, first, until=last)
    while True:
        yield
        connection = store.connection
        found = connection.execute("SELECT state, last FROM volumes WHERE number = ?", (building,)).fetchone()
        if found is None or found[0] != "building":
            return  # more was deleted: begin again
        if not _read_on(store, building, found[1], last, SLICE):
            break
    with transaction(connection):
        connection.execute(
            "UPDATE volumes SET state = 'dead' WHERE state = 'live' AND first BETWEEN ? AND ?", (first, last)
        )
        connection.execute(
            "UPDATE volumes SET state = 'live', last = until, until = NULL, stale = 0 WHERE number = ?", (building,)
        )


def _with_the_one_before(connection: sqlite3.Connection, number: int, first: int) -> int:
    """Return where a volume's successor begins ([stale-volume])."""
    found = connection.execute(
        "SELECT b.first FROM volumes AS a JOIN volumes AS b ON b.last = a.first - 1"
        " WHERE a.number = ? AND a.first = ? AND b.state = 'live' AND a.docs + b.docs <= ?",
        (number, first, VOLUME),
    ).fetchone()
    return first if found is None else int(found[0])


def _building(connection: sqlite3.Connection, first: int, last: int) -> int | None:
    found = connection.execute(
        "SELECT number FROM volumes WHERE state = 'building' AND first = ? AND until = ?", (first, last)
    ).fetchone()
    return None if found is None else int(found[0])


def _bequeath(connection: sqlite3.Connection, number: int, first: int, last: int) -> None:
    """Extend the next volume over the ids of an empty one, for facts that may be imported there."""
    with transaction(connection):
        connection.execute("UPDATE volumes SET state = 'dead' WHERE number = ?", (number,))
        connection.execute(
            "UPDATE volumes SET first = ? WHERE number = (SELECT number FROM volumes"
            " WHERE state = 'live' AND first > ? ORDER BY first LIMIT 1)",
            (first, last),
        )
        connection.execute(
            "UPDATE volumes SET state = 'dead' WHERE state = 'building' AND first >= ? AND until <= ?", (first, last)
        )


def _bury(store: WriteAccess, number: int) -> Iterator[None]:
    """Overwrite and remove a dead volume. Its pages go first, a few at a time: all at once would take a while."""
    pages = f"{table(number)}_data"
    while True:
        with transaction(store.connection):
            gone = store.connection.execute(
                f"DELETE FROM {pages} WHERE rowid IN (SELECT rowid FROM {pages} WHERE rowid > ? LIMIT ?)",
                (_FTS5_OWN, _BURIED_ROWS),
            ).rowcount
        store.wal_frames += gone + 2
        if gone < _BURIED_ROWS:
            break
        yield
    with transaction(store.connection):
        store.connection.execute(f"DROP TABLE {table(number)}")
        store.connection.execute("DELETE FROM volumes WHERE number = ?", (number,))
    yield
