"""How quick the full screen is: python -m tests.bench.screen

Three figures, each in a process of its own: seconds from the command to the first frame; milliseconds from a key to the
drawn screen while 200 messages a second arrive; resident memory after 100,000 messages were scrolled through.
"""

from __future__ import annotations

import asyncio
import os
import pty
import resource
import select
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta

from chatctl.client import Client
from chatctl.client import events as e
from chatctl.server import Server
from tests.tui.screens import Door, screen

RATE = 200
KEYS = 200
MESSAGES = 100_000


def first_frame() -> None:
    """From the start of the command until the room's name is on the terminal."""
    with Server(port=0) as server:
        seconds = []
        for _ in range(5):
            began = time.perf_counter()
            pid, terminal = pty.fork()
            if pid == 0:
                os.environ.update(XDG_DATA_HOME=tempfile.mkdtemp(), TERM="xterm-256color")
                command = [sys.executable, "-m", "chatctl", "join", "--port", str(server.port), "--name", "ann"]
                os.execv(sys.executable, command)
            shown = b""
            while "●".encode() not in shown:
                if select.select([terminal], [], [], 10)[0]:
                    shown += os.read(terminal, 65536)
                if b"#lobby" in shown or b"connect" in shown:
                    break
            seconds.append(time.perf_counter() - began)
            os.kill(pid, 15)
            while True:
                try:
                    os.read(terminal, 65536)
                except OSError:
                    break
            os.waitpid(pid, 0)
            os.close(terminal)
        print(f"first frame: {min(seconds):.2f} s at best, {statistics.median(seconds):.2f} s usually")


async def _keys() -> None:
    with Server(port=0) as server, Client(port=server.port, name="bob", secret="bob's") as bob:
        over = threading.Event()

        def talk() -> None:
            number = 0
            while not over.wait(1 / 20):
                for _ in range(RATE // 20):
                    number += 1
                    bob.say("#lobby", f"message {number} with a few words in it, as people write", timeout=None)

        async with screen(Door(server.port), size=(120, 40)) as ann:
            await ann.until("2 people")
            thread = threading.Thread(target=talk)
            thread.start()
            await asyncio.sleep(1.0)
            line = ann.app.query_one("#line")
            waits = []
            from textual import events

            for number in range(KEYS):
                began = time.perf_counter()
                key = "abcdefghij"[number % 10]
                ann.app.post_message(events.Key(key, key))
                wanted = number + 1
                while len(line.text) < wanted:  # type: ignore[attr-defined]
                    await asyncio.sleep(0)
                ann.app.screen._compositor.render_strips()
                waits.append(time.perf_counter() - began)
                await asyncio.sleep(0.01)
            over.set()
            thread.join()
        waits.sort()
        print(
            f"a key while {RATE} messages/s arrive: {waits[len(waits) // 2] * 1000:.1f} ms usually, "
            f"{waits[int(len(waits) * 0.99)] * 1000:.1f} ms in 99 of 100 cases"
        )


async def _memory() -> None:
    with Server(port=0) as server:
        async with screen(Door(server.port), size=(120, 40)) as ann:
            await ann.until("only you")
            desk, messages = ann.app.desk, ann.app._messages
            began = datetime(2026, 1, 1, tzinfo=UTC)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            for number in range(MESSAGES):
                text = f"message {number}: what people write is some sixty characters long"
                moment = began + timedelta(seconds=number)
                desk.event(e.Said(time=moment, room="#lobby", name=f"user{number % 50}", text=text, id=f"id-{number}"))
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


def main() -> None:
    """Each figure in a process of its own."""
    if sys.argv[1:] == ["frame"]:
        first_frame()
    elif sys.argv[1:]:
        asyncio.run(_keys() if sys.argv[1] == "keys" else _memory())
    else:
        for what in ("frame", "keys", "memory"):
            subprocess.run([sys.executable, "-m", "tests.bench.screen", what], check=True)


if __name__ == "__main__":
    main()
