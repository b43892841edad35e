"""Converts facts to rows and back.

Invariants:

- [few-steps] Many rows cross the border to SQLite at once: one `sqlite3_step` per batch in, one row out. Python's
  sqlite3 releases the GIL at every step, and beside a busy loop gets it back up to 5 ms later. Facts are bound as
  parameters of a statement, at half the cost of parsing JSON; the rest as JSON. Most facts have neither tags nor an
  origin: without these two columns they cost half again.
- [fact-id] A fact's id is ``seq << 20 | part``. An entry makes a handful of facts; the rest of the 2**20 are positions
  between two entries for imported facts of that time.
- [message-id] The message id of a fact is ``<boot>-<seq>`` or ``<boot>-<seq>.<part>`` (proposals.py,
  `Entry.message_id`), and is derived from these. One of another form, or not at its own position, is stored (`origin`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import cast

import msgspec

from chatctl.chat.entries.facts import AnyFact, Fact, MessageRun
from chatctl.chat.entries.proposals import message_id_of
from chatctl.chat.entries.queries import MAX_PARTS, MESSAGES, Point, parse_message_id
from chatctl.chat.model.records import SEPARATOR

PART_BITS = MAX_PARTS.bit_length() - 1
PARTS = MAX_PARTS
LAST_ID = 2**63 - 1
_LAST_SEQ = LAST_ID >> PART_BITS

_Head = tuple[str, str, str | None, str, str]
"""boot, kind, target (None: as the place shows itself), source, account."""

FactRow = tuple[int, int, int, int, str] | tuple[int, int, int, int, str, str | None, str | None]
"""id, time, lane, head, text, and where there is one of them, tags, origin: the columns of ``facts``."""

_Wide = tuple[int, int, str, str, str, str, str, str, str, str | None, str | None]

INSERT_HEADS = """
INSERT INTO heads SELECT
    json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), json_extract(value, '$[3]'),
    json_extract(value, '$[4]'), json_extract(value, '$[5]')
FROM json_each(?)
"""
INSERT_PLACES = """
INSERT INTO places SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]')
FROM json_each(?)
"""
INSERT_PAIRS = (
    "INSERT OR IGNORE INTO pairs SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)"
)

_to_json = msgspec.json.Encoder().encode
_rows_from_json = msgspec.json.Decoder(list[_Wide]).decode
_tags_from_json = msgspec.json.Decoder(dict[str, str]).decode


_EXACT = 32
"""Up to this many rows there is a statement for each number; above, for each multiple of _STEP, padded."""
_STEP = 16
_MAX_BOUND_PARAMETERS = 512
"""Rows of one statement."""
_PLAIN = 5
"""Columns of most rows."""
_FILLER = (None, 0, 0, 0, "", None, None)
_insert_statements: dict[tuple[int, int], str] = {}


def insert_facts(rows: Sequence[FactRow]) -> list[tuple[str, list[object]]]:
    """Return the statements that put rows into ``facts``, with their parameters: mostly one. Several belong in a
    transaction."""
    plain = [row for row in rows if len(row) == _PLAIN]
    others = [row for row in rows if len(row) != _PLAIN] if len(plain) < len(rows) else []
    return [
        _insert(kind[at : at + _MAX_BOUND_PARAMETERS])
        for kind in (plain, others)
        for at in range(0, len(kind), _MAX_BOUND_PARAMETERS)
    ]


def _insert(rows: Sequence[FactRow]) -> tuple[str, list[object]]:
    count, columns = len(rows), len(rows[0])
    values: list[object] = list(chain.from_iterable(rows))
    if count > _EXACT and (over := count % _STEP):
        values += _FILLER[:columns] * (_STEP - over)
        count += _STEP - over
    statement = _insert_statements.get((count, columns))
    if statement is None:
        places = ",".join([f"({','.join('?' * columns)})"] * count)
        chosen = f"VALUES {places}" if count <= _EXACT else f"SELECT * FROM (VALUES {places}) WHERE column1 IS NOT NULL"
        names = "id, time, lane, head, text" + (", tags, origin" if columns > _PLAIN else "")
        statement = _insert_statements[count, columns] = f"INSERT INTO facts ({names}) {chosen}"
    return statement, values


def to_json(value: object) -> str:
    """Plain values as JSON text. msgspec.EncodeError, UnicodeEncodeError: the caller's facts are not plain."""
    return _to_json(value).decode()


def fact_id(seq: int, part: int) -> int:
    """Return the row of a fact."""
    return seq << PART_BITS | part


def point(id: int) -> Point:
    """Return the point of a row."""
    return id >> PART_BITS, id & PARTS - 1


def beyond(upto: int) -> int:
    """Return the first id after everything up to the entry `upto`."""
    return fact_id(upto + 1, 0) if upto < _LAST_SEQ else LAST_ID


def row_of_message_id(message_id: str) -> tuple[str, int]:
    """Return the boot and the row that a message id names; ``("", -1)`` for an id that is not valid."""
    found = parse_message_id(message_id)
    return (found[0], fact_id(*found[1:])) if found is not None else ("", -1)


@dataclass(slots=True)
class EncodedBatch:
    """A batch of facts as rows, and the rows they depend on."""

    facts: list[FactRow] = field(default_factory=list)
    wide: int = 0
    """How many of `facts` have all columns."""
    heads: list[tuple[object, ...]] = field(default_factory=list)
    places: list[tuple[int, str, str]] = field(default_factory=list)
    pairs: list[tuple[str, int]] = field(default_factory=list)

    @property
    def one_statement(self) -> bool:
        """Whether a single statement keeps all of it: then it needs no transaction around it."""
        count = len(self.facts)
        return not (self.heads or self.places) and count <= _MAX_BOUND_PARAMETERS and self.wide in (0, count)


class HeadNumbers:
    """Numbers for heads and places: known ones, and new ones for the rest.

    Numbers grow and are never reused, so a cached one is never wrong. Call :meth:`forget` if the rows with new numbers
    were not stored.
    """

    MOST = 8192
    """Heads, and places, of one generation. When it is full the one before is forgotten, so those in use stay, and
    memory does not grow with every name that was ever seen (some 400 bytes a head). A forgotten head gets a new number
    and row."""

    def __init__(self, last_head: int, last_place: int) -> None:
        self._heads: dict[_Head, tuple[int, bool]] = {}
        self._older_heads: dict[_Head, tuple[int, bool]] = {}
        self._places: dict[str, tuple[int, str]] = {}
        self._last_head = last_head
        self._last_place = last_place
        self._boot = ""

    def forget(self) -> None:
        """Forget all numbers."""
        self._heads.clear()
        self._older_heads.clear()
        self._places.clear()

    def new_head(self) -> int:
        """Return an unused number for a head."""
        self._last_head += 1
        return self._last_head

    def missing(self, facts: Iterable[AnyFact]) -> list[str]:
        """Return the places of `facts` without a known number, to be looked up and passed to `learn` before
        `encode`."""
        if len(self._heads) > self.MOST:
            self._heads, self._older_heads = {}, self._heads
        if len(self._places) > self.MOST:
            self._places.clear()  # they are looked up again
        known = self._places
        return list({fact.place: None for fact in facts if fact.place not in known})

    def learn(self, places: Iterable[tuple[str, int, str]]) -> None:
        """Places that have a number already: name, number, how they show themselves."""
        self._places.update((name, (number, shown)) for name, number, shown in places)

    def encode(self, facts: Iterable[AnyFact]) -> EncodedBatch:
        """Return rows for facts whose places are all known or new."""
        encoded = EncodedBatch()
        for kept in facts:
            if isinstance(kept, MessageRun):
                self._encode_lines(kept, encoded)
            else:
                self._encode(kept, fact_id(kept.seq, kept.part), encoded)
        return encoded

    def encode_at(self, facts: Iterable[Fact], ids: Iterable[int]) -> EncodedBatch:
        """Return rows for facts that are stored at `ids` instead of their own points."""
        encoded = EncodedBatch()
        for fact, id in zip(facts, ids, strict=True):
            self._encode(fact, id, encoded)
        return encoded

    def _encode_lines(self, said: MessageRun, encoded: EncodedBatch) -> None:
        lane, head = self._filed(said, said.boot, encoded)
        id, time, step = said.seq << PART_BITS, said.time, said.step
        add = encoded.facts.append
        for text in said.texts:
            add((id, time, lane, head, text))
            id += 1
            time += step

    def _encode(self, fact: Fact, id: int, encoded: EncodedBatch) -> None:
        origin: str | None = None
        boot = self._boot
        # Most are of this start of the server, at the place that their message id names.
        if fact.message_id != message_id_of(boot, *point(id)):
            boot, own = row_of_message_id(fact.message_id)
            if own == id:
                self._boot = boot
            else:
                boot, origin = "", fact.message_id
        lane, head = self._filed(fact, boot, encoded)
        if fact.tags or origin is not None:
            tags = to_json(fact.tags) if fact.tags else None
            encoded.facts.append((id, fact.time, lane, head, fact.text, tags, origin))
            encoded.wide += 1
        else:
            encoded.facts.append((id, fact.time, lane, head, fact.text))

    def _filed(self, kept: AnyFact, boot: str, encoded: EncodedBatch) -> tuple[int, int]:
        """Return the lane and the head of a fact."""
        place = self._places.get(kept.place)
        if place is None:
            place = self._new_place(kept, encoded)
        target = kept.target
        head = (boot, kept.kind, None if target == place[1] else target, kept.source, kept.account)
        found = self._heads.get(head)
        if found is None:
            found = self._older_heads.get(head)
            if found is None:
                found = self._new_head(head, encoded)
            else:
                self._heads[head] = found
        return place[0] * 2 + found[1], found[0]

    def _new_place(self, fact: AnyFact, encoded: EncodedBatch) -> tuple[int, str]:
        self._last_place = number = self._last_place + 1
        self._places[fact.place] = place = (number, fact.target)
        encoded.places.append((number, fact.place, fact.target))
        encoded.pairs += [(identity, number) for identity in identities(fact.place)]
        return place

    def _new_head(self, head: _Head, encoded: EncodedBatch) -> tuple[int, bool]:
        self._last_head = number = self._last_head + 1
        self._heads[head] = found = (number, head[1] not in MESSAGES)
        encoded.heads.append((number, *head))
        return found


def identities(place: str) -> list[str]:
    """Return the identities that share a private place; empty for a room."""
    return sorted(set(place.split(SEPARATOR))) if SEPARATOR in place and place[:1] != "#" else []


def wide(chosen: str) -> str:
    """Return a statement that selects the facts of the rows that `chosen` selects, as one JSON text."""
    return f"""
        SELECT json_group_array(json_array(f.id, f.time, h.boot, h.kind, p.name, coalesce(h.target, p.shown), h.source,
                                           h.account, f.text, f.tags, f.origin))
        FROM ({chosen}) AS f CROSS JOIN heads AS h ON h.id = f.head CROSS JOIN places AS p ON p.id = f.lane >> 1
    """


def decode(text: str) -> list[tuple[int, Fact]]:
    """Return the result of a `wide` statement: pairs of row id and fact, in order."""
    rows = _rows_from_json(text)
    rows.sort(key=_by_id)
    return [(row[0], _fact(row)) for row in rows]


def _by_id(row: _Wide) -> int:
    return row[0]


def _fact(row: _Wide) -> Fact:
    id, time, boot, kind, place, target, source, account, text, tags, origin = row
    seq, part = point(id)
    message_id = origin if origin is not None else f"{boot}-{seq}.{part}" if part else f"{boot}-{seq}"
    kept = _tags_from_json(tags) if tags is not None else cast("dict[str, str]", {})
    return Fact(seq, part, time, message_id, kind, place, target, source, account, text, kept)
