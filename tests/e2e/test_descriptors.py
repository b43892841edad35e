"""With all file descriptors in use, the server can still be asked how it is, and members still read history."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.e2e.processes import ServeProcess, chatctl
from tests.wire import Wire

pytestmark = pytest.mark.e2e

LIMIT = 96


def test_status_and_history_work_when_connections_exhaust_the_descriptors(tmp_path: Path) -> None:
    unlimited = {
        "CHATCTL_LIMITS__CONNECTIONS_PER_ADDRESS": "0",
        "CHATCTL_LIMITS__UNREGISTERED": "1000",
        "CHATCTL_LIMITS__REGISTRATION_SECONDS": "600",
    }
    shell = ("sh", "-c", f'ulimit -n {LIMIT}; exec "$@"', "sh")
    with ServeProcess(tmp_path, under=shell, **unlimited) as server, contextlib.ExitStack() as stack:
        caps = "batch draft/chathistory"
        ann = stack.enter_context(Wire(server.port)).login("ann", "#tea", caps=caps)
        for _ in range(2 * LIMIT):
            stack.enter_context(Wire(server.port))
        refused = stack.enter_context(Wire(server.port))
        assert "too few file descriptors" in refused.until_end()[-1].params[0]
        ann.send("PRIVMSG #tea :still here", "CHATHISTORY LATEST #tea * 10")
        ann.until(lambda message: message.params[-1:] == ["still here"])
        status = chatctl(tmp_path, "status")
        assert status.returncode == 0, status.stderr
        assert chatctl(tmp_path, "history", "#tea").stdout.count("still here") == 1
        assert server.stop()[0] == 0
