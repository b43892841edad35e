"""The writing connection and its operations. Owned by one thread at a time; the writer decides which.

Invariants:

- [one-transaction] A batch is one transaction; if it has facts only, a single statement, which is its own transaction.
- [settle-or-stop] A commit that raises NotStored has certainly stored nothing: SQLite gave up before it wrote the
  commit's mark. After any other error it may have (an fsync that failed leaves the mark in the file, where a later
  start finds it). Then :meth:`SqliteStore.settle` decides it: after that the batch is stored for good, or never comes
  back.
- [sole-checkpointer] Only this connection checkpoints ([one-writer] in schema.py).
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec

from chatctl.chat.entries.facts import AnyFact, Fact
from chatctl.chat.model.accounts import KINDS, Changes, Record, RecordKey
from chatctl.chat.model.records import RoomRecord
from chatctl.journal.index.redactions import AMENDING, amend, runs
from chatctl.journal.store import rows
from chatctl.journal.store.damage import DamagedJournalError, naming_damage
from chatctl.journal.store.schema import BUSY_SECONDS, open_writing, transaction

Stored = TypeVar("Stored")

FULL = "the disk is full"

_CERTAIN: dict[int, str] = {
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_READONLY: "the disk cannot be written",
    sqlite3.SQLITE_PERM: "the disk cannot be written",
    sqlite3.SQLITE_BUSY: "another program is writing to the journal",
    sqlite3.SQLITE_LOCKED: "another program is writing to the journal",
    sqlite3.SQLITE_CONSTRAINT: "the journal holds other facts with these numbers",
    sqlite3.SQLITE_TOOBIG: "it is too large",
    sqlite3.SQLITE_NOMEM: "the memory is full",
    sqlite3.SQLITE_MISMATCH: "it is not what the journal keeps",
    sqlite3.SQLITE_ERROR: "the journal's tables are not as they should be",
}
"""SQLite's primary result codes after which a transaction is rolled back for certain (sqlite.org/rescode.html)."""

_room_from_json = msgspec.json.Decoder(RoomRecord).decode
_RECORD_FROM_JSON: dict[str, Callable[[str], Record]] = {
    name: msgspec.json.Decoder(kind).decode for name, kind in KINDS.items()
}
_KNOWN_PLACES = """
SELECT json_group_array(json_array(name, id, shown)) FROM places WHERE name IN (SELECT value FROM json_each(?))
"""
_PROBE_BYTES = 64 * 1024  # more than a batch of the usual kind needs


class NotStored(Exception):  # noqa: N818  # an outcome, not a fault
    """The batch was rolled back. `lasting`: the next ones will fail too, until something changes on this machine."""

    def __init__(self, reason: str, *, lasting: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.lasting = lasting


@dataclass(slots=True)
class StoreBatch:
    """The content of one transaction. `rooms` has the record of a room's key, or None to delete it; `records` the same
    for other records. `first` and `last`: the entries that all of it belongs to; 0 for none."""

    facts: Sequence[AnyFact] = ()
    rooms: dict[str, RoomRecord | None] = field(default_factory=dict)
    records: dict[RecordKey, Record | None] = field(default_factory=dict)
    first: int = 0
    last: int = 0

    @property
    def count(self) -> int:
        """How many facts there are."""
        return sum(item.count for item in self.facts)

    @property
    def kinds(self) -> set[str]:
        """Which kinds of facts there are."""
        return {fact.kind for fact in self.facts}


def span(facts: Sequence[AnyFact], records: Changes) -> tuple[int, int]:
    """Return the first and the last seq of these, or 0."""
    seqs = [facts[0].seq, facts[-1].seq] if facts else []
    seqs += [records.first, records.last] if records.last else []
    return (min(seqs), max(seqs)) if seqs else (0, 0)


class SqliteStore:
    """A journal file. `connection` is for the chores, which run on the same thread between batches.

    Tests that make the disk fail override `commit`, `settle`, `probe` and `checkpoint`: the writer knows no others.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self.dictionary = rows.HeadNumbers(0, 0)
        self.wal_frames = 0
        """About how many pages the WAL holds that no checkpoint has copied."""
        self.moved = 0
        """How often facts came to stand before others: what walks over the facts in slices begins again."""

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self._connection is not None

    @property
    def connection(self) -> sqlite3.Connection:
        """The open connection."""
        if self._connection is None:
            raise sqlite3.ProgrammingError("the journal is not open")
        return self._connection

    def open(self) -> None:
        """Open, or open again. StartError, sqlite3.Error or OSError where that cannot be done."""
        self.close()
        connection = self._connection = open_writing(self.path)
        last = connection.execute(
            "SELECT coalesce((SELECT max(id) FROM heads), 0), coalesce((SELECT max(id) FROM places), 0)"
        ).fetchone()
        self.dictionary = rows.HeadNumbers(*last)

    def last(self) -> tuple[int, int]:
        """Return the highest seq and the latest time (ms) ever stored; 0 without any."""
        return last_point(self.connection)

    def rooms(self) -> list[RoomRecord]:
        """Return all stored rooms, by key."""
        with _readable(self.path):
            return read_rooms(self.connection)

    def records(self) -> list[Record]:
        """Return all stored accounts and invitations."""
        with _readable(self.path):
            return read_records(self.connection)

    def commit(self, batch: StoreBatch) -> None:
        """Store a batch durably. Raises NotStored: nothing of it is stored; sqlite3.Error, OSError: the outcome is
        unknown ([settle-or-stop])."""
        try:
            kept, gone = _room_changes(batch)
            if not AMENDING.isdisjoint(batch.kinds):
                self._amend(batch, kept, gone)
                return
            encoded = self.encode(batch.facts)
            if kept or gone or batch.records or not encoded.one_statement:
                with transaction(self.connection):
                    self.insert(encoded)
                    self._change_rooms(kept, gone)
                    self.change_records(batch.records)
            else:
                self.insert(encoded)
        except (TypeError, ValueError, OverflowError) as error:  # found before anything was written, or rolled back
            self.dictionary.forget()
            raise NotStored(f"it is not what the journal keeps ({type(error).__name__})", lasting=False) from error
        except (sqlite3.Error, OSError) as error:
            self.dictionary.forget()
            certain = outcome_of_error(error)
            if certain is None:
                raise
            raise certain from error
        finally:
            self.wal_frames += 1 + batch.count // 16 + len(batch.rooms)

    def _amend(self, batch: StoreBatch, kept: list[tuple[str, str]], gone: list[str]) -> None:
        """Keep a batch in which facts change others."""
        with transaction(self.connection):
            for run in runs(batch.facts):
                self.insert(self.encode(run))
                amend(self, run[-1])
            self._change_rooms(kept, gone)
            self.change_records(batch.records)

    def encode(self, facts: Sequence[AnyFact]) -> rows.EncodedBatch:
        """Return facts as rows, with numbers for the names in them. See :class:`rows.HeadNumbers`."""
        self._learn(facts)
        return self.dictionary.encode(facts)

    def encode_at(self, facts: Sequence[Fact], ids: Sequence[int]) -> rows.EncodedBatch:
        """Return rows for facts that are stored at `ids` instead of their own points."""
        self._learn(facts)
        return self.dictionary.encode_at(facts, ids)

    def _learn(self, facts: Sequence[AnyFact]) -> None:
        dictionary = self.dictionary
        if missing := dictionary.missing(facts):
            found = self.connection.execute(_KNOWN_PLACES, (rows.to_json(missing),)).fetchone()[0]
            dictionary.learn(msgspec.json.decode(found, type=list[tuple[str, int, str]]))

    def insert(self, encoded: rows.EncodedBatch) -> None:
        """Put rows in their tables, in the transaction that is open or one of the statement's own."""
        execute = self.connection.execute
        if encoded.places:
            execute(rows.INSERT_PLACES, (rows.to_json(encoded.places),))
        if encoded.pairs:
            execute(rows.INSERT_PAIRS, (rows.to_json(encoded.pairs),))
        if encoded.heads:
            execute(rows.INSERT_HEADS, (rows.to_json(encoded.heads),))
        for statement, values in rows.insert_facts(encoded.facts):
            execute(statement, values)

    def _change_rooms(self, kept: list[tuple[str, str]], gone: list[str]) -> None:
        execute = self.connection.execute
        if kept:
            execute(
                "INSERT OR REPLACE INTO rooms SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]')"
                " FROM json_each(?)",
                (rows.to_json(kept),),
            )
        if gone:
            execute("DELETE FROM rooms WHERE key IN (SELECT value FROM json_each(?))", (rows.to_json(gone),))

    def change_records(self, records: Mapping[RecordKey, Record | None]) -> None:
        """Keep accounts and invitations, or forget them, in the transaction that is open."""
        execute = self.connection.execute
        for (kind, key), record in records.items():
            if record is None:
                execute("DELETE FROM records WHERE kind = ? AND key = ?", (kind, key))
            else:
                execute("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", (kind, key, rows.to_json(record)))

    def settle(self, batch: StoreBatch) -> bool:
        """Settle an unknown outcome after `open`; return whether the batch is stored, durably. Errors: still unknown.

        A batch without facts names rooms and records alone, and is done again: that harms nothing.

        Found, it may still be in no more than the kernel's cache, which an fsync that failed is not asked about twice:
        so it is copied into the database file, whose fsync tells. Not found, its mark may lie in the WAL beyond the
        end that SQLite knows of: so something is written there.
        """
        if not batch.facts:
            self.seal()
            self.commit(batch)
            return True
        last = batch.facts[-1].each()[-1]
        id = rows.fact_id(last.seq, last.part)
        if self.connection.execute("SELECT 1 FROM facts WHERE id = ?", (id,)).fetchone() is None:
            self.seal()
            return False
        if not self.checkpoint(whole=True):
            raise sqlite3.OperationalError("a reader is in the way of the checkpoint")
        return True

    def seal(self) -> None:
        """Write a commit over whatever an earlier one left beyond the WAL's end."""
        self.connection.execute("UPDATE marks SET value = value + 1 WHERE name = 'seal'")

    def probe(self) -> None:
        """Raise NotStored while nothing can be kept: write as much as a batch, and take it out again."""
        try:
            with transaction(self.connection):
                self.connection.execute("INSERT OR REPLACE INTO marks VALUES ('probe', zeroblob(?))", (_PROBE_BYTES,))
            self.connection.execute("DELETE FROM marks WHERE name = 'probe'")
        except (sqlite3.Error, OSError) as error:
            raise outcome_of_error(error) or NotStored("the disk does not work", lasting=True) from error

    def checkpoint(self, *, whole: bool = False, patient: bool = True) -> bool:
        """Copy what committed into the database file; `whole` empties the WAL, and if `patient` waits for readers in
        its way. False: not all was done."""
        execute = self.connection.execute
        if not patient:
            execute("PRAGMA busy_timeout = 0").fetchone()
        try:
            how = "TRUNCATE" if whole else "PASSIVE"
            busy, frames, copied = execute(f"PRAGMA wal_checkpoint({how})").fetchone()
        finally:
            if not patient:
                execute(f"PRAGMA busy_timeout = {round(BUSY_SECONDS * 1000)}").fetchone()
        self.wal_frames = frames - copied
        return not busy and frames == copied

    def close(self) -> None:
        """Close. May be repeated."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()


def last_point(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return the highest seq and the latest time (ms) ever stored; 0 without any."""
    found = connection.execute(
        "SELECT (SELECT value FROM marks WHERE name = 'seq'), (SELECT value FROM marks WHERE name = 'time'),"
        " (SELECT max(id) FROM facts), (SELECT time FROM facts ORDER BY id DESC LIMIT 1)"
    ).fetchone()
    seq, time, id, latest = found
    return max(seq, rows.point(id or 0)[0]), max(time, latest or 0)


def read_rooms(connection: sqlite3.Connection) -> list[RoomRecord]:
    """Return all stored rooms, by key. ValueError if one cannot be read."""
    found = connection.execute("SELECT key, record FROM rooms ORDER BY key").fetchall()
    return [_decoded(_room_from_json, record, f"room {key}") for key, record in found]


def read_records(connection: sqlite3.Connection) -> list[Record]:
    """Return all accounts, invitations and bans kept. ValueError if one cannot be read."""
    found = connection.execute("SELECT kind, key, value FROM records ORDER BY kind, key").fetchall()
    return [_decoded(_RECORD_FROM_JSON.get(kind, _unknown), value, f"{kind} {key}") for kind, key, value in found]


def _decoded(decode: Callable[[str], Stored], text: str, what: str) -> Stored:
    try:
        return decode(text)
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        raise ValueError(f"the record of the {what} cannot be read: {error}") from None


def _unknown(text: str) -> Record:
    raise ValueError("this kind of record is unknown")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Name the damage if records cannot be read (damage.py)."""
    with naming_damage(path):
        try:
            yield
        except ValueError as error:
            raise DamagedJournalError(path, str(error)) from None


def _room_changes(batch: StoreBatch) -> tuple[list[tuple[str, str]], list[str]]:
    kept = [(key, rows.to_json(record)) for key, record in batch.rooms.items() if record is not None]
    return kept, [key for key, record in batch.rooms.items() if record is None]


def outcome_of_error(error: sqlite3.Error | OSError) -> NotStored | None:
    """Return the certain outcome of a failed commit; None if it is unknown."""
    if isinstance(error, OSError):
        return NotStored(FULL, lasting=True) if error.errno in (errno.ENOSPC, errno.EDQUOT) else None
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    reason = _CERTAIN.get(code & 0xFF)
    if reason is None:
        return None
    return NotStored(reason, lasting=code & 0xFF not in (sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG))
