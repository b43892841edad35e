"""`send` and `tail --follow` asked to end by the system: others read that they left, not that a connection was lost."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.processes import CHATCTL, DEADLINE, ServeProcess, environment
from tests.wire import Wire

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("words", [["tail", "#tea", "--follow"], ["send", "#tea"]], ids=["tail", "send"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_asked_to_end_they_leave(tmp_path: Path, words: list[str], number: signal.Signals) -> None:
    with ServeProcess(tmp_path) as server, Wire(server.port) as ann:
        ann.send("NICK ann", "USER u 0 * :r", "JOIN #tea")
        ann.until("366")
        script = subprocess.Popen(
            [CHATCTL, *words, "--name", "ci", "--port", str(server.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(tmp_path),
        )
        try:
            ann.until("JOIN")
            script.send_signal(number)
            assert "lost" not in ann.until("QUIT").params[-1]
            _, errors = script.communicate(timeout=DEADLINE)
            assert (script.returncode, errors) == (130, b"")
        finally:
            script.kill()
            script.communicate()
