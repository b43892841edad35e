"""`chatctl backup` and `restore` as an operator uses them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.commands import run
from tests.cli.test_accounts import run as run_in
from tests.cli.test_accounts import server_on
from tests.cli.test_confirming import terminal
from tests.wire import Wire

pytestmark = pytest.mark.e2e


def output(folder: Path, *words: str) -> tuple[int, str, str]:
    done = run(*words, "--data-dir", str(folder))
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def said(folder: Path) -> list[str]:
    return re.findall(r"number \d+", output(folder, "history", "tea")[1])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A chat that was backed up while it ran, and went on after that."""
    folder = tmp_path / "data"
    with server_on(folder) as server, Wire(server.port).login("ann", "#tea") as ann:
        ann.send("PRIVMSG #tea :number 1").ping()
        code, out, err = output(folder, "backup", str(tmp_path / "backup.tar"), "--verbose")
        assert (code, "a server is running" in err) == (0, True)
        assert out.rstrip().endswith("journal.db")
        ann.send("PRIVMSG #tea :number 2").ping()
        refused = output(folder, "restore", str(tmp_path / "backup.tar"), "--yes")
        assert (refused[0], "stop it first" in refused[2]) == (2, True)
    return folder


def test_restore_asks_and_reports_what_is_lost(folder: Path) -> None:
    file = str(folder.parent / "backup.tar")
    run_in(folder, "accounts", "add", "bob", typed="sesame\n")
    code, _, err = output(folder, "restore", file)
    assert (code, "--yes" in err, "Nothing was changed" in err) == (2, True, True)
    with terminal(folder, "restore", file) as asked:
        asked.until(
            "Lost since the backup: 1 message and", "accounts made since, lost now: bob", "Replace the content of"
        )
        asked.enter("n")
        assert asked.until_end() == 1
    assert said(folder) == ["number 1", "number 2"]
    code, out, err = output(folder, "restore", file, "--yes")
    assert (code, said(folder)) == (0, ["number 1"])
    assert "Lost since the backup: 1 message and" in err
    aside = next(folder.parent.glob("data.before-restore-*"))
    assert f"The previous content is in {aside}" in out
    exported = run("export", "--data-dir", str(aside)).stdout
    assert run("import", "-", "--data-dir", str(folder), given=exported).returncode == 0
    assert said(folder) == ["number 1", "number 2"]
    assert output(folder, "accounts", "list")[1] == ""
    with server_on(folder) as server, Wire(server.port).login("ann", "#tea") as ann:
        ann.send("PRIVMSG #tea :number 3").ping()
    ids = re.findall(r'"message_id":"([^"]+)"', run("export", "--data-dir", str(folder)).stdout.decode())
    assert len(set(ids)) == len(ids)
    assert said(folder) == ["number 1", "number 2", "number 3"]


def test_restore_to_a_new_folder_asks_nothing(folder: Path) -> None:
    new = folder.parent / "new"
    code, out, _ = output(new, "restore", str(folder.parent / "backup.tar"))
    assert (code, said(new)) == (0, ["number 1"])
    assert f"Restored to {new}: 1 message and" in out


def test_unusable_backup_exits_with_2(folder: Path) -> None:
    bad = folder.parent / "bad.tar"
    bad.write_bytes((folder.parent / "backup.tar").read_bytes()[:5000])
    for file, why in ((bad, "it is cut off"), (folder.parent / "none", "no such file")):
        code, _, err = output(folder, "restore", str(file), "--yes")
        assert (code, why in err, "nothing was changed" in err) == (2, True, True)
    assert said(folder) == ["number 1", "number 2"]
