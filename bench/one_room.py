"""One room of a thousand, 200 messages a second: is anything lost, is there one order, how much memory and time?

Run by hand: ``python bench/one_room.py [--clients 1000] [--rate 200] [--seconds 10]``. Starts a server of its own
on loopback as a process, and ends it. Everybody asks for their own echo, so that all must read the very same messages.
"""

from __future__ import annotations

import argparse
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

SENDERS = 10
DEADLINE = 60.0


class Crowd:
    """Many connections in one thread: what each has read is kept as bytes and looked at afterwards."""

    def __init__(self, port: int, count: int) -> None:
        self.socks = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
        self.data = [bytearray() for _ in self.socks]
        self.index = {sock.fileno(): at for at, sock in enumerate(self.socks)}
        self.epoll = select.epoll()
        for sock in self.socks:
            sock.setblocking(False)
            self.epoll.register(sock.fileno(), select.EPOLLIN)

    def read(self, timeout: float) -> None:
        """Read input; answer keep-alives."""
        for fd, _ in self.epoll.poll(timeout):
            at = self.index[fd]
            got = self.socks[at].recv(1 << 20)
            if not got:
                raise SystemExit(f"connection {at} was closed: {bytes(self.data[at][-200:])!r}")
            if b"PING :" in got or got.startswith(b"PING"):
                self.socks[at].send(b"PONG x\r\n")
            self.data[at] += got

    def login(self) -> None:
        """Register all clients and join the room; each waits for the end of the names."""
        for at, sock in enumerate(self.socks):
            sock.send(f"CAP REQ :echo-message\r\nCAP END\r\nNICK user{at}\r\nUSER u 0 * :r\r\nJOIN #lobby\r\n".encode())
        by = time.monotonic() + DEADLINE
        while any(b" 366 " not in data for data in self.data):
            if time.monotonic() > by:
                raise SystemExit("not all clients joined")
            self.read(1.0)


def memory(pid: int, key: str) -> float:
    """Return the memory of a process in MiB: VmRSS (now) and VmHWM (peak)."""
    found = re.search(rf"{key}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


def cpu(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(clients: int, rate: int, seconds: int) -> None:
    """Start, join, send, check, print."""
    command = [sys.executable, "-m", "chatctl", "serve", "--port", "0", "--listener-limit", str(clients)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert server.stdout
    try:
        port = 0
        for line in server.stdout:
            if found := re.search(r"Listening: +127\.0\.0\.1:(\d+)", line):
                port = int(found[1])
                break
        empty = memory(server.pid, "VmRSS")
        started = time.monotonic()
        crowd = Crowd(port, clients)
        crowd.login()
        joined = time.monotonic() - started
        for data in crowd.data:
            data.clear()
        idle = memory(server.pid, "VmRSS")
        used = cpu(server.pid)
        total = rate * seconds
        begin = time.monotonic()
        for number in range(total):
            at = number % SENDERS
            due = begin + number / rate
            while (left := due - time.monotonic()) > 0:
                crowd.read(left)
            crowd.socks[at].send(f"PRIVMSG #lobby :{number} {time.monotonic():.6f} {'x' * 40}\r\n".encode())
        by = time.monotonic() + DEADLINE
        while any(data.count(b"PRIVMSG") < total for data in crowd.data[:: max(1, clients // 20)]):
            if time.monotonic() > by:
                break
            crowd.read(0.2)
        crowd.read(0.2)
        took = time.monotonic() - begin
        first = _messages(crowd.data[0])
        whole = sum(len(_messages(data)) == total for data in crowd.data)
        same = sum(_messages(data) == first for data in crowd.data)
        print(f"clients              {clients}, all in the room after {joined:.2f} s")
        print(f"messages             {total} at {rate}/s, {total * clients} deliveries in {took:.1f} s")
        print(f"got every message    {whole} of {clients}")
        print(f"in the same order    {same} of {clients}")
        peak = memory(server.pid, "VmHWM")
        print(f"server memory        {empty:.1f} MiB empty, {idle:.1f} with all in, {peak:.1f} peak")
        print(f"server CPU           {100 * (cpu(server.pid) - used) / took:.0f} % of a core")
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(10)


def _messages(data: bytearray) -> list[bytes]:
    return [line for line in bytes(data).split(b"\r\n") if b" PRIVMSG #lobby " in line]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=10)
    options = parser.parse_args()
    run(options.clients, options.rate, options.seconds)
