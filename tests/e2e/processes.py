"""Real processes for the end-to-end tests: the installed command, and programs in a terminal of their own."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pexpect
import pyte
import pytest

from tests import deadline
from tests.deadline import eventually

DEADLINE = deadline.DEADLINE
CHATCTL = str(Path(sys.executable).with_name("chatctl"))


def environment(home: Path, **variables: str) -> dict[str, str]:
    """A clean one: nothing of ours but `variables`, and a home folder of the test's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CHATCTL_", "XDG_"))}
    return {**kept, "HOME": str(home), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **variables}


def needs(program: str, *arguments: str) -> None:
    """Skip where a program is not installed, or does not work with `arguments`; CI installs it and must not skip."""
    from shutil import which

    if which(program) is None or (arguments and not works(program, *arguments)):
        assert "NO_CLIENT_MAY_BE_MISSING" not in os.environ, f"CI must have {program}, working"
        pytest.skip(f"{program} is not installed, or not permitted")


def works(*command: str) -> bool:
    """Whether a command is there, and permitted here."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


class ServeProcess:
    """`chatctl serve` on a port the system picks, configured by `variables` alone; started by `under`, if given."""

    def __init__(self, home: Path, *arguments: str, under: Sequence[str] = (), **variables: str) -> None:
        variables = {"CHATCTL_PORT": "0", "CHATCTL_LIMITS__MESSAGES_PER_SECOND": "0", **variables}
        self.process = subprocess.Popen(
            [*under, CHATCTL, "serve", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(home, **variables),
            cwd=home,
        )
        self.banner = ""
        self.port = 0
        assert self.process.stdout is not None
        by = time.monotonic() + DEADLINE
        while "Ctrl-C" not in self.banner:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, by - time.monotonic()))
            assert ready, f"no banner in time: {self.banner}"
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                break
            self.banner += data.decode()
        found = re.search(r"Listening: +\S+:(\d+)", self.banner)
        if found:
            self.port = int(found[1])

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; the exit code, and what stderr held."""
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=DEADLINE)
        return self.process.returncode, err.decode()

    def __enter__(self) -> Self:
        assert self.port, self.process.communicate(timeout=DEADLINE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def chatctl(home: Path, *arguments: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [CHATCTL, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=DEADLINE,
        env=environment(home, **variables),
        cwd=home,
        check=False,
    )


class _Screen(pyte.Screen):
    """A screen that answers what programs ask of a terminal (where is the cursor?)."""

    child: pexpect.spawn[bytes] | None = None

    def write_process_input(self, data: str) -> None:
        if self.child is not None:
            self.child.send(data.encode())


class Terminal:
    """A program in a terminal of its own: keys in, a screen to look at."""

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        columns: int = 100,
        lines: int = 30,
        cwd: Path | None = None,
    ) -> None:
        self.redraw = b""
        """The key that has the program draw anew, for one that draws in ways that the emulator does not follow."""
        self._hung_up = False
        self.ended = False
        """Whether the program has ended and was waited for."""
        self.screen = _Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.child: pexpect.spawn[bytes] = pexpect.spawn(
            command[0], list(command[1:]), env=dict(env), dimensions=(lines, columns), timeout=DEADLINE, cwd=cwd
        )
        self.screen.child = self.child

    def enter(self, text: str, *, submit: bool = True) -> None:
        """Type `text`, and the Enter key."""
        self.child.send(text.encode() + (b"\r" if submit else b""))

    def shown(self) -> list[str]:
        """The lines on the screen, without the empty ones at the end."""
        # A wide character fills its second cell with an empty string.
        text = "\n".join(line.rstrip() for line in self.screen.display).rstrip()
        return text.split("\n")

    def until(self, *texts: str) -> list[str]:
        """Read until all of `texts` are on the screen; fails after the deadline."""
        by = time.monotonic() + DEADLINE
        while True:
            shown = self.shown()
            if all(any(text in line for line in shown) for text in texts):
                return shown
            assert time.monotonic() < by, f"no {texts} on the screen:\n" + "\n".join(shown)
            try:
                self._stream.feed(self.child.read_nonblocking(65536, timeout=0.5))
            except pexpect.TIMEOUT:
                self.child.send(self.redraw)
            except pexpect.EOF:
                raise AssertionError(f"it ended before {texts}:\n" + "\n".join(self.shown())) from None

    def until_end(self) -> int:
        """Read until the program ends; its exit code."""
        by = time.monotonic() + DEADLINE
        while time.monotonic() < by:
            try:
                self._stream.feed(self.child.read_nonblocking(65536, timeout=0.5))
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                self.child.wait()
                return int(self.child.exitstatus if self.child.exitstatus is not None else 128)
        raise AssertionError("it did not end:\n" + "\n".join(self.shown()))

    def hang_up(self) -> None:
        """Close the window: the program gets SIGHUP, and whatever it writes from then on fails."""
        inner = self.child.ptyproc
        inner.fileobj.close()
        inner.closed = self.child.closed = self._hung_up = True  # or its descriptor would be closed again
        inner.fd = self.child.fd = self.child.child_fd = -1

    def exit_code(self) -> int:
        """The exit code of a program whose window was closed."""
        eventually(lambda: os.waitid(os.P_PID, self.child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT), "its end")
        code = os.waitstatus_to_exitcode(os.waitpid(self.child.pid, 0)[1])
        self.ended = True
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._hung_up:
            self.ended = not self.child.isalive()
            self.hang_up()
        if not self.ended:  # pexpect's own way gives a killed program 0.1 seconds to end
            os.kill(self.child.pid, signal.SIGKILL)
            os.waitpid(self.child.pid, 0)
            self.ended = True
