"""`chatctl check`, and what commands say of a damaged journal."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatctl.journal import journal_file, prepare
from chatctl.journal.sqlite_store import SqliteStore, StoreBatch
from tests.cli.commands import run
from tests.journal.journals import fact

pytestmark = pytest.mark.e2e


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = prepare(tmp_path / "data")
    store = SqliteStore(journal_file(folder))
    store.open()
    store.commit(StoreBatch([fact(seq, "x" * 100) for seq in range(1, 2001)]))
    store.checkpoint(whole=True)
    store.close()
    return folder


def output(folder: Path, *words: str) -> tuple[int, str, str]:
    done = run(*words, "--data-dir", str(folder))
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_check_of_an_intact_folder_exits_with_0(folder: Path) -> None:
    code, out, _ = output(folder, "check")
    assert (code, out.startswith("The journal is sound: 2,000 messages and 0 other events")) == (0, True)
    (folder / "cloak.key").write_bytes(b"short")
    code, _, err = output(folder, "check")
    assert (code, "cloak.key is damaged" in err) == (2, True)


def test_check_of_a_missing_folder_exits_with_4(tmp_path: Path) -> None:
    code, _, err = output(tmp_path / "none", "check")
    assert (code, "There is no history" in err) == (4, True)


def test_every_command_names_the_damage(folder: Path) -> None:
    path = journal_file(folder)
    data = bytearray(path.read_bytes())
    data[15 * 4096 : 30 * 4096] = bytes(15 * 4096)
    path.write_bytes(data)
    for words in (
        ["check"],
        ["serve", "--port", "0"],
        ["export"],
        ["backup", str(folder.parent / "copy")],
        ["prune", "--older-than", "1d", "--yes"],
        ["accounts", "list"],
        ["ban"],
    ):
        code, _, err = output(folder, *words)
        assert code == 2, (words, err)
        assert f"The journal {path} is damaged" in err, words
        assert "Traceback" not in err
    assert path.read_bytes() == data


def test_every_command_refuses_an_empty_journal(folder: Path) -> None:
    path = journal_file(folder)
    path.write_bytes(b"")
    for words in (
        ["check"],
        ["serve", "--port", "0"],
        ["history"],
        ["search", "x"],
        ["export"],
        ["backup", str(folder.parent / "copy")],
        ["prune", "--older-than", "1d", "--yes"],
        ["accounts", "list"],
    ):
        code, _, err = output(folder, *words)
        assert (code, "is empty (0 bytes)" in err) == (2, True), (words, err)
    assert path.read_bytes() == b""


def test_status_without_a_server_reports_a_damaged_journal(folder: Path) -> None:
    code, _, err = output(folder, "status")
    assert (code, "damaged" in err) == (4, False)
    path = journal_file(folder)
    path.write_bytes(path.read_bytes()[: 10 * 4096])
    code, _, err = output(folder, "status")
    assert (code, f"The journal {path} is damaged" in err) == (4, True)
