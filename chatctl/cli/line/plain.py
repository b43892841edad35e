"""Reading without a screen: stdin by lines, from a pipe, a file or a simple terminal."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from typing import TextIO

_CHUNK = 65536
_LONGEST = 1024 * 1024
"""Bytes of a line without an end, after which it counts as ended: a pipe may never send one."""


class LineInput:
    """Lines of a descriptor, until its end or until :meth:`close` is called, by any thread or a signal handler."""

    def __init__(self, stream: TextIO | None) -> None:
        self._fd = stream.fileno() if stream is not None else -1
        self._wake, self._waker = os.pipe()
        os.set_blocking(self._waker, False)
        self._closed = False
        self.replaced = 0
        """Lines that were not UTF-8; what could not be read in them became U+FFFD."""

    def close(self) -> None:
        """End the iteration, soon."""
        self._closed = True
        try:
            os.write(self._waker, b"\0")
        except OSError:  # a wake-up is on its way already
            return

    def release(self) -> None:
        """Nobody reads or closes any more."""
        os.close(self._wake)
        os.close(self._waker)

    def __iter__(self) -> Iterator[str]:
        buffer = b""
        while not self._closed and self._fd >= 0:
            ready, _, _ = select.select([self._fd, self._wake], [], [])
            if self._closed:
                return
            if self._fd not in ready:
                continue
            data = os.read(self._fd, _CHUNK)
            if not data:
                if buffer:
                    yield self._text(buffer)
                return
            *whole, buffer = (buffer + data).split(b"\n")
            for line in whole:
                yield self._text(line)
                if self._closed:
                    return
            if len(buffer) > _LONGEST:
                yield self._text(buffer)
                buffer = b""

    def _text(self, line: bytes) -> str:
        try:
            return line.decode().rstrip("\r")
        except UnicodeDecodeError:
            self.replaced += 1
            return line.decode(errors="replace").rstrip("\r")
