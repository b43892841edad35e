"""A backup under load is sound, one moment, and for its owner alone (journal/exchange/backup)."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from chatctl.chat.entries.queries import SearchQuery
from chatctl.errors import ChatctlError, ConfigError
from chatctl.journal import journal_file, prepare
from chatctl.journal.exchange.backup import backup, copy_journal
from chatctl.journal.index import text_index
from chatctl.journal.maintenance.integrity_check import faults
from chatctl.journal.sqlite_store import SqliteStore, StoreBatch
from tests.journal.journals import Desk, fact
from tests.journal.test_writer import kept


def copy_new(journal: Path, target: Path) -> None:
    target.touch()
    copy_journal(journal, target)


def test_backup_under_load_is_a_gapless_prefix(tmp_path: Path) -> None:
    with Desk(tmp_path / "j.db") as desk:
        desk.keep([fact(seq) for seq in range(1, 5001)])
        done: list[object] = []
        for number in range(3):
            copy = tmp_path / f"copy{number}"
            desk.journal.read(lambda connection, copy=copy: copy_new(desk.path, copy), done.append)  # type: ignore[misc]
            released = desk.owner.reached
            seq = released
            while len(done) <= number:
                seq += 1
                desk.keep([fact(seq)])
            assert done[-1] is None
            found = kept(copy)
            assert found == [fact(seq) for seq in range(1, len(found) + 1)]
            assert released <= len(found) <= seq
            assert faults(copy) == []
            assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        assert desk.journal.status()["state"] == "ok"


def test_backup_of_the_journal_is_a_journal(tmp_path: Path) -> None:
    with Desk(tmp_path / "j.db") as desk:
        desk.keep([fact(seq, f"word{seq}") for seq in range(1, 600)])
        desk.do(text_index.follow)
        copy_new(desk.path, tmp_path / "copy")
    with Desk(tmp_path / "copy") as desk:
        assert desk.journal.last_seq() == 599
        assert desk.ask(SearchQuery("word7", 10, 599)).facts == [fact(7, "word7")]
        desk.keep([fact(600)])


def test_backup_overwrites_nothing_and_leaves_no_partial_file(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "data")
    store = SqliteStore(journal_file(folder))
    store.open()
    store.commit(StoreBatch([fact(1)]))
    there = tmp_path / "there"
    there.write_text("precious")
    with pytest.raises(ConfigError, match="exists already"):  # code 2, as config init has it
        backup(folder, there)
    with pytest.raises(ChatctlError, match="cannot be written"):
        backup(folder, tmp_path / "no" / "where")
    store.checkpoint(whole=True)
    store.close()
    store.path.write_text("nothing")
    with pytest.raises(ChatctlError, match="is damaged"):
        backup(folder, tmp_path / "copy")
    store.path.unlink()
    with pytest.raises(ChatctlError, match="cannot be copied"):
        backup(folder, tmp_path / "copy")
    assert there.read_text() == "precious"
    assert {path.name for path in tmp_path.iterdir()} == {"there", "data"}


def test_damaged_backup_is_detected(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "j.db")
    store.open()
    store.commit(StoreBatch([fact(seq, "x" * 100) for seq in range(1, 1000)]))
    store.checkpoint(whole=True)
    store.close()
    assert faults(store.path) == []
    data = bytearray(store.path.read_bytes())
    data[60_000:90_000] = bytes(30_000)
    store.path.write_bytes(data)
    assert faults(store.path)
    store.path.write_text("nothing")
    assert faults(store.path)
    with pytest.raises(sqlite3.Error):
        kept(tmp_path / "nowhere")
