"""Exports all facts in order, and imports facts from elsewhere.

Invariants:

- [idempotent] A fact is identified by its message id and never imported twice, so an interrupted import is repeated.
- [ordered] The order stays total, and times never decrease along it. A fact goes to its own position (the seq in its
  message id) if that is free and its time fits: so pruned facts return to their place, and an empty journal becomes an
  exact copy. Otherwise it is inserted by its time, after facts of the same millisecond, and keeps its message id.
  Between two facts of one entry, whose times are some ms apart, there is no room: then it goes after them, and its time
  is moved to theirs.
- [room-between] Between two entries there is room for some 200,000 such facts that come oldest first, over any number
  of calls, but only for some 20 calls that each go before the last one; before the first entry and after the last there
  is no limit.
- [no-future] Facts later than `now` are left out.
- [import-owner] A fact that names an account of this journal, but is not that account's, loses the name: it would give
  its owner the right to delete another user's message. Its `account_id` decides.
- [released-only] Beside a running server no new seq is used: `upto`, the last released one, is the highest.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
from msgspec.structs import asdict, replace

from chatctl.chat.entries.facts import Fact
from chatctl.chat.entries.queries import MESSAGES
from chatctl.chat.model.accounts import Account
from chatctl.errors import ChatctlError
from chatctl.journal.exchange.jsonl import ExportedFact
from chatctl.journal.index import place_index, text_index
from chatctl.journal.index.fact_stream import facts
from chatctl.journal.index.history_reader import find_time
from chatctl.journal.sqlite_store import SqliteStore, outcome_of_error
from chatctl.journal.store import rows
from chatctl.journal.store.schema import transaction

_BEFORE_ALL = 1 << 50  # ids left free before the first fact, for each import that begins there: a billion entries
_BELIEVED = 1 << 40  # the highest seq that a file may claim, since the server goes on after it: a million million
_IN_ORDER = 1 << 16  # a step in a gap is this part of the rest: so 2**20 ids take 200,000 facts

_KNOWN = """
SELECT json_group_array(json_extract(j.value, '$[0]')) FROM json_each(?) AS j WHERE EXISTS (
    SELECT 1 FROM facts AS f CROSS JOIN heads AS h ON h.id = f.head
    WHERE f.id = json_extract(j.value, '$[1]') AND f.origin IS NULL AND h.boot = json_extract(j.value, '$[2]')
) OR EXISTS (SELECT 1 FROM facts WHERE origin = json_extract(j.value, '$[3]'))
"""
_BEFORE = "SELECT id, time, origin IS NULL FROM facts WHERE id < ? ORDER BY id DESC LIMIT 1"
_FROM = "SELECT id, time FROM facts WHERE id >= ? ORDER BY id LIMIT 1"
_IS_OWN = "SELECT 1 FROM facts WHERE id = ? AND origin IS NULL"
_NOBODY = (-rows.LAST_ID, -rows.LAST_ID)
_NOTHING = (rows.LAST_ID, -rows.LAST_ID)
"""A gap that nothing fits in."""


@dataclass(frozen=True, slots=True)
class Imported:
    """Counts of an import: `kept` now, `known` before, `future` left out by [no-future]."""

    kept: int = 0
    known: int = 0
    future: int = 0

    def __add__(self, other: Imported) -> Imported:
        return Imported(self.kept + other.kept, self.known + other.known, self.future + other.future)


def import_facts(store: SqliteStore, added: Sequence[Fact], now: int, upto: int | None = None) -> Imported:
    """Store facts from elsewhere: all of a batch or none. Some hundreds at a time; `now` in ms.

    `upto` is None if no server runs on the journal. Raises ChatctlError without room ([room-between]), sqlite3.Error.
    """
    wanted, known = _unknown(store.connection, _owned(store, added))
    past = sorted((fact for fact in wanted if fact.time <= now), key=lambda fact: fact.time)
    if past:
        store.dictionary.forget()  # retention.py, `_sweep`: facts that do not go to the end take no older number
        store.moved += 1
        finder = _Positions(store.connection, upto)
        placed = sorted((finder.place(fact) for fact in past), key=lambda pair: pair[0])
        _insert(store, [id for id, _ in placed], [fact for _, fact in placed])
    return Imported(len(past), known, len(wanted) - len(past))


def exported(connection: sqlite3.Connection, *, place: str = "") -> Iterator[ExportedFact]:
    """Yield all facts, or those of one place, in order, each with the id of the account that it names."""
    accounts = _accounts(connection)
    for fact in facts(connection, place=place):
        account = accounts.get(fact.account)
        owns = account is not None and account.wrote(fact.account, fact.seq)
        yield ExportedFact(**asdict(fact), account_id=account.id if account is not None and owns else "")


def _accounts(connection: sqlite3.Connection) -> dict[str, Account]:
    """Return the accounts of a journal by name."""
    stored = connection.execute("SELECT value FROM records WHERE kind = 'account'")
    accounts = (msgspec.json.decode(value, type=Account) for (value,) in stored)
    return {account.name: account for account in accounts}


def _owned(store: SqliteStore, added: Sequence[Fact]) -> list[Fact]:
    """Return the facts without the names of accounts that they are not of ([import-owner])."""
    if not any(fact.account for fact in added):
        return list(added)
    accounts = _accounts(store.connection)

    def own(fact: Fact) -> Fact:
        account = accounts.get(fact.account)
        is_own = account is None or (isinstance(fact, ExportedFact) and fact.account_id == account.id)
        return fact if is_own else replace(fact, account="")

    return [own(fact) for fact in added]


def failure_text(error: Exception) -> str:
    """Return why history could not be changed, for people."""
    if isinstance(error, ChatctlError):
        return str(error)
    known = outcome_of_error(error) if isinstance(error, (sqlite3.Error, OSError)) else None
    return f"The history could not be changed: {known.reason if known else error}"


def _unknown(connection: sqlite3.Connection, added: Sequence[Fact]) -> tuple[list[Fact], int]:
    """Return the facts that are not stored yet, each once, and the number of the others."""
    single = list({fact.message_id: fact for fact in reversed(added)}.values())[::-1]
    asked = [
        (at, *reversed(rows.row_of_message_id(fact.message_id)), fact.message_id) for at, fact in enumerate(single)
    ]
    text = connection.execute(_KNOWN, (rows.to_json(asked),)).fetchone()[0]
    known = set(msgspec.json.decode(text, type=list[int]))
    wanted = [fact for at, fact in enumerate(single) if at not in known]
    return wanted, len(added) - len(wanted)


class _Positions:
    """Finds ids and times for consecutive facts: usually the next free one after the last fact.

    Placed facts are not in the tables yet; `_ids` and `_times` have them, in the same order.
    """

    def __init__(self, connection: sqlite3.Connection, upto: int | None) -> None:
        self._connection = connection
        self._upto = upto
        self._ids: list[int] = []
        self._times: list[int] = []
        self._owned: set[int] = set()  # those of them that went to their own places
        # The current gap: no fact is between these ids, and its ends have these times.
        self._low, self._high = _NOTHING
        self._from, self._until = _NOTHING
        self._own_before = True  # whether the fact at its beginning was not imported

    def place(self, fact: Fact) -> tuple[int, Fact]:
        """Return a free id that fits the fact's time, and the fact with its time there."""
        id = self._own(fact)
        time = fact.time
        if id is None:
            fresh = not self._from <= time < self._until
            if fresh:
                self._go_behind(time)
            while self._is_inside_an_entry():
                time, fresh = self._until, True
                self._go_behind(time)
            id = self._next(fresh)
        else:
            self._owned.add(id)
        at = bisect_right(self._ids, id)
        self._ids.insert(at, id)
        self._times.insert(at, time)
        self._low, self._from = id, time
        return id, fact if time == fact.time else replace(fact, time=time)

    def _own(self, fact: Fact) -> int | None:
        """Return the fact's own position, if [ordered] allows it."""
        id = rows.row_of_message_id(fact.message_id)[1]
        if id < 0 or id >= rows.beyond(_BELIEVED if self._upto is None else self._upto):
            return None
        if not self._low < id < self._high:
            self._enter(id, bisect_left(self._ids, id))
        fits = self._low < id < self._high and self._from <= fact.time <= self._until
        return id if fits and self._of_one_moment(id, fact.time) else None

    def _of_one_moment(self, id: int, time: int) -> bool:
        """Return whether the entry's facts so far, if any, are of about the same time, as an entry's facts are
        (chat/entries/outcome.py): nothing else fits in between."""
        seq, part = rows.point(id)
        (before, _), (after, high) = rows.point(self._low), rows.point(self._high)
        return (before != seq or time - self._from <= part) and (after != seq or self._until - time <= high)

    def _is_inside_an_entry(self) -> bool:
        """Return whether there is no room, because these are two facts of one entry at their own positions."""
        same = self._high - self._low == 1 and rows.point(self._low)[0] == rows.point(self._high)[0]
        return same and self._is_own(self._low) and self._is_own(self._high)

    def _is_own(self, id: int) -> bool:
        return id in self._owned or self._connection.execute(_IS_OWN, (id,)).fetchone() is not None

    def _go_behind(self, time: int) -> None:
        """Go to the gap behind all of this time."""
        self._enter(find_time(self._connection, time + 1), bisect_right(self._times, time))

    def _enter(self, id: int, at: int) -> None:
        """Go to the gap that ends with the first fact from `id` on; `at`: the same among those already placed."""
        *before, self._own_before = self._connection.execute(_BEFORE, (id,)).fetchone() or (*_NOBODY, True)
        after = self._connection.execute(_FROM, (id,)).fetchone() or (rows.LAST_ID, rows.LAST_ID)
        if at > 0 and self._ids[at - 1] > before[0]:
            before, self._own_before = [self._ids[at - 1], self._times[at - 1]], False
        if at < len(self._ids):
            after = min(after, (self._ids[at], self._times[at]))
        self._low, self._from = before
        self._high, self._until = after

    def _next(self, fresh: bool) -> int:
        """Return a free id of the gap.

        The first fact goes to the middle, to leave room for earlier ones; later facts, in this call or the next, close
        behind.
        """
        low, high = self._low, self._high
        if low == -rows.LAST_ID:
            return (high if high < rows.LAST_ID else 0) - _BEFORE_ALL
        if high == rows.LAST_ID and self._upto is not None:
            high = max(rows.beyond(self._upto), rows.beyond(rows.point(low)[0]))
        gap = high - low
        share = 2 if fresh and (self._own_before or gap < _IN_ORDER) else _IN_ORDER
        id = low + min(max(gap // share, 1), rows.PARTS)
        if id >= high:
            raise ChatctlError(
                "There is no room for more messages at this point of the history: import oldest first, or into an "
                "empty data folder (--data-dir)."
            )
        return id


def _insert(store: SqliteStore, ids: list[int], placed: list[Fact]) -> None:
    """Keep facts at their ids, and tell the index of those that stand before its mark."""
    connection = store.connection
    encoded = store.encode_at(placed, ids)
    mark = text_index.mark(connection)
    seen = [
        (row[0], row[2] >> 1, fact.source, fact.text)
        for row, fact in zip(encoded.facts, placed, strict=True)
        if row[0] <= mark and fact.kind in MESSAGES
    ]
    with transaction(connection):
        store.insert(encoded)
        place_index.add(connection, [(row[2], row[0]) for row in encoded.facts])
        if seen:
            text_index.add(connection, seen)
    store.wal_frames += 8 + len(placed) // 8
