"""A journal of version 3 (made by the released program) after the migration to account ids (account_id_migration).

In it: ann had an account and wrote to bob and to gus, a guest; it was removed, and another ann was made, who wrote too;
cat had an account, a room and a talk with bob, and was removed while no server ran.
"""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from chatctl.chat.entries.facts import Fact
from chatctl.chat.entries.queries import MESSAGES, HistoryQuery, SearchQuery, TargetsQuery, private_place
from chatctl.chat.model.accounts import Account, record_key
from chatctl.chat.model.user_data import Metadata, ReadMark
from chatctl.journal.exchange.export_import import exported, import_facts
from chatctl.journal.exchange.jsonl import ExportedFact, to_line
from chatctl.journal.index import text_index
from chatctl.journal.index.history_reader import read
from chatctl.journal.sqlite_store import SqliteStore
from chatctl.journal.store import account_id_migration
from chatctl.journal.writer import SqliteJournal
from tests.logs import ListLog

FIXTURE = Path(__file__).parents[1] / "fixtures" / "version_3.db.gz"
EVER = 1 << 60


@pytest.fixture(params=["indexed", "not indexed"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqliteStore]:
    path = tmp_path / "journal.db"
    path.write_bytes(gzip.decompress(FIXTURE.read_bytes()))
    path.chmod(0o600)
    if request.param == "indexed":
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("INSERT INTO lanes SELECT 1, lane, id FROM facts ORDER BY lane, id")
            connection.execute("INSERT INTO slices SELECT max(id), 1 FROM facts")
    store = SqliteStore(path)
    store.open()
    yield store
    store.close()


def accounts(store: SqliteStore) -> dict[str, Account]:
    return {record.key: record for record in store.records() if isinstance(record, Account)}


def texts(facts: object) -> list[str]:
    assert isinstance(facts, (list, tuple))
    return [fact.text for fact in facts if isinstance(fact, Fact)]


def talk(store: SqliteStore, one: str, other: str) -> list[str]:
    return texts(read(store.connection, HistoryQuery(private_place(one, other), 100, EVER, kinds=MESSAGES)).facts)


def test_accounts_have_ids_that_no_name_can_be(store: SqliteStore) -> None:
    found = accounts(store)
    assert set(found) == {"ann", "bob"}
    assert all("@" in account.id for account in found.values())
    assert found["bob"].since < found["ann"].since


def test_private_history_is_the_new_accounts_since_its_creation(store: SqliteStore) -> None:
    ann, bob = accounts(store)["ann"].identity, accounts(store)["bob"].identity
    assert talk(store, ann, bob) == ["new secret", "hello again"]
    guests = [row[0] for row in store.connection.execute("SELECT identity FROM pairs WHERE identity LIKE 'secret %'")]
    assert guests
    assert talk(store, ann, guests[0]) == ["from gus too"]
    assert talk(store, bob, guests[0]) == ["from gus"]


def test_targets_and_search_of_the_new_account_leave_out_what_is_older(store: SqliteStore) -> None:
    ann, bob = accounts(store)["ann"].identity, accounts(store)["bob"].identity
    targets = read(store.connection, TargetsQuery((), ann, 0, EVER, 100, EVER)).targets
    assert [fact.text for _, fact in targets] == ["hello again", "from gus too"]
    while text_index.follow(store):
        pass
    places = tuple(place for place, _ in targets)
    assert texts(read(store.connection, SearchQuery("secret", 100, EVER, places)).facts) == ["new secret"]
    assert [
        place
        for place, _ in read(store.connection, TargetsQuery((), bob, 0, EVER, 100, EVER)).targets
        if "cat" in place
    ] == []


def test_nothing_is_lost_for_the_owner_of_the_data_folder(store: SqliteStore) -> None:
    stored = [row[0] for row in store.connection.execute("SELECT text FROM facts ORDER BY id")]
    assert {"old secret", "old secret to gus", "new secret", "from cat", "by the first ann"} <= set(stored)
    found = texts(read(store.connection, SearchQuery("old secret", 100, EVER)).facts)
    assert found == ["old secret", "old secret to gus"]


def test_new_account_is_the_author_of_its_own_messages_only(store: SqliteStore) -> None:
    ann = accounts(store)["ann"]
    facts = read(store.connection, HistoryQuery("#tea", 100, EVER, kinds=MESSAGES)).facts
    assert [(fact.text, ann.wrote(fact.account, fact.seq)) for fact in facts] == [
        ("by the first ann", False),
        ("by the second ann", True),
    ]


def test_markers_metadata_founders_and_insiders_go_by_id(store: SqliteStore) -> None:
    ann, bob = accounts(store)["ann"], accounts(store)["bob"]
    records = store.records()
    assert [record.key for record in records if isinstance(record, ReadMark)] == [f"{ann.identity}\x1f#tea"]
    assert [record.key for record in records if isinstance(record, Metadata)] == [ann.identity]
    rooms = {room.key: room for room in store.rooms()}
    assert (rooms["#den"].founder, rooms["#den"].insiders) == (ann.id, [ann.identity, bob.identity])
    assert rooms["#bobs"].founder == bob.id
    assert rooms["#cats"].insiders == []
    assert rooms["#gus"].insiders[0].startswith("secret ")


def test_indexes_agree_with_the_facts_after_the_migration(store: SqliteStore) -> None:
    connection = store.connection
    in_index = connection.execute("SELECT lane, id FROM lanes ORDER BY id").fetchall()
    assert in_index == connection.execute("SELECT lane, id FROM facts ORDER BY id LIMIT ?", (len(in_index),)).fetchall()
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert connection.execute("PRAGMA user_version").fetchone()[0] == 4


def old_journal(path: Path) -> sqlite3.Connection:
    path.write_bytes(gzip.decompress(FIXTURE.read_bytes()))
    path.chmod(0o600)
    return sqlite3.connect(path, isolation_level=None)


def test_migration_at_the_start_is_logged_once(tmp_path: Path) -> None:
    old_journal(tmp_path / "journal.db").close()
    for expected in (["migrating the journal, once", "journal migrated"], []):
        log = ListLog()
        SqliteJournal(tmp_path / "journal.db", log).stop(10)
        assert [event for event, _ in log.events if "migrat" in event] == expected


def test_search_leaves_out_older_messages_while_the_text_index_is_stale(tmp_path: Path) -> None:
    with closing(old_journal(tmp_path / "journal.db")) as connection:
        names = connection.execute("SELECT id, name FROM places").fetchall()
    store = SqliteStore(tmp_path / "journal.db")
    store.open()
    ann, bob = accounts(store)["ann"].identity, accounts(store)["bob"].identity
    place = private_place(ann, bob)
    # As in version 3: all messages at their old places when the index saw them.
    connection = store.connection
    (number,) = connection.execute("SELECT id FROM places WHERE name = ?", (place,)).fetchone()
    assert number in dict(names)
    former = connection.execute(
        "SELECT id FROM places WHERE name LIKE 'former %bob%ann%' OR name LIKE 'former %ann%bob%'"
    )
    moved = [row[0] for row in former]
    for each in moved:
        connection.execute("UPDATE facts SET lane = ? WHERE lane = ?", (number * 2, each * 2))
    while text_index.follow(store):
        pass
    old = texts(read(connection, SearchQuery("secret", 100, EVER, (place,))).facts)
    assert "old secret" in old
    connection.execute("UPDATE facts SET lane = ? WHERE lane = ? AND text LIKE 'old %'", (moved[0] * 2, number * 2))
    assert texts(read(connection, SearchQuery("secret", 100, EVER, (place,))).facts) == ["new secret"]
    store.close()


def test_conversation_with_a_removed_account_is_migrated(tmp_path: Path) -> None:
    with closing(old_journal(tmp_path / "journal.db")) as connection:
        connection.execute("DELETE FROM records WHERE kind = 'account' AND key = 'bob'")
        before = connection.execute("SELECT text FROM facts ORDER BY id").fetchall()
    store = SqliteStore(tmp_path / "journal.db")
    store.open()
    ann = accounts(store)["ann"].identity
    targets = read(store.connection, TargetsQuery((), ann, 0, EVER, 100, EVER)).targets
    assert [fact.text for _, fact in targets] == ["from gus too"]
    assert store.connection.execute("SELECT text FROM facts ORDER BY id").fetchall() == before
    store.close()


def test_migration_of_an_account_does_not_read_all_facts(tmp_path: Path) -> None:
    with closing(old_journal(tmp_path / "journal.db")) as connection:
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
            " INSERT INTO facts SELECT i << 20, 1796091800000 + i, f.lane, f.head, f.text, NULL, NULL"
            " FROM n, (SELECT * FROM facts LIMIT 1) AS f"
        )
        steps: list[int] = []
        connection.set_progress_handler(lambda: steps.append(1), 1000)
        found = account_id_migration._first_seq(connection, 1796091800000 + 5000)
        assert found == 5000
        assert len(steps) < 10


@pytest.mark.e2e
def test_migration_of_a_conversation_does_not_read_all_conversations(tmp_path: Path) -> None:
    with closing(old_journal(tmp_path / "journal.db")) as connection:
        names = [f"account bob\x1fsecret {number}" for number in range(1000)]
        connection.executemany("INSERT INTO places (name, shown) VALUES (?, '')", [(name,) for name in names])
        connection.execute(
            "INSERT INTO pairs SELECT 'account bob', id FROM places WHERE name LIKE '%secret %' ON CONFLICT DO NOTHING"
        )
        steps: list[int] = []
        connection.set_progress_handler(lambda: steps.append(1), 1000)
        account_id_migration.add_account_ids(connection)
        assert len(steps) < 500


def test_account_created_between_imported_facts_of_one_seq_has_none_of_the_older(tmp_path: Path) -> None:
    with closing(old_journal(tmp_path / "journal.db")) as connection:
        high = connection.execute("SELECT max(id) FROM facts").fetchone()[0] >> 20
        for part, time in enumerate((1796091800000, 1796091800005)):
            connection.execute(
                "INSERT INTO facts SELECT ?, ?, lane, head, text, NULL, ? FROM facts LIMIT 1",
                ((high + 1 << 20) + part, time, f"else-{part}"),
            )
        assert account_id_migration._first_seq(connection, 1796091800003) == high + 2


def test_exports_carry_ids_and_imports_grant_by_them(store: SqliteStore, tmp_path: Path) -> None:
    ann = accounts(store)["ann"]
    lines = [to_line(fact).encode() for fact in exported(store.connection, place="#tea")]
    facts = [msgspec.json.decode(line, type=ExportedFact) for line in lines]
    ids = {fact.text: fact.account_id for fact in facts if fact.kind == "PRIVMSG"}
    assert ids == {"by the first ann": "", "by the second ann": ann.id}

    other = SqliteStore(tmp_path / "other.db")
    other.open()
    # This server has an ann of its own, made before any of that was written.
    theirs = Account("ann", "ann", ann.verifier, 1, "else-1", 1)
    other.change_records({record_key(theirs): theirs})
    import_facts(other, facts, EVER)
    stored = read(other.connection, HistoryQuery("#tea", 100, EVER, kinds=MESSAGES)).facts
    assert {fact.text: fact.account for fact in stored} == {"by the first ann": "", "by the second ann": ""}
    other.close()

    restored = SqliteStore(tmp_path / "restored.db")
    restored.open()
    restored.change_records({record_key(ann): ann})
    import_facts(restored, facts, EVER)
    stored = read(restored.connection, HistoryQuery("#tea", 100, EVER, kinds=MESSAGES)).facts
    assert {fact.text: fact.account for fact in stored} == {"by the first ann": "", "by the second ann": "ann"}
    restored.close()
