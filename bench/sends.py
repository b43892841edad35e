"""Writing to many sockets: one by one, and in one call of io_uring (server/net/uring.py), in interleaved rounds.

Run by hand: ``python -m bench.sends [--sockets 1000] [--rounds 200]``. Another process reads all of it. Figures
are us a send, medians: CPU of the writing process, and time.
"""

from __future__ import annotations

import argparse
import os
import select
import socket
import statistics
import time
from collections.abc import Callable

from chatctl.server.net.uring import WriteRing

DATA = b"x" * 150


def reader(address: tuple[str, int], count: int) -> None:
    """Connect and read until all is over."""
    poll, socks = select.epoll(), {}
    for _ in range(count):
        sock = socket.create_connection(address)
        sock.setblocking(False)
        socks[sock.fileno()] = sock
        poll.register(sock.fileno(), select.EPOLLIN)
    while socks:
        for fd, _ in poll.poll():
            if not socks[fd].recv(65536):
                poll.unregister(fd)
                socks.pop(fd).close()


def main() -> None:
    """Print a row a way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    listener = socket.create_server(("127.0.0.1", 0), backlog=options.sockets)
    if not os.fork():
        reader(listener.getsockname(), options.sockets)
        os._exit(0)
    socks = [listener.accept()[0] for _ in range(options.sockets)]
    for sock in socks:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    ring = WriteRing()

    def one_by_one() -> bool:
        return all(sock.send(DATA) == len(DATA) for sock in socks)

    def together() -> bool:
        return not ring.send([sock.fileno() for sock in socks], [DATA] * len(socks))

    ways: dict[str, Callable[[], bool]] = {"one by one": one_by_one, "together": together}
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, way in ways.items():
            cpu, wall = time.process_time_ns(), time.perf_counter_ns()
            assert way()
            took = (time.process_time_ns() - cpu, time.perf_counter_ns() - wall)
            figures[name].append((took[0] / len(socks) / 1000, took[1] / len(socks) / 1000))
            time.sleep(0.003)  # all of it is read
    for name, found in figures.items():
        cpu_us, wall_us = (statistics.median(each[at] for each in found) for at in (0, 1))
        print(f"{name:12} CPU {cpu_us:.2f}  time {wall_us:.2f}")
    for sock in socks:
        sock.close()
    os.wait()


if __name__ == "__main__":
    main()
