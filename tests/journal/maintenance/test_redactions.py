"""Facts that change others: messages taken back, rooms renamed (journal/maintenance/redactions)."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatctl.chat.entries.queries import HistoryQuery, Mark, SearchQuery
from chatctl.journal.exchange import export_import
from chatctl.journal.index import fact_stream, text_index
from chatctl.journal.index.history_reader import read
from chatctl.journal.sqlite_store import SqliteStore, StoreBatch
from tests.journal.journals import DEADLINE, START, Desk, fact, opened


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    with opened() as opened_store:
        yield opened_store


def redact(seq: int, target: str, place: str = "#lobby") -> StoreBatch:
    return StoreBatch([fact(seq, f"{target} typo", kind="REDACT", place=place)])


def texts(store: SqliteStore, place: str = "#lobby", kinds: tuple[str, ...] = ("PRIVMSG",)) -> list[str]:
    return [found.text for found in read(store.connection, HistoryQuery(place, 100, 1000, kinds=kinds)).facts]


def index(store: SqliteStore) -> None:
    while text_index.follow(store) == text_index.SLICE:
        pass


def on_disk(store: SqliteStore, text: str) -> bool:
    assert store.checkpoint(whole=True)
    return any(text.encode() in path.read_bytes() for path in store.path.parent.iterdir())


class TestTakenBack:
    def test_redacted_text_is_gone_from_the_disk(self, store: SqliteStore) -> None:
        store.commit(
            StoreBatch([fact(seq, f"secretword{seq} 秘密的话{seq}", tags={"+x": "secrettag"}) for seq in range(1, 9)])
        )
        store.commit(StoreBatch([fact(9, "plain")]))
        index(store)
        for seq in range(1, 9):
            store.commit(redact(10 + seq, f"boot1-{seq}"))
        for _ in text_index.mend(store):
            pass
        for text in ("secretw", "秘密", "密的", "secrettag"):
            assert not on_disk(store, text), text
        assert texts(store) == ["plain"]
        assert texts(store, kinds=("REDACT",)) == [f"boot1-{seq} typo" for seq in range(1, 9)]

    def test_redacted_message_is_not_found_even_before_the_index_follows(self, store: SqliteStore) -> None:
        store.commit(StoreBatch([fact(1, "secret"), fact(2, "other")]))
        index(store)
        store.commit(redact(3, "boot1-1"))
        for query in (SearchQuery("secret", 9, 99), SearchQuery("", 9, 99, source="alice")):
            assert "boot1-1" not in [found.message_id for found in read(store.connection, query).facts]

    def test_message_redacted_within_its_batch_is_not_stored(self, store: SqliteStore) -> None:
        store.commit(StoreBatch([fact(1, "secret"), *redact(2, "boot1-1").facts, fact(3, "after")]))
        assert texts(store) == ["after"]
        assert not on_disk(store, "secret")

    def test_id_of_a_redacted_message_still_marks_its_point(self, store: SqliteStore) -> None:
        store.commit(StoreBatch([fact(seq, str(seq)) for seq in range(1, 6)]))
        store.commit(redact(6, "boot1-3"))
        page = read(store.connection, HistoryQuery("#lobby", 10, 99, before=Mark("boot1-3")))
        assert [found.text for found in page.facts] == ["1", "2"]

    def test_import_does_not_restore_a_redacted_message(self, store: SqliteStore) -> None:
        facts = [fact(1, "secret"), fact(2, "other")]
        store.commit(StoreBatch(facts))
        store.commit(redact(3, "boot1-1"))
        assert export_import.import_facts(store, facts, START * 2).known == 2
        assert texts(store) == ["other"]

    def test_redaction_of_a_missing_message_changes_nothing(self, store: SqliteStore) -> None:
        store.commit(redact(1, "boot1-99"))
        assert texts(store, kinds=("REDACT",)) == ["boot1-99 typo"]

    def test_redaction_and_its_fact_are_stored_together(
        self, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store.commit(StoreBatch([fact(1, "secret")]))

        def broken(*given: object) -> None:
            raise sqlite3.OperationalError("no")

        monkeypatch.setattr("chatctl.journal.index.text_index.lost", broken)
        with pytest.raises(sqlite3.OperationalError):
            store.commit(redact(2, "boot1-1"))
        assert texts(store) == ["secret"]
        assert texts(store, kinds=("REDACT",)) == []

    def test_many_redactions_do_not_make_many_volumes(self, store: SqliteStore) -> None:
        for seq in range(1, 100, 2):
            store.commit(StoreBatch([fact(seq, f"word{seq}")]))
            index(store)
            store.commit(redact(seq + 1, f"boot1-{seq}"))
            for _ in text_index.mend(store):
                pass
        assert store.connection.execute("SELECT count(*) FROM volumes").fetchone()[0] <= 3

    def test_journal_cleans_up_redactions_by_itself(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("QUIET_SECONDS", "CHECKPOINT_RETRY_SECONDS", "REDACTION_DELAY_SECONDS"):
            monkeypatch.setattr(f"chatctl.journal.maintenance.chores.{name}", 0.0)
        with Desk(tmp_path / "j.db") as desk:
            desk.keep([fact(seq, f"secretword{seq}") for seq in range(1, 700)])
            desk.keep([fact(700 + seq, f"boot1-{seq}", kind="REDACT") for seq in range(1, 700)])
            by = time.monotonic() + DEADLINE
            while any(b"secretword" in path.read_bytes() for path in tmp_path.glob("j.db*")):
                desk.do(lambda store: None)
                assert time.monotonic() < by


class TestRenamed:
    def rename(self, seq: int, old: str = "#lobby", new: str = "#New") -> StoreBatch:
        return StoreBatch([fact(seq, f"{old} {new} why", kind="RENAME", place=old)])

    def test_history_follows_a_renamed_room(self, store: SqliteStore) -> None:
        store.commit(StoreBatch([fact(1, "one")]))
        store.commit(self.rename(2))
        store.commit(StoreBatch([fact(3, "two", place="#new"), fact(4, "other")]))
        assert texts(store, "#new") == ["one", "two"]
        assert texts(store) == ["other"]
        page = read(store.connection, HistoryQuery("#new", 9, 99, kinds=()))
        assert [found.target for found in page.facts] == ["#New", "#New", "#new"]

    def test_facts_after_a_rename_in_its_batch_belong_to_the_new_name(self, store: SqliteStore) -> None:
        store.commit(
            StoreBatch([fact(1, "one"), *self.rename(2).facts, fact(3, "two", place="#new"), fact(4, "other")])
        )
        assert texts(store, "#new") == ["one", "two"]
        assert texts(store) == ["other"]

    def test_rename_to_a_name_with_history_keeps_both_apart(self, store: SqliteStore) -> None:
        store.commit(StoreBatch([fact(1, "of another room", place="#new"), fact(2, "ours")]))
        store.commit(self.rename(3))
        assert texts(store, "#new") == ["ours"]
        assert "of another room" in [found.text for found in fact_stream.facts(store.connection)]

    def test_rename_to_another_spelling_changes_the_shown_name(self, store: SqliteStore) -> None:
        store.commit(StoreBatch([fact(1, "one")]))
        store.commit(self.rename(2, new="#LOBBY"))
        assert texts(store) == ["one"]
