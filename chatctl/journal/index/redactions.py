"""Facts that change others: deleted messages and renamed rooms.

Invariants:

- [redact-means-delete] The change is in the transaction that stores the fact: both are there or neither.
- [tombstone] Of a deleted message a row without text and tags remains, of the kind REDACTED: its id stays known, so
  that it is not imported again. The text index follows ([stale-volume] there), and a chore empties the WAL.
- [history-follows] A room's history moves to its new name. If that name has a history of a dropped room, that one moves
  out of the way: no user reads it any more, but exports have it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chatctl.chat.entries.facts import AnyFact, Fact
from chatctl.chat.entries.queries import REDACT, REDACTED, RENAME
from chatctl.chat.model.records import SEPARATOR
from chatctl.journal.index import place_index, text_index
from chatctl.journal.index.history_reader import find_message
from chatctl.journal.store.write_access import WriteAccess
from chatctl.protocol.names import room_fold

AMENDING = frozenset({REDACT, RENAME})
"""Kinds of facts that change others."""


def runs(facts: Sequence[AnyFact]) -> Iterator[Sequence[AnyFact]]:
    """Split facts into pieces that each end with one that changes others: later facts depend on that."""
    begin = 0
    for at, fact in enumerate(facts, 1):
        if fact.kind in AMENDING:
            yield facts[begin:at]
            begin = at
    if begin < len(facts):
        yield facts[begin:]


def amend(store: WriteAccess, fact: AnyFact) -> None:
    """Do what a fact says, in the transaction that is open. Nothing for one that changes no others."""
    if not isinstance(fact, Fact):
        return
    if fact.kind == REDACT:
        _take_back(store, fact.text.partition(" ")[0])
    elif fact.kind == RENAME:
        _rename(store, fact.place, fact.text.split(" ")[1])


def _take_back(store: WriteAccess, message_id: str) -> None:
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


def _rename(store: WriteAccess, old: str, shown: str) -> None:
    connection, new = store.connection, room_fold(shown)
    if new != old:
        connection.execute(
            "UPDATE places SET name = name || ? || id WHERE name = ? AND EXISTS (SELECT 1 FROM places WHERE name = ?)",
            (SEPARATOR, new, old),
        )
    connection.execute("UPDATE places SET name = ?, shown = ? WHERE name = ?", (new, shown, old))
    store.dictionary.forget()
