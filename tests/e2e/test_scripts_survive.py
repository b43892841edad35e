"""`send` and `tail --follow` while the server is killed and started again: nothing lost, doubled or out of order."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.processes import CHATCTL, DEADLINE, ServeProcess, environment

pytestmark = pytest.mark.e2e

ROOM = "#builds"
_BURST = 200
_KILLS = 3


class Follower:
    """`tail --follow --json`, read by line."""

    def __init__(self, home: Path, port: int) -> None:
        self.process = subprocess.Popen(
            [CHATCTL, "tail", ROOM, "--follow", "--json", "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(home),
        )
        self._data = b""

    def until(self, text: str) -> list[str]:
        """All texts so far, once `text` has been printed."""
        assert self.process.stdout is not None
        by = time.monotonic() + DEADLINE
        while text not in (texts := self.texts()):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, by - time.monotonic()))
            assert ready, f"{text} was not printed; the last was {texts[-1:]}"
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            assert data, self.process.communicate()
            self._data += data
        return texts

    def texts(self) -> list[str]:
        return [json.loads(line)["text"] for line in self._data.decode().split("\n")[:-1]]


def test_send_and_tail_continue_after_the_server_was_killed(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    fixed = {"CHATCTL_PORT": str(port), "CHATCTL_LOG__LEVEL": "error"}
    server = ServeProcess(tmp_path, **fixed)
    sender = subprocess.Popen(
        [CHATCTL, "send", ROOM, "--name", "ci", "--port", str(port)],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(tmp_path),
    )
    follower: Follower | None = None
    said: list[str] = []

    def say(count: int) -> None:
        assert sender.stdin is not None
        lines = [f"line {len(said) + number}" for number in range(count)]
        said.extend(lines)
        sender.stdin.write("".join(f"{line}\n" for line in lines).encode())
        sender.stdin.flush()

    try:
        say(1)
        follower = Follower(tmp_path, port)
        follower.until(said[0])
        for _ in range(_KILLS):
            before = len(said)
            say(_BURST)
            follower.until(said[before])  # the burst is under way, or has just arrived
            server.process.kill()
            server.process.communicate()
            say(_BURST)  # typed while the server is away
            server = ServeProcess(tmp_path, **fixed)
            assert follower.until(said[-1]) == said
        _, errors = sender.communicate(timeout=DEADLINE)
        assert (sender.returncode, errors) == (0, b"")
        assert follower.texts() == said
    finally:
        for process in (sender, server.process, *((follower.process,) if follower else ())):
            process.kill()
            process.communicate()
