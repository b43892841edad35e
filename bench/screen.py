"""The speed of the full screen: python -m bench.screen

Three figures, each in a process of its own: seconds from the command to the login; milliseconds from a key to the
terminal output while 200 messages a second arrive; resident memory after scrolling through 100,000 messages.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import random
import resource
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from datetime import UTC, datetime, timedelta

from chatctl.client import Client
from chatctl.client import events as e
from chatctl.server import Server
from tests.tui.screens import LocalLogin, screen

RATE = 200
KEYS = 400
MESSAGES = 100_000


def first_frame() -> None:
    """Measure the time from the start of the command until the room's name is on the terminal."""
    with Server(port=0) as server:
        seconds = []
        for _ in range(5):
            began = time.perf_counter()
            pid, terminal = _join(server.port)
            screen = _Screen(terminal)
            screen.until("●")
            seconds.append(time.perf_counter() - began)
            screen.end(pid)
        print(f"first frame: {min(seconds):.2f} s at best, {statistics.median(seconds):.2f} s usually")


def talk() -> None:
    """Run a server and a steady sender, RATE messages a second, until the input ends; print the port."""
    over = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait, daemon=True).start()
    with Server(port=0) as server, Client(port=server.port, name="bob", secret="bob's") as bob:
        print(server.port, flush=True)
        began, number = time.perf_counter(), 0
        while not over.wait(max(0.0, began + number / RATE - time.perf_counter())):
            number += 1
            bob.say("#lobby", f"message {number} with a few words in it, as people write", timeout=None)


def keys() -> None:
    """Measure the time from the byte of a key until its letter is drawn, on a terminal of 120 x 40: `chatctl join` in a
    process of its own, server and speaker in another. Each letter is one that was not on the screen before."""
    command = [sys.executable, "-m", "bench.screen", "talk"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as talking:
        assert talking.stdout is not None
        port = int(talking.stdout.readline())
        pid, terminal = _join(port)
        screen = _Screen(terminal)
        try:
            screen.until("words in it")
            chance = random.Random(1)
            waits = []
            for number in range(KEYS):
                screen.rest(chance.uniform(0.02, 0.1))
                letter = chr(0x100 + number)  # letters of Latin, one column each
                began = time.perf_counter()
                os.write(terminal, letter.encode())
                screen.until(letter)
                waits.append(time.perf_counter() - began)
        finally:
            screen.end(pid)
    waits.sort()
    usual, rare, worst = waits[len(waits) // 2], waits[int(len(waits) * 0.99)], waits[-1]
    print(
        f"a key while {RATE} messages/s arrive: {usual * 1000:.1f} ms usually, {rare * 1000:.1f} ms in 99 of 100 "
        f"cases, {worst * 1000:.1f} ms at most"
    )


def _join(port: int) -> tuple[int, int]:
    """Return the full screen on a terminal: process and terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(XDG_DATA_HOME=tempfile.mkdtemp(), TERM="xterm-256color")
        os.execv(sys.executable, [sys.executable, "-m", "chatctl", "join", "--port", str(port), "--name", "ann"])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    return pid, terminal


class _Screen:
    """The output of a terminal."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._shown = b""

    def until(self, text: str) -> None:
        """Wait for text that was not there before, at most 10 s."""
        wanted, deadline = text.encode(), time.perf_counter() + 10
        while wanted not in self._shown:
            if not select.select([self._terminal], [], [], max(0.0, deadline - time.perf_counter()))[0]:
                raise TimeoutError(text)
            self._shown = self._shown[-20_000:] + os.read(self._terminal, 65536)

    def rest(self, seconds: float) -> None:
        """Read pending output."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            if select.select([self._terminal], [], [], left)[0]:
                os.read(self._terminal, 65536)
        self._shown = b""

    def end(self, pid: int) -> None:
        """End the program."""
        os.kill(pid, signal.SIGTERM)
        with contextlib.suppress(OSError):
            while os.read(self._terminal, 65536):
                pass
        os.waitpid(pid, 0)
        os.close(self._terminal)


async def _memory() -> None:
    with Server(port=0) as server:
        async with screen(LocalLogin(server.port), size=(120, 40)) as ann:
            await ann.until("only you")
            model, messages = ann.app.model, ann.app._messages
            began = datetime(2026, 1, 1, tzinfo=UTC)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            for number in range(MESSAGES):
                text = f"message {number}: what people write is some sixty characters long"
                moment = began + timedelta(seconds=number)
                model.event(
                    e.RoomMessage(time=moment, room="#lobby", name=f"user{number % 50}", text=text, id=f"id-{number}")
                )
            ann.app.draw()
            clock = time.perf_counter()
            pages = 0
            while messages.log_shown.items and messages._index() > 40:
                messages.page(-1)
                messages.render_line(0)
                pages += 1
                if pages % 200 == 0:
                    await asyncio.sleep(0)
            took = time.perf_counter() - clock
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"{MESSAGES} messages: {after} MB resident at most ({before} MB before; server included)")
        print(f"{pages} pages up in {took:.1f} s, {took / pages * 1000:.2f} ms each")


PARTS = {"frame": first_frame, "keys": keys, "memory": lambda: asyncio.run(_memory()), "talk": talk}


def main() -> None:
    """Measure each figure in a process of its own."""
    if sys.argv[1:]:
        PARTS[sys.argv[1]]()
        return
    for what in ("frame", "keys", "memory"):
        subprocess.run([sys.executable, "-m", "bench.screen", what], check=True)


if __name__ == "__main__":
    main()
