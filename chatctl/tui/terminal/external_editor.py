"""Writing in $EDITOR, with the screen suspended.

Invariants:

- [restore-terminal] The terminal is restored when the editor ends, however it ends.
- [pass-signals] A request to end the program (SIGTERM, SIGHUP) is passed on to the editor: nothing waits for it.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

_ENDING = (signal.SIGTERM, signal.SIGHUP)


def command() -> list[str]:
    """Return the user's editor and its arguments before the file name."""
    return shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "") or ["vi"]


def edited(text: str, editor: list[str], away: contextlib.AbstractContextManager[None]) -> str:
    """`text` as it was saved; `away` holds the screen back meanwhile. Raises OSError where there is no such editor."""
    with tempfile.TemporaryDirectory(prefix="chatctl-") as folder:
        file = Path(folder) / "message.txt"
        file.write_text(text, encoding="utf-8")
        with away, _restored(), subprocess.Popen([*editor, str(file)]) as process, _ending_too(process):
            process.wait()
        return file.read_text(encoding="utf-8", errors="replace").rstrip("\n")


@contextlib.contextmanager
def _restored() -> Iterator[None]:
    """Restore the terminal after the editor ([restore-terminal]): one that is killed leaves its own modes."""
    try:
        before = termios.tcgetattr(sys.__stdin__) if sys.__stdin__ is not None else None
    except (termios.error, ValueError):
        before = None
    try:
        yield
    finally:
        if before is not None and sys.__stdin__ is not None:
            with contextlib.suppress(termios.error):  # the terminal has gone
                termios.tcsetattr(sys.__stdin__, termios.TCSADRAIN, before)


@contextlib.contextmanager
def _ending_too(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Pass signals on to the editor ([pass-signals]), and to the former handlers."""
    before: dict[signal.Signals, Any] = {}

    def ended(number: int, frame: FrameType | None) -> None:
        process.send_signal(number)
        handler = before.get(signal.Signals(number))
        if callable(handler):
            handler(number, frame)

    try:
        before.update({number: signal.getsignal(number) for number in _ENDING})
        for number in _ENDING:
            signal.signal(number, ended)
    except ValueError:  # not on the main thread: signals are handled elsewhere
        before.clear()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
