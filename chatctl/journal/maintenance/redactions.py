"""Facts that change others: messages that are taken back, rooms that get another name.

The rules of this file:

1. It happens in the transaction that keeps the fact that says so: either both are there or neither.
2. Of a message that was taken back there stays a row without text and tags, of the kind REDACTED: its id is known, so
   that nobody imports it again. The index follows (indexing.py, rule 4), and the WAL is emptied by a chore.
3. A room's history goes with it to its new name. Where that name has a history of its own, of a room that is gone, that
   one moves out of the way: nobody reads it any more, but exports hold it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from chatctl.chat.entries.facts import Fact, Kept
from chatctl.chat.entries.queries import REDACT, REDACTED, RENAME, SEPARATOR
from chatctl.journal.index import place_index, text_index
from chatctl.journal.index.history_reader import find_message
from chatctl.protocol.names import room_fold

if TYPE_CHECKING:
    from chatctl.journal.store.store import SqliteStore

AMENDING = frozenset({REDACT, RENAME})
"""Kinds of facts that change others."""


def runs(facts: Sequence[Kept]) -> Iterator[Sequence[Kept]]:
    """Facts in pieces, each ending with one that changes others: what follows it depends on that."""
    begin = 0
    for at, fact in enumerate(facts, 1):
        if fact.kind in AMENDING:
            yield facts[begin:at]
            begin = at
    if begin < len(facts):
        yield facts[begin:]


def amend(store: SqliteStore, fact: Kept) -> None:
    """Do what a fact says, in the transaction that is open. Nothing for one that changes no others."""
    if not isinstance(fact, Fact):
        return
    if fact.kind == REDACT:
        _take_back(store, fact.text.partition(" ")[0])
    elif fact.kind == RENAME:
        _rename(store, fact.place, fact.text.split(" ")[1])


def _take_back(store: SqliteStore, message_id: str) -> None:
    connection = store.connection
    id = find_message(connection, message_id)
    if id is None:
        return
    head = store.dictionary.new_head()
    connection.execute(
        "INSERT INTO heads SELECT ?, boot, ?, target, source, account FROM heads"
        " WHERE id = (SELECT head FROM facts WHERE id = ?)",
        (head, REDACTED, id),
    )
    place_index.drop(connection, id, id)
    connection.execute("UPDATE facts SET text = '', tags = NULL, lane = lane | 1, head = ? WHERE id = ?", (head, id))
    place_index.add(connection, connection.execute("SELECT lane, id FROM facts WHERE id = ?", (id,)).fetchall())
    text_index.lost(connection, id, id)


def _rename(store: SqliteStore, old: str, shown: str) -> None:
    connection, new = store.connection, room_fold(shown)
    if new != old:
        connection.execute(
            "UPDATE places SET name = name || ? || id WHERE name = ? AND EXISTS (SELECT 1 FROM places WHERE name = ?)",
            (SEPARATOR, new, old),
        )
    connection.execute("UPDATE places SET name = ?, shown = ? WHERE name = ?", (new, shown, old))
    store.dictionary.forget()
