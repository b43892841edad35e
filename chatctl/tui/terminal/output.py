"""Textual's output, made safe for a terminal that disappears.

Textual writes on a thread of its own, which an error ends. Then its queue fills up, and the next writer waits for ever:
the event loop, with all keys, signals and events behind it.
"""

from __future__ import annotations

import contextlib
import os
import termios
import tty
from collections.abc import Callable
from typing import IO, Any, cast

from textual.drivers import linux_driver
from textual.drivers.linux_driver import LinuxDriver

_MAX_TYPED_BYTES = 65536


class SafeOutput:
    """A stream whose writes never fail: output to a closed terminal is dropped."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self.lost = False
        """Whether the terminal has gone."""

    def write(self, text: str) -> int:
        """Write `text`, if there still is a terminal."""
        if not self.lost:
            try:
                self._stream.write(text)
            except (OSError, ValueError):
                self.lost = True
        return len(text)

    def flush(self) -> None:
        """Write the buffered output."""
        if not self.lost:
            try:
                self._stream.flush()
            except (OSError, ValueError):
                self.lost = True

    def fileno(self) -> int:
        """Return the descriptor of the stream."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self._stream.isatty()


class TerminalDriver(LinuxDriver):
    """Textual's driver with safe output."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._file = cast(Any, SafeOutput(cast("IO[str]", self._file)))
        self._is_first = True

    def start_application_mode(self) -> None:
        """Take over the terminal. Keys typed before that are delivered first."""
        start: Callable[[], None] = super().start_application_mode
        if not self._is_first:  # back from an editor
            start()
            return
        self._is_first = False
        before, slash_adapter = typed_ahead(self.fileno)
        if slash_adapter:
            parser: Any = vars(linux_driver)["XTermParser"]  # the one that background may have put there
            for message in parser(self._debug).feed(slash_adapter):
                self.process_message(message)
        start()
        self.attrs_before = before


def typed_ahead(terminal: int) -> tuple[list[Any] | None, str]:
    """Read the keys typed while the terminal still waited for whole lines, and leave it raw.

    The terminal has turned each Enter into a line feed, which would be Ctrl-J; it is turned back.

    Returns:
        The terminal's attributes as they were, None if it has none, and the text.
    """
    try:
        before = termios.tcgetattr(terminal)
        raw = termios.tcgetattr(terminal)
        raw[tty.LFLAG] &= ~(termios.ICANON | termios.ECHO)
        raw[tty.IFLAG] &= ~(termios.ICRNL | termios.INLCR | termios.IGNCR)
        raw[tty.CC][termios.VMIN] = raw[tty.CC][termios.VTIME] = 0
        termios.tcsetattr(terminal, termios.TCSANOW, raw)
    except (termios.error, OSError):
        return None, ""
    data = b""
    with contextlib.suppress(OSError):
        while (more := os.read(terminal, 4096)) and len(data) < _MAX_TYPED_BYTES:
            data += more
    return before, data.decode(errors="ignore").replace("\n", "\r")
