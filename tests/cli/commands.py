"""chatctl as a process, as a shell starts it."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.wire import DEADLINE

COMMAND = [sys.executable, "-m", "chatctl"]


def run(*arguments: str, given: str | bytes = "", **environ: str) -> subprocess.CompletedProcess[bytes]:
    data = given.encode() if isinstance(given, str) else given
    env = {**os.environ, **environ}
    return subprocess.run(
        [*COMMAND, *arguments], input=data, capture_output=True, check=False, timeout=2 * DEADLINE, env=env
    )
