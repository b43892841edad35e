"""`chatctl ban`, `unban`, `kick`, `sessions`: against a running server, and over its restart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.processes import ServeProcess, chatctl
from tests.wire import Wire

pytestmark = pytest.mark.e2e


def test_sessions_and_bans_are_listed_and_changed(tmp_path: Path) -> None:
    with ServeProcess(tmp_path) as server, Wire(server.port).login("ann", "#lobby") as ann, Wire(server.port):
        listed = chatctl(tmp_path, "sessions", "--json")
        people = {item["name"]: item for item in map(json.loads, listed.stdout.splitlines())}
        assert people["ann"]["address"] == "127.0.0.1"
        assert people["ann"]["rooms"] == ["#lobby"]
        assert "" in people  # the one that has not registered
        assert "ann " in chatctl(tmp_path, "sessions").stdout

        kicked = chatctl(tmp_path, "kick", "ann", "--reason", "calm down")
        assert (kicked.returncode, kicked.stdout) == (0, "ann is gone\n")
        assert ann.until_end()[-1].params == ["Sent away: calm down"]
        assert chatctl(tmp_path, "kick", "nobody").returncode == 1

        banned = chatctl(tmp_path, "ban", "ann", "--for", "2h", "--reason", "spam")
        assert (banned.returncode, banned.stdout) == (0, "ann is banned\n")
        assert chatctl(tmp_path, "ban", "ann", "--for", "soon").returncode == 2
        assert chatctl(tmp_path, "ban", "a b").returncode == 1
    with ServeProcess(tmp_path) as server:
        listed = chatctl(tmp_path, "ban")
        assert listed.stdout.startswith("name     ann")
        assert listed.stdout.rstrip().endswith("spam")
        refused = chatctl(tmp_path, "join", "--name", "ann", stdin="hi\n", CHATCTL_PORT=str(server.port))
        assert refused.returncode == 5
        assert "may not be used here until 20" in refused.stderr
        assert "(spam)" in refused.stderr
        assert chatctl(tmp_path, "check-name", "ann", CHATCTL_PORT=str(server.port)).returncode == 1
        assert chatctl(tmp_path, "unban", "ann").returncode == 0
        assert chatctl(tmp_path, "unban", "ann").returncode == 1
        allowed = chatctl(tmp_path, "join", "--name", "ann", stdin="hi\n", CHATCTL_PORT=str(server.port))
        assert allowed.returncode == 0, allowed.stderr


def test_banned_address_is_refused_with_the_reason(tmp_path: Path) -> None:
    with ServeProcess(tmp_path) as server, Wire(server.port).login("ann", "#lobby") as ann:
        assert chatctl(tmp_path, "ban", "127.0.0.0/8", "--reason", "enough", "--yes").returncode == 0
        assert "enough" in ann.until_end()[-1].params[0]
        refused = chatctl(tmp_path, "join", "--name", "bob", stdin="hi\n", CHATCTL_PORT=str(server.port))
        assert refused.returncode == 5
        assert "You are banned from this server: enough" in refused.stderr
        checked = chatctl(tmp_path, "check-name", "bob", CHATCTL_PORT=str(server.port))
        assert (checked.returncode, "You are banned" in checked.stderr) == (5, True)


def test_sessions_without_a_server_is_an_error(tmp_path: Path) -> None:
    for words in (["sessions"], ["kick", "ann"]):
        refused = chatctl(tmp_path, *words)
        assert (refused.returncode, "No server runs" in refused.stderr) == (4, True)


def test_bans_of_a_stopped_server_can_be_changed(tmp_path: Path) -> None:
    """The same rules, the same sentences, the same file; and it is said that no server was asked."""
    folder = tmp_path / "data"

    def run(*words: str) -> tuple[int, str, str]:
        done = chatctl(tmp_path, *words, CHATCTL_DATA_DIR=str(folder))
        return done.returncode, done.stdout, done.stderr

    assert run("ban", "ann", "--for", "2h", "--reason", "spam") == (0, "ann is banned\n", "")
    assert run("ban", "192.0.2.7", "--reason", "enough")[:2] == (0, "192.0.2.7/32 is banned\n")
    assert run("ban", "robert", "--account")[0] == 0
    assert run("ban", "a b")[0] == 1
    code, out, err = run("ban")
    assert [line.split()[:2] for line in out.splitlines()] == [
        ["name", "ann"],
        ["address", "192.0.2.7/32"],
        ["account", "robert"],
    ]
    assert (code, err) == (0, "")
    assert [json.loads(line)["reason"] for line in run("ban", "--json")[1].splitlines()] == ["spam", "enough", ""]
    with ServeProcess(tmp_path, CHATCTL_DATA_DIR=str(folder)) as server, Wire(server.port) as wire:
        wire.send("NICK ann", "USER u 0 * :r")
        assert "(spam)" in wire.until("433").params[-1]
        assert run("ban")[1:] == (out, "")
    assert run("unban", "robert", "--account")[:2] == (0, "robert is not banned any more\n")
    assert run("unban", "192.0.2.7")[0] == 0
    assert run("unban", "192.0.2.7")[0] == 1
    assert len(run("ban")[1].splitlines()) == 1
    run("unban", "ann")
    assert run("ban")[:2] == (0, "")


def test_bans_without_a_data_folder_are_refused(tmp_path: Path) -> None:
    refused = chatctl(tmp_path, "ban", "ann", CHATCTL_HISTORY__ENABLED="false")
    assert refused.returncode == 2
    assert "end with the server" in refused.stderr


def test_sessions_and_kick_need_a_server_with_a_data_folder(tmp_path: Path) -> None:
    for command in (["sessions"], ["kick", "ann"]):
        refused = chatctl(tmp_path, *command)
        assert refused.returncode == 4
        assert "No server runs on the data folder" in refused.stderr
        assert "--no-history" in refused.stderr
