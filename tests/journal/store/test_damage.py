"""A journal that is damaged, empty or gone is named in one sentence, and never becomes a new chat (damage)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from chatctl.chat.entries.queries import SearchQuery
from chatctl.errors import StartError
from chatctl.journal import SqliteJournal, journal_file, prepare
from chatctl.journal.exchange.offline import StoppedJournal
from chatctl.journal.maintenance import integrity_check
from chatctl.journal.maintenance.integrity_check import faults, full_check, quick_check
from chatctl.journal.sqlite_store import SqliteStore, StoreBatch
from chatctl.journal.store.damage import DamagedJournalError
from chatctl.journal.store.schema import open_writing
from tests.journal.index.test_place_index import second_version
from tests.journal.journals import Desk, fact
from tests.logs import ListLog

PAGE = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with 2,000 messages, in one file."""
    path = journal_file(prepare(tmp_path / "data"))
    store = SqliteStore(path)
    store.open()
    store.commit(StoreBatch([fact(seq, "x" * 100) for seq in range(1, 2001)]))
    store.checkpoint(whole=True)
    store.close()
    return path


def overwrite(path: Path, begin: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(begin)
        file.write(data)


def root_page(path: Path, table: str) -> int:
    with sqlite3.connect(path) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
    connection.close()
    return int(root)


def zero_header(path: Path) -> None:
    overwrite(path, 0, bytes(100))


def zero_first_page_behind_header(path: Path) -> None:
    overwrite(path, 100, bytes(PAGE - 100))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: 10 * PAGE])


def truncate_to_half_a_page(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: PAGE // 2])


def zero_the_middle(path: Path) -> None:
    overwrite(path, 15 * PAGE, bytes(10 * PAGE))


def noise_in_records(path: Path) -> None:
    overwrite(path, (root_page(path, "records") - 1) * PAGE, b"\xa5" * PAGE)


def drop_a_table(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE rooms")
    connection.close()


def bad_record(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO records VALUES ('account', 'ann', '{\"name\": 7}')")
    connection.commit()
    connection.close()


def bad_room(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO rooms VALUES ('#tea', 'not json')")
    connection.commit()
    connection.close()


def record_of_unknown_kind(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO records VALUES ('dragon', 'ann', '{}')")
    connection.commit()
    connection.close()


def empty(path: Path) -> None:
    path.write_bytes(b"")


DAMAGES: list[Callable[[Path], None]] = [
    zero_header,
    zero_first_page_behind_header,
    truncate,
    truncate_to_half_a_page,
    zero_the_middle,
    noise_in_records,
    drop_a_table,
    bad_record,
    bad_room,
    record_of_unknown_kind,
    empty,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_at_the_start_is_an_error_and_changes_nothing(path: Path, damage: Callable[[Path], None]) -> None:
    damage(path)
    before = path.read_bytes()
    with pytest.raises(StartError) as error:
        SqliteJournal(path, ListLog())
    said = str(error.value)
    assert error.value.exit_code == 2
    assert (str(path) in said, "chatctl restore FILE" in said, "CHATCTL_DATA_DIR" in said) == (True, True, True)
    assert "\n" not in said
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", DAMAGES)
def test_full_check_finds_the_damage(path: Path, damage: Callable[[Path], None]) -> None:
    damage(path)
    try:
        found = full_check(path).faults
    except StartError:
        found = ["no journal"]
    assert found


def test_intact_journal_is_counted(path: Path) -> None:
    report = full_check(path)
    assert (report.faults, report.messages, report.events) == ([], 2000, 0)
    assert quick_check(path)
    assert quick_check(path.with_name("none.db"))


def test_facts_without_their_head_are_found(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM heads")
    connection.commit()
    connection.close()
    assert full_check(path).faults == ["2,000 messages and events refer to something that is missing"]


def test_trigger_in_the_schema_is_damage(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TRIGGER wipe AFTER INSERT ON facts BEGIN DELETE FROM records; END")
    connection.close()
    assert faults(path) == ["it holds the trigger wipe, which chatctl did not make"]


def test_quick_check_ends_at_its_time_limit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(connection: sqlite3.Connection, *, quick: bool) -> list[str]:
        connection.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        ).fetchone()
        return []

    monkeypatch.setattr(integrity_check, "_structure", endless)
    assert not quick_check(path, seconds=0.05)


def test_status_shows_how_much_was_checked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Desk(path) as desk:
        assert desk.journal.status()["checked"] == "whole"
    monkeypatch.setattr("chatctl.journal.writer.quick_check", lambda path: False)
    with Desk(path) as desk:
        assert desk.journal.status()["checked"] == "partly"
        assert desk.journal.status()["damage"] == ""


def test_status_shows_damage_found_by_a_reader(path: Path) -> None:
    with Desk(path) as desk:
        zero_the_middle(path)
        assert desk.ask(SearchQuery("nothing", 10, 5000)).failed
        assert "malformed" in str(desk.journal.status()["damage"])


def test_journal_that_is_missing_beside_its_wal_is_not_a_new_chat(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))
    wal = path.with_name("journal.db-wal")
    wal.write_bytes(b"the last message")
    for opening in (open_writing, lambda path: SqliteJournal(path, ListLog())):
        with pytest.raises(StartError, match=r"is missing, but journal\.db-wal is there"):
            opening(path)
    assert not path.exists()
    assert wal.read_bytes() == b"the last message"


def test_interrupted_creation_leaves_no_empty_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.db"

    def killed(connection: sqlite3.Connection) -> None:
        assert not path.exists()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("chatctl.journal.store.schema.migrate", killed)
        with pytest.raises(KeyboardInterrupt):
            open_writing(path)
    path.with_name("journal.db.new").write_bytes(b"left by a start that was killed")
    open_writing(path).close()
    assert faults(path) == []


def test_older_journal_with_an_invalid_record_is_reported_and_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    connection = second_version(path)
    connection.execute("INSERT INTO records VALUES ('account', 'ann', '{\"name\": 7}')")
    connection.commit()
    connection.close()
    path.chmod(0o600)
    with pytest.raises(DamagedJournalError, match="its records cannot be read"):
        SqliteJournal(path, ListLog())


def test_commands_on_a_stopped_folder_refuse_a_damaged_journal(path: Path) -> None:
    zero_the_middle(path)
    for _ in range(2):  # the lock is released
        with pytest.raises(DamagedJournalError), StoppedJournal(path.parent):
            pass
