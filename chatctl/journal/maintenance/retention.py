"""Deletion of facts: by age, by number, and on command.

Invariants:

- [oldest-first] Facts are deleted from the oldest on, in all places: by age all older ones, by number all that are
  older than the newest `messages` messages of the whole journal. Events among them (joins, topics) go with them.
- [slices] It is done in slices of a few milliseconds, each a transaction; readers see the progress.
- [really-gone] Deleted text is gone from the facts, from the index ([stale-volume] in text_index.py), and from heads
  and places that no fact uses any more. The pages are overwritten, in the file and finally in the WAL.
- [never-reused] The highest seq and the latest time stay known, so that neither is used again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from chatctl.journal.index import place_index, text_index
from chatctl.journal.index.history_reader import find_time
from chatctl.journal.sqlite_store import SqliteStore
from chatctl.journal.store.rows import LAST_ID, beyond, to_json
from chatctl.journal.store.schema import transaction

SLICE = 512  # facts deleted at a time
_COUNTED = 16_384  # facts counted at a time
_DAY = 86_400_000  # ms

_ids_from_json = msgspec.json.Decoder(list[int]).decode


@dataclass(frozen=True, slots=True)
class Retention:
    """The retention rules: maximum age and number of messages; 0 keeps all."""

    days: float = 0
    messages: int = 0


@dataclass(slots=True)
class PruneProgress:
    """The number of deleted facts so far."""

    facts: int = 0


def keep(store: SqliteStore, retention: Retention, now: int, pruned: PruneProgress) -> Iterator[None]:
    """Delete what `retention` excludes; `now` in ms. A slice per step."""
    before = find_time(store.connection, now - round(retention.days * _DAY)) if retention.days > 0 else -LAST_ID
    if retention.messages > 0:
        oldest = -LAST_ID
        for found in _nth_newest(store, retention.messages):
            oldest = found
            yield
        before = max(before, oldest)
    yield from _forget(store, before, pruned)


def prune(store: SqliteStore, before: int, pruned: PruneProgress) -> Iterator[None]:
    """Delete facts older than `before` (ms). A slice per step."""
    yield from _forget(store, find_time(store.connection, before), pruned)


def count(connection: sqlite3.Connection, before: int) -> tuple[int, int]:
    """Return how many messages, and how many other events, are older than `before` (ms)."""
    facts, events = connection.execute(
        "SELECT count(*), coalesce(sum(lane & 1), 0) FROM facts WHERE id < ?", (find_time(connection, before),)
    ).fetchone()
    return facts - events, events


def count_all(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return how many messages, and how many other events, there are."""
    facts, events = connection.execute("SELECT count(*), coalesce(sum(lane & 1), 0) FROM facts").fetchone()
    return facts - events, events


def count_beyond(connection: sqlite3.Connection, seq: int) -> tuple[int, int]:
    """Return how many messages, and how many other events, come after the entry `seq`."""
    facts, events = connection.execute(
        "SELECT count(*), coalesce(sum(lane & 1), 0) FROM facts WHERE id >= ?", (beyond(seq),)
    ).fetchone()
    return facts - events, events


def _nth_newest(store: SqliteStore, number: int) -> Iterator[int]:
    """Walk back over `number` messages; the last thing given is the id of the one where it ends."""
    at, left = LAST_ID, number
    while True:
        ids = _ids_from_json(
            store.connection.execute(
                "SELECT json_group_array(id) FROM (SELECT id FROM (SELECT id, lane FROM facts WHERE id < ?"
                " ORDER BY id DESC LIMIT ?) WHERE lane & 1 = 0)",
                (at, _COUNTED),
            ).fetchone()[0]
        )
        ids.sort(reverse=True)
        if len(ids) >= left:
            yield ids[left - 1]
            return
        left -= len(ids)
        oldest = store.connection.execute(
            "SELECT min(id), count(*) FROM (SELECT id FROM facts WHERE id < ? ORDER BY id DESC LIMIT ?)", (at, _COUNTED)
        ).fetchone()
        if oldest[1] < _COUNTED:
            yield -LAST_ID
            return
        at = oldest[0]
        yield -LAST_ID


def _forget(store: SqliteStore, before: int, pruned: PruneProgress) -> Iterator[None]:
    while gone := _delete(store, before):
        pruned.facts += gone
        yield
    if pruned.facts:
        yield from text_index.mend(store)
        yield from _sweep(store)


def _delete(store: SqliteStore, before: int) -> int:
    """Delete the oldest facts before an id; returns how many."""
    connection = store.connection
    last = connection.execute(
        "SELECT min(id), max(id) FROM (SELECT id FROM facts WHERE id < ? ORDER BY id LIMIT ?)", (before, SLICE)
    ).fetchone()
    if last[0] is None:
        return 0
    seq, time = store.last()
    with transaction(connection):
        connection.execute("UPDATE marks SET value = max(value, ?) WHERE name = 'seq'", (seq,))
        connection.execute("UPDATE marks SET value = max(value, ?) WHERE name = 'time'", (time,))
        place_index.drop(connection, *last)
        gone = connection.execute("DELETE FROM facts WHERE id BETWEEN ? AND ?", last).rowcount
        text_index.lost(connection, *last)
    store.wal_frames += 4 + gone // 8
    return gone


def _sweep(store: SqliteStore) -> Iterator[None]:
    """Delete heads and places that no fact uses any more.

    Facts are appended meanwhile: with heads whose numbers are above `newest`, or with older ones, and then they are at
    the end, which is reached last. In the slice that reaches it the unused places are deleted, and from then on no
    older head is used again.
    """
    connection = store.connection
    newest = connection.execute("SELECT coalesce(max(id), 0) FROM heads").fetchone()[0]
    heads: set[int] = set()
    places: set[int] = set()
    moved = -1
    while True:
        if moved != store.moved:
            moved, at = store.moved, -LAST_ID
        found = _used_after(store.connection, at)
        heads.update(found[0])
        places.update(found[1])
        if found[3] < _COUNTED:
            break
        at = found[2]
        yield
    connection = store.connection
    store.dictionary.forget()
    with transaction(connection):
        connection.execute("DELETE FROM places WHERE id NOT IN (SELECT value FROM json_each(?))", (_json(places),))
        connection.execute("DELETE FROM pairs WHERE place NOT IN (SELECT id FROM places)")
    known = connection.execute("SELECT json_group_array(id) FROM heads WHERE id <= ?", (newest,)).fetchone()[0]
    unused = [head for head in _ids_from_json(known) if head not in heads]
    for start in range(0, len(unused), SLICE):
        yield
        with transaction(store.connection):
            store.connection.execute(
                "DELETE FROM heads WHERE id IN (SELECT value FROM json_each(?))",
                (_json(unused[start : start + SLICE]),),
            )


def _json(numbers: Iterable[int]) -> str:
    return to_json(sorted(numbers))


def _used_after(connection: sqlite3.Connection, at: int) -> tuple[list[int], list[int], int, int]:
    """Return the heads and the places of the next facts after an id; the last one's id, and how many there were."""
    heads, places, last, count = connection.execute(
        "SELECT json_group_array(DISTINCT head), json_group_array(DISTINCT lane >> 1), coalesce(max(id), 0), count(*)"
        " FROM (SELECT id, head, lane FROM facts WHERE id > ? ORDER BY id LIMIT ?)",
        (at, _COUNTED),
    ).fetchone()
    return _ids_from_json(heads), _ids_from_json(places), last, count
