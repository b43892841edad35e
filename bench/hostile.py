"""Hostile clients, and a normal user beside them.

Run by hand: ``python bench/hostile.py [slow|stalled|deaf|all] [cpus]``. Starts `chatctl serve` on loopback, with the
default limits except places; `cpus` (2) is how many processors it may use. Prints how long a normal user takes to
register and to send a message (median and p99 of many), and the server's memory. Fails if p99 is over a second, or
memory over CAP_MIB.

- ``slow``: 2,000 connections that send a byte now and then, and reconnect when they are closed.
- ``stalled``: 1,000 TLS handshakes that stop after their first message, and reconnect.
- ``deaf``: 200 users of a busy room who never read.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.e2e.processes import ServeProcess
from tests.wire import Wire

CAP_MIB = {"slow": 120, "stalled": 160, "deaf": 400}
WORST_SECONDS = 1.0
ROUNDS = 60
SECONDS = 15.0


def hello() -> bytes:
    """Return the first message of a handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing).do_handshake()
    return outgoing.read()


class Crowd:
    """`count` connections, kept up on a thread of their own; each sends `first`, then a byte of `drip` now and then."""

    def __init__(self, port: int, count: int, first: bytes, drip: bytes) -> None:
        self.came = 0
        self._port, self._count, self._first, self._drip = port, count, first, drip
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        """Go away."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            open_now: dict[socket.socket, None] = {}
            next_drip = time.monotonic()
            while not self._stop.is_set():
                for _ in range(min(100, self._count - len(open_now))):
                    open_now[self._another(selector)] = None
                for key, mask in selector.select(0.02):
                    assert isinstance(key.fileobj, socket.socket)
                    sock = key.fileobj
                    if not self._goes_on(selector, sock, mask):
                        selector.unregister(sock)
                        sock.close()
                        del open_now[sock]
                if self._drip and time.monotonic() >= next_drip:
                    next_drip = time.monotonic() + 2
                    for sock in open_now:
                        with contextlib.suppress(OSError):
                            sock.send(self._drip)
            for sock in open_now:
                sock.close()

    def _another(self, selector: selectors.BaseSelector) -> socket.socket:
        sock = socket.socket()
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            sock.connect(("127.0.0.1", self._port))
        selector.register(sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if self._first else 0))
        self.came += 1
        return sock

    def _goes_on(self, selector: selectors.BaseSelector, sock: socket.socket, mask: int) -> bool:
        try:
            if mask & selectors.EVENT_WRITE:
                sock.send(self._first)
                selector.modify(sock, selectors.EVENT_READ)
            return not mask & selectors.EVENT_READ or bool(sock.recv(65536))
        except BlockingIOError:
            return True
        except OSError:
            return False


def visit(port: int, number: int) -> float:
    """Register, send a message and receive it; return how long that took."""
    began = time.monotonic()
    with Wire(port).login(f"guest{number}", "#tea", caps="echo-message") as wire:
        wire.send("PRIVMSG #tea :hello")
        wire.until("PRIVMSG")
        wire.send("QUIT")
    return time.monotonic() - began


def memory(pid: int) -> float:
    """Return the peak resident memory in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def measured(name: str, server: ServeProcess, go_on: Callable[[], object]) -> bool:
    """Visit again and again; whether it went well enough."""
    times: list[float] = []
    end = time.monotonic() + SECONDS
    while len(times) < ROUNDS or time.monotonic() < end:
        times.append(visit(server.port, len(times)))
        go_on()
    worst = statistics.quantiles(times, n=100)[98]
    peak = memory(server.process.pid)
    good = worst < WORST_SECONDS and peak < CAP_MIB[name]
    print(
        f"{name:8} {len(times)} visits: median {statistics.median(times) * 1000:.0f} ms, p99 {worst * 1000:.0f} ms; "
        f"memory {peak:.0f} MiB of {CAP_MIB[name]}; {'good' if good else 'NOT GOOD'}"
    )
    return good


def slow(server: ServeProcess) -> bool:
    """2,000 that drip."""
    crowd = Crowd(server.port, 2000, b"", b"N")
    try:
        return measured("slow", server, lambda: time.sleep(0.1))
    finally:
        crowd.stop()
        print(f"         {crowd.came} connections came")


def stalled(server: ServeProcess) -> bool:
    """1,000 handshakes."""
    crowd = Crowd(server.port, 1000, hello(), b"")
    try:
        return measured("stalled", server, lambda: time.sleep(0.1))
    finally:
        crowd.stop()
        print(f"         {crowd.came} connections came")


def deaf(server: ServeProcess) -> bool:
    """200 who never read, in a room in which 20 talk as fast as they may."""
    people = [Wire(server.port).login(f"deaf{number}", "#busy") for number in range(200)]
    for wire in people:
        wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stop = threading.Event()

    def talk() -> None:
        talkers = [Wire(server.port).login(f"talker{number}", "#busy") for number in range(20)]
        while not stop.wait(0.01):
            for wire in talkers:
                with contextlib.suppress(OSError):
                    wire.send(f"PRIVMSG #busy :{'x' * 400}", f"PRIVMSG #busy :{'y' * 400}")
                wire.sock.setblocking(False)
                with contextlib.suppress(OSError):
                    while wire.sock.recv(1 << 20):
                        pass
                wire.sock.setblocking(True)

    talking = threading.Thread(target=talk)
    talking.start()
    try:
        return measured("deaf", server, lambda: time.sleep(0.1))
    finally:
        stop.set()
        talking.join()
        for wire in people:
            wire.close()


KINDS = {"slow": slow, "stalled": stalled, "deaf": deaf}


def main() -> int:
    """Exit code 1 where something did not go well enough."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else "all"
    cpus = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    good = True
    for name, kind in KINDS.items():
        if wanted not in (name, "all"):
            continue
        with tempfile.TemporaryDirectory() as home:
            rate = "0" if name == "deaf" else "10"  # or the room would not be busy
            with ServeProcess(
                Path(home), CHATCTL_LISTENER_LIMIT="1000", CHATCTL_LIMITS__MESSAGES_PER_SECOND=rate
            ) as server:
                if hasattr(os, "sched_setaffinity"):
                    os.sched_setaffinity(server.process.pid, sorted(os.sched_getaffinity(0))[:cpus])
                # Its log must not fill the pipe.
                assert server.process.stderr is not None
                threading.Thread(target=server.process.stderr.read, daemon=True).start()
                good &= kind(server)
                server.process.send_signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    server.process.wait(10)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
