"""`chatctl join` ends when its terminal closes, or is not read any more, while messages arrive."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from tests.e2e.processes import CHATCTL, DEADLINE, ServeProcess, environment
from tests.wire import Wire

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

TIMES = int(os.environ.get("TERMINAL_CLOSES_TIMES", "2"))
"""50 by hand."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServeProcess]:
    with ServeProcess(tmp_path, CHATCTL_HISTORY__ENABLED="false") as running:
        yield running


@pytest.fixture
def flood(server: ServeProcess) -> Iterator[Wire]:
    """Bob, who talks without a pause; `until` of him is for the test."""
    ended = threading.Event()

    def talk(bob: Wire) -> None:
        while not ended.wait(0.002):
            with contextlib.suppress(OSError):
                bob.send(*["PRIVMSG #lobby :" + "flood " * 20] * 3)

    with Wire(server.port).login("bob", "#lobby") as bob, Wire(server.port).login("eve", "#lobby") as eve:
        thread = threading.Thread(target=talk, args=(bob,))
        thread.start()
        yield eve
        ended.set()
        thread.join()


class Joined:
    """`chatctl join` on a terminal of its own. `kind`: leading a session that the terminal controls, or beside it."""

    def __init__(self, home: Path, port: int, words: list[str], kind: Literal["leading", "beside"]) -> None:
        self.master, slave = pty.openpty()
        command = [CHATCTL, "join", "--port", str(port), "--name", "ann", *words]
        if kind == "leading":  # setsid makes the first terminal it opens its own
            command = ["setsid", "--ctty", *command]
        env = environment(home)
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=env, cwd=home, start_new_session=kind == "beside"
        )
        os.close(slave)

    def until(self, text: bytes) -> None:
        """Read output until `text` arrives."""
        read, end = b"", time.monotonic() + DEADLINE
        while text not in read:
            ready, _, _ = select.select([self.master], [], [], max(0.0, end - time.monotonic()))
            assert ready, read[-2000:]
            read = read[-1000:] + os.read(self.master, 65536)

    def close(self) -> None:
        """The terminal goes away."""
        os.close(self.master)
        self.master = -1

    def end(self) -> None:
        if self.master >= 0:
            self.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@pytest.fixture
def joined(tmp_path: Path, server: ServeProcess, flood: Wire, request: pytest.FixtureRequest) -> Iterator[Joined]:
    words, kind = request.param
    joined = Joined(tmp_path, server.port, words, kind)
    try:
        joined.until(b"flood")
        yield joined
    finally:
        joined.end()


KINDS = [
    pytest.param((words, kind), id=f"{kind}-{'plain' if words else 'full'}")
    for words in ([], ["--plain"])
    for kind in ("leading", "beside")
]


@pytest.mark.parametrize("joined", KINDS, indirect=True)
@pytest.mark.parametrize("time", range(TIMES))
def test_process_ends_when_its_terminal_is_closed(joined: Joined, flood: Wire, time: int) -> None:
    joined.close()
    joined.process.wait(DEADLINE)
    assert flood.until("QUIT").nick == "ann"


@pytest.mark.parametrize("joined", KINDS, indirect=True)
def test_process_ends_on_a_signal_while_its_terminal_is_not_read(joined: Joined, flood: Wire) -> None:
    fill(joined)
    joined.process.send_signal(signal.SIGTERM)
    joined.process.wait(DEADLINE)
    assert flood.until("QUIT").nick == "ann"


def fill(joined: Joined) -> None:
    """Wait until the process cannot write: the readable output stops growing."""
    import fcntl
    import struct
    import termios

    before, since, end = -1, time.monotonic(), time.monotonic() + DEADLINE
    while time.monotonic() - since < 0.5:
        assert time.monotonic() < end
        [now] = struct.unpack("i", fcntl.ioctl(joined.master, termios.FIONREAD, b"\0" * 4))
        if now != before:
            before, since = now, time.monotonic()
        select.select([], [], [], 0.02)
