"""Textual's output, made safe for a terminal that goes away.

Textual writes on a thread of its own, which an error ends. Its queue then fills, and whoever writes next waits for
ever: the loop, with all keys, signals and events behind it.
"""

from __future__ import annotations

from typing import IO, Any, cast

from textual.drivers.linux_driver import LinuxDriver


class SafeOutput:
    """A stream whose writes never fail: what cannot be written any more is dropped."""

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
        """Write what is buffered."""
        if not self.lost:
            try:
                self._stream.flush()
            except (OSError, ValueError):
                self.lost = True

    def fileno(self) -> int:
        """The descriptor of the stream."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._stream.isatty()


class TerminalDriver(LinuxDriver):
    """Textual's own, with safe output."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._file = cast(Any, SafeOutput(cast("IO[str]", self._file)))
