"""`python -m chatctl`, and what the `chatctl` command runs."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Load the command line and run it. A signal that comes while it loads ends it as quietly as a later one."""
    serving = sys.argv[1:2] == ["serve"]
    for number in (signal.SIGINT, signal.SIGTERM):
        if serving:
            # Nothing has begun, so nothing has to end: that is a clean stop. `serve` sets handlers of its own.
            signal.signal(number, lambda *_: os._exit(0))
    try:
        from chatctl.cli.app import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
