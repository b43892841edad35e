"""`send` and `tail --follow`, ended by the system: others see no lost connection."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.processes import CHATCTL, DEADLINE, ServeProcess, environment
from tests.wire import Wire

pytestmark = pytest.mark.e2e

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def started(server: ServeProcess, environ: Mapping[str, str], *words: str) -> subprocess.Popen[bytes]:
    command = [CHATCTL, *words, "--name", "ci", "--port", str(server.port)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=dict(environ))


def elsewhere(folder: Path) -> dict[str, str]:
    """The environment of a user who does not run the server."""
    return {**environment(folder), "CHATCTL_DATA_DIR": str(folder / "none")}


@pytest.mark.parametrize("number", SIGNALS)
def test_tail_leaves_the_room_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    with ServeProcess(tmp_path) as server, Wire(server.port) as ann:
        ann.send("NICK ann", "USER u 0 * :r", "JOIN #tea")
        ann.until("366")
        tail = started(server, elsewhere(tmp_path), "tail", "#tea", "--follow")
        try:
            ann.until("JOIN")
            tail.send_signal(number)
            assert "lost" not in ann.until("QUIT").params[-1]
            _, errors = tail.communicate(timeout=DEADLINE)
            assert (tail.returncode, errors) == (130, b"")
        finally:
            tail.kill()
            tail.communicate()


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("own", [True, False], ids=["own", "elsewhere"])
def test_send_leaves_unnoticed_on_a_signal(tmp_path: Path, number: signal.Signals, own: bool) -> None:
    with ServeProcess(tmp_path) as server, Wire(server.port) as ann:
        ann.send("NICK ann", "USER u 0 * :r", "JOIN #tea")
        ann.until("366")
        send = started(server, environment(tmp_path) if own else elsewhere(tmp_path), "send", "#tea")
        try:
            assert send.stdin is not None
            send.stdin.write(b"hello\n")
            send.stdin.flush()
            assert ann.until("PRIVMSG").params[-1] == "hello"
            send.send_signal(number)
            _, errors = send.communicate(timeout=DEADLINE)
            assert (send.returncode, errors) == (130, b"")
            ann.send("PING :end")
            assert ann.until(lambda message: message.command in ("PONG", "PART", "QUIT")).command == "PONG"
        finally:
            send.kill()
            send.communicate()
