"""`chatctl ban`, `unban`, `kick`, `sessions`: against a running server, and over its restart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.processes import ServeProcess, chatctl
from tests.wire import Wire

pytestmark = pytest.mark.e2e


def test_who_is_here_and_who_may_not_be(tmp_path: Path) -> None:
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
        assert "may not be used here (spam)" in refused.stderr
        assert chatctl(tmp_path, "check-name", "ann", CHATCTL_PORT=str(server.port)).returncode == 1
        assert chatctl(tmp_path, "unban", "ann").returncode == 0
        assert chatctl(tmp_path, "unban", "ann").returncode == 1
        allowed = chatctl(tmp_path, "join", "--name", "ann", stdin="hi\n", CHATCTL_PORT=str(server.port))
        assert allowed.returncode == 0, allowed.stderr


def test_a_banned_address_is_told_at_the_door(tmp_path: Path) -> None:
    with ServeProcess(tmp_path) as server, Wire(server.port).login("ann", "#lobby") as ann:
        assert chatctl(tmp_path, "ban", "127.0.0.0/8", "--reason", "enough").returncode == 0
        assert "enough" in ann.until_end()[-1].params[0]
        refused = chatctl(tmp_path, "join", "--name", "bob", stdin="hi\n", CHATCTL_PORT=str(server.port))
        assert refused.returncode == 5
        assert "You are banned from this server: enough" in refused.stderr


def test_without_a_server_there_is_nobody_to_ask(tmp_path: Path) -> None:
    assert chatctl(tmp_path, "sessions").returncode == 4
