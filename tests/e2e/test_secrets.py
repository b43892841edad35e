"""Secrets stay secret: passwords in logs, arguments and answers; files of the data folder."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.e2e.processes import ServeProcess, chatctl
from tests.wire import Wire

pytestmark = pytest.mark.e2e

SECRET = "correct-horse-battery"


def test_data_folder_is_private_with_any_umask(tmp_path: Path) -> None:
    under = ["sh", "-c", 'umask 000; exec "$@"', "sh"]
    data = tmp_path / "data"
    with ServeProcess(tmp_path, under=under, CHATCTL_DATA_DIR=str(data)) as server, Wire(server.port) as ann:
        ann.login("ann", "#lobby", caps="echo-message")
        ann.send("PRIVMSG #lobby :hello").until("PRIVMSG")
        loose = [path.name for path in (data, *data.rglob("*")) if stat.S_IMODE(path.lstat().st_mode) & 0o077]
        assert loose == []
        assert len(list(data.iterdir())) >= 4


def test_secrets_appear_in_no_output(tmp_path: Path) -> None:
    variables = {"CHATCTL_PASSWORD": SECRET, "CHATCTL_LOG__LEVEL": "debug"}
    server = ServeProcess(tmp_path, **variables)
    port = str(server.port)
    try:
        with Wire(server.port) as wire:
            wire.send(f"PASS {SECRET}x", "NICK ann", "USER u 0 * :r").until_end()
        with Wire(server.port) as wire:
            wire.send(f"PASS {SECRET}", f"OPER root {SECRET}", "NICK ann", "USER u 0 * :r").until("001")
            wire.send(f"OPER root {SECRET}", f"PRIVMSG NickServ :IDENTIFY {SECRET}", f"AUTHENTICATE {SECRET}").ping()
            arguments = Path(f"/proc/{server.process.pid}/cmdline")
            assert not arguments.exists() or SECRET not in arguments.read_bytes().decode()
            for command in ("config show", "config show --json", "status --json", "sessions --json"):
                asked = chatctl(tmp_path, *command.split(), CHATCTL_PORT=port, **variables)
                assert asked.returncode == 0
                assert SECRET not in asked.stdout + asked.stderr
        wrong = chatctl(tmp_path, "serve", CHATCTL_PASSWORD=f"{SECRET}\n{SECRET}")
        assert wrong.returncode == 2
        assert SECRET not in wrong.stdout + wrong.stderr
    finally:
        _, logged = server.stop()
    assert "connected" in logged
    assert SECRET not in logged
