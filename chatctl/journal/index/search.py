"""Searches messages, newest first, in the index and beyond its mark.

Invariants:

- [newest-first] Facts beyond the index's mark are scanned; then the volumes, from the newest back, each from its end.
  The search stops when there are enough.
- [facts-decide] The index proposes, the facts decide: each candidate is checked by the rule for unindexed facts
  ([terms] in tokenizer.py), and dropped if it belongs to another place.
- [prefilter] In scans SQLite skips printable ASCII text without a searched word: five times as fast as the whole rule.
- [ids] Limits (`low` on, before `high`) are ids.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import msgspec

from chatctl.chat.entries.facts import Fact
from chatctl.chat.entries.queries import SearchQuery
from chatctl.journal.index import text_index, tokenizer
from chatctl.journal.store import rows

READ = 512  # facts read at a time
_ids_from_json = msgspec.json.Decoder(list[int]).decode

_BY_ID = "SELECT c.* FROM json_each(?1) AS j CROSS JOIN facts AS c ON c.id = j.value AND c.lane & 1 = 0"
_BY_ID_AND_PLACE = f"{_BY_ID} AND c.lane IN (SELECT value * 2 FROM json_each(?2))"
"""A stale volume may name a place where the message is no longer (account_id_migration.py)."""
_PLACES = "SELECT json_group_array(id) FROM places WHERE name IN (SELECT value FROM json_each(?))"


def find(
    connection: sqlite3.Connection,
    query: SearchQuery,
    low: int | None,
    high: int,
    expired: Callable[[], bool] | None = None,
) -> list[Fact]:
    """Return the newest messages that match, in order. Within a snapshot: the index must not change in between.

    TimeoutError once `expired` says that it took too long.
    """
    terms = tokenizer.parse(query.text)
    if terms is None or query.limit <= 0:
        return []
    walk = _Walk(connection, query, terms, low, high, expired or bool)
    if query.places:
        walk.places = _ids_from_json(connection.execute(_PLACES, (rows.to_json(query.places),)).fetchone()[0])
        if not walk.places:
            return []
    walk.run()
    walk.found.sort(key=lambda pair: pair[0])
    return [fact for _, fact in walk.found]


class _Walk:
    """One search under way: from `high` down to `low`."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        query: SearchQuery,
        terms: tokenizer.SearchTerms,
        low: int | None,
        high: int,
        expired: Callable[[], bool],
    ) -> None:
        self.expired = expired
        self.connection = connection
        self.query = query
        self.terms = terms
        self.low = -rows.LAST_ID if low is None else low
        self.high = high
        self.places: list[int] = []
        self.found: list[tuple[int, Fact]] = []

    def run(self) -> None:
        expression = self.terms.expression(self.places, self.query.source)
        mark = text_index.mark(self.connection) if expression else -rows.LAST_ID
        self._rest(mark)
        if expression:
            for number, first, last in self.connection.execute(
                "SELECT number, first, last FROM volumes WHERE state = 'live' AND first < ? AND last >= ?"
                " ORDER BY last DESC",
                (self.high, self.low),
            ).fetchall():
                if self.wanted > 0:
                    self._volume(number, max(first, self.low), min(last + 1, self.high), expression)

    @property
    def wanted(self) -> int:
        """How many more would do."""
        return self.query.limit - len(self.found)

    def _take(self, facts: list[tuple[int, Fact]]) -> None:
        """Return the newest of ordered facts that match."""
        if self.expired():
            raise TimeoutError("the search took too long")
        source = self.query.source
        for id, fact in reversed(facts):
            if self.wanted <= 0:
                return
            if (not source or text_index.nick_of(fact.source) == source) and self.terms.match(fact.text):
                self.found.append((id, fact))

    def _rest(self, mark: int) -> None:
        """Search the facts that are not indexed yet."""
        lanes = "c.lane IN (SELECT value * 2 FROM json_each(:places))" if self.places else "c.lane & 1 = 0"
        plain = self.terms.plain
        like = "AND (c.text LIKE :like OR c.text GLOB '*[^ -~]*')" if plain else ""
        chosen = f"""
            SELECT c.* FROM facts AS c
            WHERE c.id >= :low AND c.id < :high AND {lanes} {like} ORDER BY c.id DESC LIMIT :limit
        """
        high, limits = self.high, {"low": max(self.low, mark + 1), "limit": READ}
        while self.wanted > 0:
            values = limits | {"high": high, "places": rows.to_json(self.places), "like": f"%{plain}%"}
            facts = rows.decode(self.connection.execute(rows.wide(chosen), values).fetchone()[0])
            self._take(facts)
            if len(facts) < READ:
                return
            high = facts[0][0]

    def _read(self, ids: list[int]) -> list[tuple[int, Fact]]:
        """Read the messages with these ids, as far as they belong to the places of the search."""
        values = (rows.to_json(ids), rows.to_json(self.places)) if self.places else (rows.to_json(ids),)
        chosen = _BY_ID_AND_PLACE if self.places else _BY_ID
        return rows.decode(self.connection.execute(rows.wide(chosen), values).fetchone()[0])

    def _volume(self, number: int, low: int, high: int, expression: str) -> None:
        """Yield the candidates of one volume, a few more than wanted at a time."""
        table = text_index.table(number)
        statement = (
            f"SELECT json_group_array(rowid) FROM (SELECT rowid FROM {table} WHERE {table} MATCH ?"
            f" AND rowid >= ? AND rowid < ? ORDER BY rowid DESC LIMIT ?)"
        )
        while self.wanted > 0:
            most = min(READ, self.wanted + 16)
            text = self.connection.execute(statement, (expression, low, high, most)).fetchone()[0]
            ids = sorted(_ids_from_json(text))
            if ids:
                self._take(self._read(ids))
                high = ids[0]
            if len(ids) < most:
                return
