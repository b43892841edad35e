"""`chatctl accounts` and `chatctl invite`: on a stopped folder, and beside a running server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest

from chatctl.chat.model.accounts import Account
from chatctl.chat.model.policy import Rules
from chatctl.journal import SqliteJournal, journal_file, lock, prepare
from chatctl.protocol import scram
from chatctl.server import Server
from chatctl.server.server import SilentLog
from tests.wire import Wire

pytestmark = pytest.mark.e2e

CHATCTL = [sys.executable, "-m", "chatctl"]


def run(folder: Path, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    environ = {
        "CHATCTL_DATA_DIR": str(folder),
        "CHATCTL_ACCOUNTS__ITERATIONS": "4096",
        "HOME": str(folder.parent),
        "PATH": "",
    }
    return subprocess.run(
        [*CHATCTL, *words], check=False, input=typed, capture_output=True, encoding="utf-8", timeout=30, env=environ
    )


@contextmanager
def server_on(folder: Path) -> Iterator[Server]:
    with lock(prepare(folder)):
        journal = SqliteJournal(journal_file(folder), SilentLog())
        with Server(port=0, rules=Rules(iterations=4096), journal=journal, control=folder) as server:
            yield server


def test_accounts_of_a_stopped_server_can_be_changed(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    done = run(folder, "accounts", "add", "ann", "--operator", typed="sesame\n")
    assert (done.returncode, done.stdout) == (0, "The account ann is made, an operator of the server\n")
    assert run(folder, "accounts", "add", "Ann", typed="sesame\n").returncode == 1
    assert run(folder, "accounts", "add", "1up", typed="sesame\n").returncode == 3
    for typed, why in (("x\n", "at least 6 characters"), ("\n", "empty"), ("Annabel\n", "must not be the name")):
        for command in ("add", "set-password"):
            refused = run(folder, "accounts", command, "annabel", typed=typed)
            assert refused.returncode == 2
            assert why in refused.stderr
    assert run(folder, "accounts", "set-password", "ann", typed="another\n").returncode == 0
    assert run(folder, "accounts", "promote", "ann", "--undo").stdout == "ann is not an operator any more\n"
    listed = json.loads(run(folder, "accounts", "list", "--json").stdout)
    assert (listed["name"], listed["operator"], listed["here"]) == ("ann", False, 0)
    with server_on(folder) as server, Wire(server.port).login("eve") as eve:
        eve.send("PRIVMSG NickServ :IDENTIFY ann another")
        eve.until("900")
        assert json.loads(run(folder, "accounts", "list", "--json").stdout)["here"] == 1
    assert run(folder, "accounts", "remove", "ann", "--yes").returncode == 0
    missing = run(folder, "accounts", "remove", "ann", "--yes")
    assert missing.stderr == "chatctl: The account ann does not exist\n"
    empty = run(folder, "accounts", "list")
    assert (empty.returncode, empty.stdout, empty.stderr) == (0, "", "")


def test_listing_accounts_makes_no_data_folder(tmp_path: Path) -> None:
    for command in (("accounts", "list"), ("ban",)):
        assert run(tmp_path / "data", *command).returncode == 0
        assert list(tmp_path.iterdir()) == []


def test_accounts_of_a_running_server_can_be_changed(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with server_on(folder) as server, Wire(server.port).login("ann") as ann:
        assert run(folder, "accounts", "add", "bob", typed="sesame\n").returncode == 0
        ann.send("PRIVMSG NickServ :IDENTIFY bob sesame")
        ann.until("900")
        assert run(folder, "accounts", "promote", "bob").returncode == 0
        ann.until("381")
        asked = run(folder, "check-name", "bob", "zoe", "--port", str(server.port))
        assert (asked.returncode, asked.stdout.split()[:2]) == (1, ["bob", "taken"])
        done = run(folder, "accounts", "add", "bob", typed="sesame\n")
        assert (done.returncode, done.stderr) == (1, "chatctl: The account bob exists already\n")
    found = SqliteJournal(journal_file(folder), SilentLog())
    assert [record.operator for record in found.records() if isinstance(record, Account)] == [True]
    found.stop(5)


def test_invite_needs_a_running_server(tmp_path: Path) -> None:
    done = run(tmp_path / "data", "invite")
    assert (done.returncode, done.stdout) == (4, "")
    assert "chatctl serve" in done.stderr


@pytest.mark.parametrize("words", [["--expires", "2020-01-01"], ["--expires", "soon"], ["--room", "a b"]])
def test_invalid_invitation_options_are_refused(tmp_path: Path, words: list[str]) -> None:
    assert run(tmp_path / "data", "invite", *words).returncode == 2


def test_printed_invitation_is_enough_to_join(tmp_path: Path) -> None:
    """From an empty home folder, in one step."""
    folder = tmp_path / "data"
    with server_on(folder) as server:
        done = run(folder, "invite", "--room", "tea", "--expires", "1h")
        assert done.returncode == 0, done.stderr
        program, command, url = done.stdout.split()
        assert (program, command) == ("chatctl", "join")
        home = tmp_path / "friend"
        home.mkdir()
        env = {"HOME": str(home), "PATH": "", "TERM": "dumb", "LANG": "C.UTF-8"}
        words = [*CHATCTL[1:], "join", url.strip("'")]
        friend = pexpect.spawn(CHATCTL[0], words, env=env, timeout=30, encoding="utf-8", cwd=str(home))
        friend.expect("Your name: ")
        friend.sendline("bob")
        friend.expect("Choose a password")
        friend.sendline("short")
        friend.expect("at least 6 characters")
        friend.expect("Choose a password")
        friend.sendline("hunter22")
        friend.expect("Once more: ")
        friend.sendline("hunter22")
        friend.expect("You are in #tea")
        friend.sendline("/quit")
        friend.expect(pexpect.EOF)
        assert "hunter22" not in (friend.before or "")
        again = run(tmp_path, "join", url.strip("'"), "--name", "carol", typed="hi\n")
        assert again.returncode != 0
        with Wire(server.port).login("eve") as eve:
            eve.send("PRIVMSG NickServ :INFO bob")
            assert "is an account" in eve.until("NOTICE").params[-1]
    kept = (folder / "journal.db").read_bytes()
    assert url.partition("invite=")[2].partition("&")[0].encode() not in kept
    assert str(scram.MECHANISM).encode() in kept
