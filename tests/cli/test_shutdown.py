"""The end of `chatctl join` if anything hangs (chatctl/cli/shutdown, chatctl/tui/terminal/output)."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from typing import IO, cast

import pytest

from chatctl.tui.terminal.output import SafeOutput
from tests.wire import DEADLINE

pytestmark = pytest.mark.e2e

PROGRAM = """
import signal, sys, threading
from chatctl.cli.shutdown import Ending

def stop(reason, seconds):
    print("disconnected", flush=True)
    if "hangs" in sys.argv:
        threading.Event().wait()
    return True

ending = Ending(0 if "terminal" in sys.argv else -1, 0.2)
ending.stop = stop
ending.on_signal(lambda: None)
print("ready", flush=True)
lock = threading.Lock()
lock.acquire()
lock.acquire()  # as a loop that waits for a writer's queue
"""


def started(*words: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words], stdin=stdin, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(("words", "code"), [((), 0), (("hangs",), 1)])
def test_hanging_process_disconnects_and_ends(number: signal.Signals, words: tuple[str, ...], code: int) -> None:
    process = started(*words)
    process.send_signal(number)
    out, _ = process.communicate(timeout=DEADLINE)
    assert (out, process.returncode) == ("disconnected\n", code)


def test_closed_terminal_ends_the_process_without_a_signal() -> None:
    master, slave = pty.openpty()
    process = started("terminal", stdin=slave)
    os.close(slave)
    os.close(master)
    out, _ = process.communicate(timeout=DEADLINE)
    assert (out, process.returncode) == ("disconnected\n", 0)


def test_output_to_a_closed_terminal_is_dropped() -> None:
    master, slave = pty.openpty()
    with open(slave, "w", encoding="utf-8") as stream:
        output = SafeOutput(cast("IO[str]", stream))
        output.write("hello")
        output.flush()
        assert not output.lost
        os.close(master)
        for _ in range(3):
            output.write("x" * 10_000)
            output.flush()
        assert output.lost
        assert output.fileno() == slave
        with open(os.devnull, "w", encoding="utf-8") as nowhere:
            os.dup2(nowhere.fileno(), slave)  # so that closing it has something to write to
