"""Commands that destroy something ask on a terminal, and need --yes elsewhere."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chatctl.cli.commands.ban import _own_address
from chatctl.cli.time_arguments import length, moment
from chatctl.errors import ConfigError
from chatctl.journal import journal_file, prepare
from chatctl.journal.sqlite_store import SqliteStore, StoreBatch
from tests.cli.commands import run
from tests.e2e.processes import Terminal
from tests.journal.journals import fact

pytestmark = pytest.mark.e2e

NOW = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with 10 messages and 2 other events."""
    folder = prepare(tmp_path / "data")
    store = SqliteStore(journal_file(folder))
    store.open()
    store.commit(StoreBatch([*(fact(seq) for seq in range(1, 11)), *(fact(seq, kind="JOIN") for seq in (11, 12))]))
    store.checkpoint(whole=True)
    store.close()
    return folder


def output(folder: Path, *words: str) -> tuple[int, str, str]:
    done = run(*words, "--data-dir", str(folder))
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def terminal(folder: Path, *words: str) -> Terminal:
    command = [sys.executable, "-m", "chatctl", *words, "--data-dir", str(folder)]
    return Terminal(command, {**os.environ, "HOME": str(folder.parent), "TERM": "xterm"})


COUNTED = "10 messages and 2 other events"


def test_prune_without_a_terminal_needs_yes(folder: Path) -> None:
    code, out, err = output(folder, "prune", "--older-than", "1d")
    assert (code, out) == (2, "")
    assert "--yes" in err
    assert "Nothing was changed" in err
    code, out, err = output(folder, "prune", "--older-than", "1d", "--yes", "--verbose")
    assert (code, out) == (0, "Deleted: 12 messages and events.\n")
    assert COUNTED in err


def test_prune_dry_run_counts_and_changes_nothing(folder: Path) -> None:
    before = journal_file(folder).read_bytes()
    code, out, _ = output(folder, "prune", "--older-than", "1d", "--dry-run")
    assert (code, COUNTED in out) == (0, True)
    code, out, _ = output(folder, "prune", "--older-than", "2000-01-01", "--dry-run")
    assert (code, "0 messages and 0 other events" in out) == (0, True)
    assert journal_file(folder).read_bytes() == before
    assert {path.name for path in folder.iterdir()} == {"journal.db"}


def test_prune_on_a_terminal_asks(folder: Path) -> None:
    for answer, code in (("", 1), ("n", 1), ("y", 0)):
        with terminal(folder, "prune", "--older-than", "1d") as asked:
            asked.until(f"Delete {COUNTED}", "for good?")
            asked.enter(answer)
            assert asked.until_end() == code
            assert any("Deleted: 12" in line for line in asked.shown()) == (code == 0)


def test_accounts_remove_asks(folder: Path) -> None:
    assert run("accounts", "add", "ann", "--data-dir", str(folder), given="sesame\n").returncode == 0
    code, _, err = output(folder, "accounts", "remove", "ann")
    assert (code, "--yes" in err) == (2, True)
    with terminal(folder, "accounts", "remove", "ann") as asked:
        asked.until("Remove the account ann for good?")
        asked.enter("n")
        assert asked.until_end() == 1
    assert "ann" in output(folder, "accounts", "list")[1]
    assert output(folder, "accounts", "remove", "ann", "--yes")[0] == 0
    assert output(folder, "accounts", "list")[1] == ""


@pytest.mark.parametrize("target", ["127.0.0.1", "127.8.9.10", "0.0.0.0/0", "::1", "::/0", "::ffff:127.0.0.1"])
def test_ban_of_this_computer_asks(folder: Path, target: str) -> None:
    code, _, err = output(folder, "ban", target)
    assert (code, "this computer" in err, "--yes" in err) == (2, True, True)
    assert output(folder, "ban")[1] == ""


def test_ban_of_this_computer_with_yes_and_bans_of_others_do_not_ask(folder: Path) -> None:
    for words in (["127.0.0.1", "--yes"], ["192.0.2.7"], ["mallory"], ["robert", "--account"]):
        assert output(folder, "ban", *words)[0] == 0
    with terminal(folder, "ban", "127.0.0.2") as asked:
        asked.until("excludes this computer (127.0.0.2)", "Go on?")
        asked.enter("y")
        assert asked.until_end() == 0


def test_interface_addresses_count_as_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.server.net.listener.own_addresses", lambda listening: ["192.0.2.7", "2001:db8::7"])
    monkeypatch.setattr("chatctl.server.net.listener.on_interfaces", lambda: ["198.51.100.1"])
    assert _own_address("192.0.2.0/24") == "192.0.2.7"
    assert _own_address("2001:db8::1") == "2001:db8::7"
    assert _own_address("198.51.100.1") == "198.51.100.1"
    assert _own_address("203.0.113.1") == ""
    assert _own_address("no.address") == ""


@pytest.mark.parametrize("text", ["6m", "90M", "1 m"])
def test_unit_m_is_refused_as_ambiguous(text: str) -> None:
    ambiguous = r"ambiguous: write \d+min for minutes or \d+mo for months"
    with pytest.raises(ConfigError, match=ambiguous):
        moment("--older-than", text, NOW)
    with pytest.raises(ConfigError, match=ambiguous):
        length("--for", text)


def test_minutes_and_months_are_units() -> None:
    assert length("--for", "30min") == 1800
    assert length("--for", "2mo") == 60 * 86400
    assert moment("--older-than", "1mo", NOW) == moment("--older-than", "30d", NOW)


def test_time_before_the_calendar_is_refused() -> None:
    with pytest.raises(ConfigError, match="before the year 1"):
        moment("--older-than", "999999w", NOW)
