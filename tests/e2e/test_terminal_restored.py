"""However the full screen ends, the terminal is restored: enabled modes are disabled, in a real terminal."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from tests.e2e.processes import CHATCTL, DEADLINE, ServeProcess, environment

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

_SWITCH = re.compile(rb"\x1b\[\?([0-9;]+)([hl])")
_KITTY = re.compile(rb"\x1b\[([<>])[0-9]*u")
_ON = (b"7", b"25")
"""Modes that are enabled by default: wrapping, and the cursor."""

BROKEN = """
import sys
from chatctl.tui.app import ChatApp
from chatctl.__main__ import main

def broken(self):
    raise KeyError("a fault")

ChatApp.action_keys = broken
sys.argv = ["chatctl", *sys.argv[1:]]
main()
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServeProcess]:
    with ServeProcess(tmp_path) as running:
        yield running


class Ending:
    """`chatctl join` in a shell in a terminal, and all that it wrote."""

    def __init__(self, folder: Path, port: int, program: str = CHATCTL, **variables: str) -> None:
        command = f"read go; {program} join --port {port} --name ann; echo exit=$?; read end"
        self.child: pexpect.spawn[bytes] = pexpect.spawn(
            "/bin/sh", ["-c", command], env=environment(folder, **variables), dimensions=(24, 80), timeout=DEADLINE
        )
        self.before = termios.tcgetattr(self.child.fileno())
        self.child.sendline("")
        self.written = b""
        self.expect(rb"\x1b\[\?1049h")
        self.expect(rb"F1 shows")

    def expect(self, pattern: bytes) -> None:
        self.child.expect(pattern)
        self.written += self.child.before + self.child.after

    def pid(self) -> int:
        """The client's."""
        found = subprocess.run(["pgrep", "-P", str(self.child.pid)], capture_output=True, text=True, check=True)
        return int(found.stdout.split()[0])

    def ended(self) -> int:
        """The exit code, when the shell goes on."""
        self.expect(rb"exit=\d+")
        return int(self.child.after.partition(b"=")[2])

    def check(self) -> None:
        """Check that enabled modes are disabled, and the terminal reads lines again."""
        last = dict.fromkeys((*_ON, b"1049"), b"")
        for modes, state in _SWITCH.findall(self.written):
            for mode in modes.split(b";"):
                last[mode] = state
        assert all(last.pop(mode) == b"h" for mode in _ON)
        assert {mode for mode, state in last.items() if state == b"h"} == set()
        assert self.written.count(b"\x1b[?1049h") == self.written.count(b"\x1b[?1049l") >= 1
        pushed = _KITTY.findall(self.written)
        assert pushed.count(b"<") >= pushed.count(b">"), "the keys are reported as ever"
        end = time.monotonic() + DEADLINE
        while termios.tcgetattr(self.child.fileno()) != self.before:
            assert time.monotonic() < end, (termios.tcgetattr(self.child.fileno()), self.before)
            time.sleep(0.02)
        assert b"Traceback" not in self.written


def quits(ending: Ending) -> None:
    ending.child.send("/quit\r")


def ends(ending: Ending) -> None:
    ending.child.send("\x04")


def interrupts(ending: Ending) -> None:
    ending.child.send("\x03")
    ending.expect(rb"Press Ctrl-C again")
    ending.child.send("\x03")


def signals(number: signal.Signals) -> Callable[[Ending], None]:
    return lambda ending: os.kill(ending.pid(), number)


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(quits, id="quit"),
        pytest.param(ends, id="ctrl-d"),
        pytest.param(interrupts, id="ctrl-c"),
        pytest.param(signals(signal.SIGTERM), id="sigterm"),
        pytest.param(signals(signal.SIGHUP), id="sighup"),
    ],
)
def test_terminal_is_restored_on_leaving(tmp_path: Path, server: ServeProcess, how: Callable[[Ending], None]) -> None:
    ending = Ending(tmp_path, server.port)
    how(ending)
    assert ending.ended() == 0
    ending.check()


def test_terminal_is_restored_after_a_crash(tmp_path: Path, server: ServeProcess) -> None:
    program = tmp_path / "broken.py"
    program.write_text(BROKEN)
    ending = Ending(tmp_path, server.port, f"{sys.executable} {program}")
    ending.child.send("\x1bOP")  # F1
    assert ending.ended() == 1
    ending.check()
    assert b"a fault" in ending.written


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_terminal_is_restored_after_an_editor(tmp_path: Path, server: ServeProcess, number: signal.Signals) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nstty raw -echo\necho editing\nexec sleep 100\n")
    editor.chmod(0o700)
    ending = Ending(tmp_path, server.port, EDITOR=str(editor))
    ending.child.send("\x18")  # Ctrl-X
    ending.expect(rb"editing")
    os.kill(ending.pid(), number)
    assert ending.ended() == 0
    ending.check()
