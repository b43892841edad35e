"""How long from `chatctl serve` to the first accepted connection, and to the banner.

Run by hand: ``python tests/bench/startup.py [rounds]``. States medians and the slowest round, in milliseconds.
"""

from __future__ import annotations

import signal
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

CHATCTL = str(Path(sys.executable).with_name("chatctl"))


def one_round() -> tuple[float, float]:
    """Milliseconds to the first connection that is accepted, and to the last line of the banner."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    begin = time.monotonic()
    server = subprocess.Popen(
        [CHATCTL, "serve", "--port", str(port)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        while True:
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
        server.send_signal(signal.SIGTERM)
        server.wait(10)


if __name__ == "__main__":
    rounds = [one_round() for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 10)]
    for name, times in zip(("first connection", "banner"), zip(*rounds, strict=True), strict=True):
        print(f"{name:18} median {statistics.median(times):.0f} ms, slowest {max(times):.0f} ms")
