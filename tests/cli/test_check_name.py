"""`chatctl check-name` as a process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from chatctl.cli.commands.check_name import table
from chatctl.client.name_check import Answer
from chatctl.server import Server
from tests.cli.commands import run
from tests.client.peer import Peer, Talk
from tests.wire import Wire

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("environment")]


HEAVY = {"sqlite3", "prompt_toolkit", "textual", "cryptography", "chatctl.server.server", "chatctl.chat.engine"}
NOT_OURS = {"ssl", "asyncio", "hmac", "chatctl.server", "chatctl.chat"}
"""pydantic-settings loads the first two, the settings the others: they take defaults from `Rules` and `Limits`."""


class TestCheckName:
    """`chatctl check-name`."""

    def test_check_name_prints_one_line_per_name(self, server: Server, bob: Wire) -> None:
        done = run("check-name", "--port", str(server.port), "ann", "bob", "日本", "1x")
        assert done.stdout.decode().splitlines() == [
            "ann   free",
            "bob   taken    free instead: bob_, bob2, bob3",
            "日本  free",
            "1x    invalid  a name starts with a letter or one of _[]\\`^{}|, not with a digit or '-'  "
            "free instead: _1x, _1x_, _1x2",
        ]
        assert (done.returncode, done.stderr) == (3, b"")

    def test_check_name_exit_codes(self, server: Server, bob: Wire) -> None:
        port = str(server.port)
        assert run("check-name", "--port", port, "ann").returncode == 0
        assert run("check-name", "--port", port, "ann", "bob").returncode == 1
        assert run("check-name", "--port", port, "1x", "bob").returncode == 3
        done = run("check-name", "--port", "1", "ann")
        assert done.returncode == 4
        assert done.stderr.startswith(b"chatctl: No chat server answers at 127.0.0.1:1")

    def test_check_name_json(self, server: Server) -> None:
        done = run("check-name", "--port", str(server.port), "--json", "ann", "1x")
        assert [json.loads(line) for line in done.stdout.splitlines()] == [
            {"name": "ann", "status": "free", "reason": None, "alternatives": [], "advice": False},
            {
                "name": "1x",
                "status": "invalid",
                "reason": "a name starts with a letter or one of _[]\\`^{}|, not with a digit or '-'",
                "alternatives": ["_1x", "_1x_", "_1x2"],
                "advice": False,
            },
        ]

    def test_check_name_on_another_server_is_advice(self) -> None:
        def script(talk: Talk) -> None:
            talk.send(":s CAP * LS :")
            talk.until("CAP LIST")
            talk.send(":s CAP * LIST :")
            talk.rest()

        with Peer(script) as peer:
            done = run("check-name", "--port", str(peer.port), "ann")
        assert (done.returncode, done.stdout) == (0, b"ann  free\n")
        assert b"advice only" in done.stderr

    def test_results_so_far_are_printed_if_the_server_disconnects(self) -> None:
        def script(talk: Talk) -> None:
            talk.send(":s CAP * LS :")
            talk.until("CAP LIST")
            talk.send(":s CAP * LIST :")
            talk.until("NICK bob")

        with Peer(script) as peer:
            done = run("check-name", "--port", str(peer.port), "ann", "bob")
        assert (done.returncode, done.stdout) == (4, b"ann  free\n")
        assert b"broke off" in done.stderr

    def test_check_name_loads_no_heavy_module(self, server: Server) -> None:
        ours = "import sys, chatctl.client.name_check, chatctl.cli.commands.check_name\n"
        whole = "import sys; from chatctl.cli.app import main\ntry: main()\nexcept SystemExit: pass\n"
        for code, heavy in ((ours, HEAVY | NOT_OURS), (whole, HEAVY)):
            arguments = ["check-name", "--port", str(server.port), "ann"]
            code = f"{code}print(sorted({heavy} & sys.modules.keys()))"  # noqa: PLW2901
            done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
            assert done.stdout.splitlines()[-1] == "[]"


def test_very_long_name_widens_its_own_line_only() -> None:
    names = [Answer("ann", "free"), Answer("你好", "taken", "", ("你好2",)), Answer("x" * 90, "invalid", "y")]
    lines = table(names)
    assert lines[0] == f"ann{' ' * 29}  free"
    assert lines[1] == f"你好{' ' * 28}  taken    free instead: 你好2"
    assert lines[2] == f"{'x' * 90}  invalid  y"
