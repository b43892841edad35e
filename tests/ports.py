"""Ports for servers that are started again on the same one."""

from __future__ import annotations

import random
import socket
from pathlib import Path

_FIRST = 10_000
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def first_ephemeral() -> int:
    """Return the first of the ports that the system picks for connections, and for port 0."""
    return int(_RANGE.read_text().split()[0]) if _RANGE.exists() else 32_768


def steady_port() -> int:
    """Return a free port that the system gives to no other socket.

    A port picked by the system may be taken by any connection on the machine between the end of one server and the
    start of the next.
    """
    while True:
        port = random.randrange(_FIRST, max(_FIRST + 1000, first_ephemeral()))
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
