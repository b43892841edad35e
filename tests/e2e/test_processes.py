"""The tests' own hands on processes: nothing in them depends on speed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.e2e.processes import Terminal, environment
from tests.ports import first_ephemeral, steady_port

pytestmark = pytest.mark.e2e

_STUBBORN = """
import signal, time
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGCONT):
    signal.signal(number, signal.SIG_IGN)
print("ready", flush=True)
while True:
    time.sleep(1)
"""


@pytest.mark.parametrize("hung_up", [False, True])
def test_terminal_waits_for_the_end_of_a_program_that_ends_slowly(tmp_path: Path, hung_up: bool) -> None:
    with Terminal([sys.executable, "-c", _STUBBORN], environment(tmp_path)) as terminal:
        terminal.until("ready")
        terminal.child.ptyproc.delayafterterminate = 0.0  # a loaded machine, on which nothing ends within 0.1 seconds
        if hung_up:
            terminal.hang_up()
    assert terminal.ended


def test_terminal_of_a_program_that_has_ended_is_closed(tmp_path: Path) -> None:
    with Terminal([sys.executable, "-c", "raise SystemExit(3)"], environment(tmp_path)) as terminal:
        assert terminal.until_end() == 3
    assert terminal.ended


def test_steady_port_is_outside_the_ephemeral_range() -> None:
    assert 0 < steady_port() < first_ephemeral()
