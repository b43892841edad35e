"""The cost of history: deliveries per second with and without it, one room of 500, four senders, in one run.

Run by hand: ``python bench/history.py [--readers 500] [--window 32] [--rounds 7] [--seconds 2]``. Two servers on
loopback, one with history and one with --no-history, take turns; each sender has at most `window` messages without an
echo. It counts received messages, and the CPU of the server's process.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import re
import select
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

SENDERS = 4
ROOM = "#lobby"
TEXT = "x" * 60


def login(port: int, nick: str, caps: str) -> socket.socket:
    """Return a connection that is in the room."""
    sock = socket.create_connection(("127.0.0.1", port))
    request = f"CAP REQ :{caps}\r\nCAP END\r\n" if caps else ""
    sock.sendall(f"{request}NICK {nick}\r\nUSER u 0 * :r\r\nJOIN {ROOM}\r\n".encode())
    data = b""
    while b" 366 " not in data:
        data = data[-64:] + sock.recv(1 << 16)
    return sock


def read(ports: list[int], count: int, orders: Connection) -> None:
    """A process: `count` readers of each server. Told which server, it drains those, until told to stop; then it says
    how many messages they got, counted in one of them and multiplied by what all got in bytes."""
    crowds = [[login(port, f"r{number}", "") for number in range(count)] for port in ports]
    polls = [select.epoll() for _ in ports]
    for crowd, poll in zip(crowds, polls, strict=True):
        for sock in crowd:
            sock.setblocking(False)
            poll.register(sock.fileno(), select.EPOLLIN)
    by_fd = {sock.fileno(): sock for crowd in crowds for sock in crowd}
    buffer = bytearray(1 << 20)
    orders.send("ready")
    while (which := orders.recv()) >= 0:
        poll, first = polls[which], crowds[which][0].fileno()
        size = sample_size = sample = 0
        ending = 0.0
        while not ending or time.monotonic() < ending:
            for fd, _ in poll.poll(0.05):
                got = by_fd[fd].recv_into(buffer)
                size += got
                if fd == first:
                    sample_size += got
                    sample += buffer.count(b" PRIVMSG ", 0, got)
            if not ending and orders.poll():
                orders.recv()
                ending = time.monotonic() + 0.5  # messages in flight
        orders.send(round(sample * size / max(1, sample_size)))


class Sender:
    """Says as much as its window allows."""

    def __init__(self, port: int, number: int, window: int) -> None:
        self.sock = login(port, f"s{number}", "echo-message")
        self.sock.setblocking(False)
        self.line = f"PRIVMSG {ROOM} :{TEXT}\r\n".encode()
        self.mine = f":s{number}!".encode()
        self.window = window
        self.waiting = 0
        self.tail = b""

    def fill(self) -> None:
        more = self.window - self.waiting
        if more > 0:
            self.sock.send(self.line * more)
            self.waiting = self.window

    def take(self) -> None:
        data = self.tail + self.sock.recv(1 << 20)
        whole, _, self.tail = data.rpartition(b"\n")
        self.waiting -= whole.count(b"\n" + self.mine) + whole.startswith(self.mine)


def send(senders: list[Sender], seconds: float) -> float:
    """Send for this long, then wait for all echoes; return the total seconds."""
    began = time.monotonic()
    poll = select.epoll()
    by_fd = {sender.sock.fileno(): sender for sender in senders}
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    while (going := time.monotonic() - began < seconds) or any(sender.waiting for sender in senders):
        if going:
            for sender in senders:
                sender.fill()
        for fd, _ in poll.poll(1.0):
            by_fd[fd].take()
    return time.monotonic() - began


def cpu(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def serve(folder: str, places: int, *more: str) -> tuple[subprocess.Popen[str], int]:
    """Return a server, and its port."""
    command = [sys.executable, "-m", "chatctl", "serve", "--port", "0", "--listener-limit", str(places)]
    command += ["--data-dir", folder, "--log-level", "error", *more]
    environment = {**os.environ, "CHATCTL_LIMITS__MESSAGES_PER_SECOND": "0"} if _has_rate() else dict(os.environ)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout
    for line in process.stdout:
        if found := re.search(r"Listening: +127\.0\.0\.1:(\d+)", line):
            return process, int(found[1])
    raise SystemExit("the server did not start")


def _has_rate() -> bool:
    from chatctl.config import KEYS

    return "limits.messages_per_second" in KEYS


def run(options: argparse.Namespace) -> None:
    """Both servers, turn by turn."""
    with tempfile.TemporaryDirectory(dir=options.folder) as folder, contextlib.ExitStack() as stack:
        places = options.readers + SENDERS
        names = ("history", "--no-history")
        started = [serve(f"{folder}/a", places), serve(f"{folder}/b", places, "--no-history")]
        for process, _ in started:
            stack.callback(process.wait, 10)
            stack.callback(process.send_signal, signal.SIGTERM)
        ports = [port for _, port in started]
        mine, theirs = multiprocessing.Pipe()
        reader = multiprocessing.Process(target=read, args=(ports, options.readers, theirs), daemon=True)
        reader.start()
        assert mine.recv() == "ready"
        senders = [[Sender(port, number, options.window) for number in range(SENDERS)] for port in ports]
        if options.pid:
            print("pids", [process.pid for process, _ in started], flush=True)
        rates: list[list[float]] = [[], []]
        print(f"{options.readers} readers, {SENDERS} senders with a window of {options.window}")
        for number in range(options.rounds + 1):
            for which in (0, 1) if number % 2 else (1, 0):
                used = cpu(started[which][0].pid)
                mine.send(which)
                took = send(senders[which], options.seconds)
                used = cpu(started[which][0].pid) - used
                mine.send("stop")
                got = mine.recv()
                if number:  # the first round warms up
                    rates[which].append(got / took)
                    print(f"  {names[which]:13} {got / took:10,.0f} deliveries/s   {used / took:4.0%} CPU", flush=True)
                time.sleep(options.pause)
        mine.send(-1)
        medians = [statistics.median(each) for each in rates]
        print(f"median: {medians[0]:,.0f} with history, {medians[1]:,.0f} without: {medians[0] / medians[1]:.0%}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=500)
    parser.add_argument("--window", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--pause", type=float, default=0.5)
    parser.add_argument("--folder", default=None)
    parser.add_argument("--pid", action="store_true", help="Print the servers' process ids, for a profiler.")
    run(parser.parse_args())
