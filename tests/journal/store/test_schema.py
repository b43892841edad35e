"""Which files are opened, and that others are left alone (journal/store/schema)."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from chatctl.errors import StartError
from chatctl.journal.store import schema
from chatctl.journal.store.schema import APPLICATION_ID, MIGRATIONS, migrate, open_writing, transaction
from tests.journal.journals import Desk, fact


def digest(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def refusal(path: Path) -> str:
    before = digest(path.parent)
    with pytest.raises(StartError) as error:
        open_writing(path)
    assert digest(path.parent) == before
    assert error.value.exit_code == 2
    assert "CHATCTL_DATA_DIR" in str(error.value)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_newer_journal_is_refused_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    with Desk(path) as desk:
        desk.keep([fact(1)])
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    assert f"written by a newer chatctl (version {len(MIGRATIONS) + 1}, this one knows {len(MIGRATIONS)})" in refusal(
        path
    )


def test_file_that_is_not_a_journal_is_refused_unchanged(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    text = tmp_path / "a" / "j.db"
    text.write_text("Dear diary, " * 100)
    assert "is not a chatctl journal" in refusal(text)
    (tmp_path / "b").mkdir()
    other = tmp_path / "b" / "j.db"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE songs (name)")
    connection.close()
    assert "is not a chatctl journal" in refusal(other)


def test_folder_in_the_place_of_the_journal_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "j.db").mkdir()
    with pytest.raises(StartError, match="cannot be written"):
        open_writing(tmp_path / "j.db")


def test_start_killed_before_the_tables_is_repeated(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "k.db")
    connection.execute("PRAGMA journal_mode = WAL")  # so far it had come
    connection.close()
    connection = open_writing(tmp_path / "k.db")
    assert connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    connection.close()


def test_migration_is_atomic(tmp_path: Path) -> None:
    connection = open_writing(tmp_path / "j.db")

    def half(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE more (x)")
        raise sqlite3.OperationalError("no")

    def whole(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE more (x)")

    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, (*MIGRATIONS, half))
    tables = "SELECT count(*) FROM sqlite_schema WHERE name = 'more'"
    assert connection.execute(tables).fetchone()[0] == 0
    assert connection.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)
    migrate(connection, (*MIGRATIONS, whole))
    migrate(connection, (*MIGRATIONS, whole))
    assert connection.execute(tables).fetchone()[0] == 1
    assert connection.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS) + 1
    connection.close()


def test_writing_connection_has_the_durable_settings(tmp_path: Path) -> None:
    connection = open_writing(tmp_path / "j.db")
    asked = ["journal_mode", "synchronous", "wal_autocheckpoint", "secure_delete", "fullfsync"]
    assert [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in asked] == ["wal", 2, 0, 1, 1]
    connection.close()


def test_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    connection = open_writing(tmp_path / "j.db")

    def fail() -> None:
        with transaction(connection):
            connection.execute("INSERT INTO marks VALUES ('x', 1)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert connection.execute("SELECT count(*) FROM marks WHERE name = 'x'").fetchone()[0] == 0
    assert not connection.in_transaction
    connection.close()


def test_reader_opens_a_closed_journal_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    open_writing(path).close()
    before = digest(tmp_path)
    connection = schema.open_reading(path)
    connection.execute("SELECT * FROM facts").fetchall()
    connection.close()
    assert digest(tmp_path)["j.db"] == before["j.db"]
    assert (tmp_path / "j.db-wal").stat().st_size == 0
    open_writing(path).close()
    assert [found.name for found in tmp_path.iterdir()] == ["j.db"]


def test_schema_and_version_agree(tmp_path: Path) -> None:
    """A change of the tables of a released version needs a new version."""
    connection = open_writing(tmp_path / "j.db")
    found = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").fetchall()
    text = "\n".join(" ".join(sql.split()) for (sql,) in found)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "cf03e40cec12c5f0", text
    connection.close()
    shutil.rmtree(tmp_path)
