"""Time from `chatctl serve` to the first accepted connection, and to the banner.

Run by hand: ``python bench/startup.py [--rounds 10] [--messages 1000000] [--killed]``. Each round starts on the same
data folder with this many messages; with --killed the round before ended by kill -9, else by SIGTERM. Prints medians
and the slowest round, in milliseconds; 500 is the maximum for a million messages.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from chatctl.journal.index import place_index, text_index
from chatctl.journal.sqlite_store import SqliteStore, StoreBatch

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.journal import BATCH, CHECKPOINT, Talk

CHATCTL = str(Path(sys.executable).with_name("chatctl"))


def fill(folder: Path, messages: int) -> None:
    """Make a journal with this many messages, as a server leaves it."""
    store = SqliteStore(folder / "journal.db")
    store.open()
    talk = Talk(20)
    for first in range(1, messages + 1, BATCH):
        store.commit(StoreBatch(talk.batch(first, min(BATCH, messages + 1 - first))))
        if first % CHECKPOINT == 1:
            while place_index.follow(store):
                pass
            while text_index.follow(store) == text_index.SLICE:
                pass
            store.checkpoint()
    store.checkpoint(whole=True)
    store.close()


def one_round(folder: Path, ending: signal.Signals) -> tuple[float, float]:
    """Return the milliseconds to the first connection that is accepted, and to the last line of the banner."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [CHATCTL, "serve", "--port", str(port), "--data-dir", str(folder)]
    begin = time.monotonic()
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        while True:
            assert server.poll() is None, "the server ended; run the command by hand to see why"
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.001)
        connected = time.monotonic() - begin
        assert server.stdout is not None
        for line in server.stdout:
            if "Ctrl-C" in line:
                break
        return connected * 1000, (time.monotonic() - begin) * 1000
    finally:
        server.send_signal(ending)
        server.wait(10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--messages", type=int, default=0)
    parser.add_argument("--killed", action="store_true")
    options = parser.parse_args()
    os.umask(0o077)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.messages:
            fill(folder, options.messages)
        ending = signal.SIGKILL if options.killed else signal.SIGTERM
        rounds = [one_round(folder, ending) for _ in range(options.rounds)]
    print(f"{options.messages:,} messages, {options.rounds} rounds")
    for label, times in zip(("first connection", "banner"), zip(*rounds, strict=True), strict=True):
        print(f"{label:18} median {statistics.median(times):.0f} ms, slowest {max(times):.0f} ms")


if __name__ == "__main__":
    main()
