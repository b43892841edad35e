"""All clients join one room at once: does the cost per received JOIN grow, and does the loop ever block?

Run by hand: ``python -m bench.entering [--rounds 3] [--servers chatctl inspircd ngircd]``. All clients register first;
then all send their JOIN at once. Prints medians: the seconds until all have received all later JOINs, the server's CPU
per received JOIN, and the longest time that a bystander in no room, a separate process, waited for the answer to a PING
meanwhile: a blocked loop answers no client.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import select
import socket
import statistics
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

from bench.compare import machine
from bench.rivals import Rival, running
from chatctl.bench.usage import Process

USERS = (500, 1000, 2000, 4000)
DEADLINE = 60.0
ROOM = "#bench"


class Crowd:
    """Registered connections. Their input is counted in bulk, across chunk borders too."""

    def __init__(self, port: int, count: int, batch: int) -> None:
        self.poll = select.epoll()
        self.socks: dict[int, socket.socket] = {}
        self.rest: dict[int, bytes] = {}
        for first in range(0, count, batch):
            self._register(port, first, min(batch, count - first))

    def _register(self, port: int, first: int, count: int) -> None:
        before = set(self.socks)
        for number in range(first, first + count):
            sock = socket.create_connection(("127.0.0.1", port))
            sock.sendall(f"NICK user{number}\r\nUSER u 0 * :r\r\n".encode())
            self.socks[sock.fileno()] = sock
            self.rest[sock.fileno()] = b""
            self.poll.register(sock.fileno(), select.EPOLLIN)
        self._until({fd: 1 for fd in self.socks if fd not in before}, b" 001 ")
        self._until({fd: 1 for fd in self.socks if fd not in before}, b"PONG", b"PING done\r\n")

    def enter(self) -> int:
        """Join all at once, until each has received its own JOIN and those after it; return the number of JOINs
        received."""
        heard = len(self.socks) * (len(self.socks) + 1) // 2
        got = self._until({}, b" JOIN ", f"JOIN {ROOM}\r\n".encode(), total=heard)
        if got != heard:
            raise SystemExit(f"{got:,} JOINs were heard, {heard:,} expected")
        return heard

    def _until(self, awaited: dict[int, int], word: bytes, request: bytes = b"", total: int = 0) -> int:
        """Send the request from those awaited (all, if none is named) and read until each of them has got the word, or
        all together `total` of them."""
        for fd in awaited or self.socks:
            if request:
                self.socks[fd].sendall(request)
        by, got = time.monotonic() + DEADLINE, 0
        while awaited or got < total:
            if time.monotonic() > by:
                raise SystemExit(f"no {word.decode().strip()} for {len(awaited)} clients, {got} heard")
            for fd, _ in self.poll.poll(1.0):
                data = self.socks[fd].recv(1 << 20)
                if not data:
                    raise SystemExit(f"a client was cut off: {self.rest[fd]!r}")
                if data.startswith(b"PING") or b"\r\nPING" in data:
                    token = data[data.index(b"PING") + 5 :].split(b"\r\n")[0]
                    self.socks[fd].sendall(b"PONG " + token + b"\r\n")
                # A piece may end within a word: what could be its beginning is kept for the next one.
                *whole, rest = (self.rest[fd] + data).split(word)
                self.rest[fd] = rest[1 - len(word) :]
                if whole:
                    got += len(whole)
                    awaited.pop(fd, None)
        return got

    def close(self) -> None:
        for sock in self.socks.values():
            sock.close()
        self.poll.close()


def bystander(port: int, pipe: Connection) -> None:
    """Ask again as soon as there is an answer, until told to end; say the longest wait in seconds."""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as sock:
        sock.sendall(b"NICK bystander\r\nUSER u 0 * :r\r\n")
        longest, seen = 0.0, b""
        while b" 001 " not in seen:
            seen += sock.recv(65536)
            if b"PING :" in seen:
                sock.sendall(b"PONG " + seen[seen.index(b"PING ") + 5 :].split(b"\r\n")[0] + b"\r\n")
        count = 0
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ready = False
        while not pipe.poll():
            count += 1
            token = f"t{count}t".encode()
            begin = time.perf_counter()
            sock.sendall(b"PING " + token + b"\r\n")
            seen = b""
            while token not in seen:
                seen += sock.recv(65536)
            if ready:
                longest = max(longest, time.perf_counter() - begin)
            else:
                ready = True
                pipe.send(0.0)
        pipe.send(longest)


def one_round(server: Rival, count: int) -> tuple[float, float, float]:
    """Return the seconds until all have received all, the CPU microseconds per JOIN received, and the longest wait
    (ms)."""
    crowd = Crowd(server.port, count, server.batch)
    ours, theirs = multiprocessing.Pipe()
    waiting = multiprocessing.Process(target=bystander, args=(server.port, theirs), daemon=True)
    waiting.start()
    ours.recv()
    process = Process(server.pid)
    cpu, begin = process.cpu_seconds(), time.perf_counter()
    heard = crowd.enter()
    seconds, cpu = time.perf_counter() - begin, process.cpu_seconds() - cpu
    ours.send("end")
    longest: float = ours.recv()
    waiting.join(DEADLINE)
    crowd.close()
    return seconds, cpu / heard * 1e6, longest * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--servers", nargs="*", default=["chatctl"])
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print(machine())
    print("\n| server | enter at once | all heard all after | CPU for a JOIN heard | longest wait of a bystander |")
    print("|---|---|---|---|---|")
    for count in USERS:
        for name in options.servers:
            with tempfile.TemporaryDirectory(prefix="entering-") as folder:
                rounds = []
                for turn in range(options.rounds):
                    with running(name, Path(folder, f"data{turn}")) as server:
                        rounds.append(one_round(server, count))
            seconds, cost, wait = (statistics.median(column) for column in zip(*rounds, strict=True))
            print(f"| {name} | {count:,} | {seconds:.2f} s | {cost:.2f} us | {wait:.0f} ms |", flush=True)


if __name__ == "__main__":
    main()
