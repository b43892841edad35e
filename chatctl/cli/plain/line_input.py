"""Reading without a screen: stdin by lines, from a pipe, a file or a simple terminal."""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Iterator
from typing import TextIO

from chatctl.cli.plain.hidden_questions import Echo, RefusedQuestion
from chatctl.cli.plain.screen import LineScreen, UserLeft
from chatctl.client.errors import FullError
from chatctl.client.slash import table
from chatctl.errors import ChatctlError, UnreachableError

PATIENCE_SECONDS = 30.0
"""Seconds that a server which is there may confirm nothing of what a pipe said."""

_CHUNK = 65536
_LONGEST = 1024 * 1024
"""Bytes of a line without an end, after which it counts as ended: a pipe may never send one."""


class LineInput:
    """Lines of a descriptor, until its end or until :meth:`close` is called, by any thread or a signal handler."""

    def __init__(self, stream: TextIO | None) -> None:
        self._fd = self.fileno = stream.fileno() if stream is not None else -1
        self._wake, self._waker = os.pipe()
        os.set_blocking(self._waker, False)
        self._closed = False
        self.replaced = 0
        """Lines that were not UTF-8; what could not be read in them became U+FFFD."""

    def close(self) -> None:
        """End the iteration, soon."""
        self._closed = True
        with contextlib.suppress(OSError):  # full: a wake-up is on its way already
            os.write(self._waker, b"\0")

    def release(self) -> None:
        """Release the descriptors, which are not read any more."""
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
                end = _whole_characters(buffer)
                yield self._text(buffer[:end])
                buffer = buffer[end:]

    def _text(self, line: bytes) -> str:
        try:
            return line.decode().rstrip("\r")
        except UnicodeDecodeError:
            self.replaced += 1
            return line.decode(errors="replace").rstrip("\r")


def _whole_characters(data: bytes) -> int:
    """Return where to cut so that no incomplete UTF-8 character stays at the end."""
    for back in range(1, 4):
        if data[-back] >= 0xC0:
            return len(data) - back
        if data[-back] < 0x80:
            break
    return len(data)


def do_line(screen: LineScreen, line: str) -> None:
    """Carry out a typed line; errors are shown. Raises Leaving."""
    if any("\ud800" <= char <= "\udfff" for char in line):
        line = line.encode(errors="surrogateescape").decode(errors="replace")
        screen.show("!!! Some bytes of that line were not UTF-8; they are sent as \ufffd")
    if screen.question is not None:
        screen.answer(line)
        return
    try:
        table.run(screen, line)
        if table.is_text(line):
            screen.waiting(line)
    except ChatctlError as error:
        screen.show(f"!!! {error}")
        if table.asks_password(line):  # the next line may be a password
            screen.ask(RefusedQuestion(screen.show))


def converse(screen: LineScreen, lines: LineInput) -> str:
    """Carry out typed lines without line editing until the user leaves or the input ends. Return the reason."""
    screen.on_hide = Echo(lines.fileno).hide
    try:
        reason = _converse(screen, lines)
        while reason is None and screen.question is not None and not screen.ended:  # Ctrl-D: not now
            screen.ask(None)
            reason = _converse(screen, lines)
        return reason or ""
    finally:
        screen.on_hide(False)
        screen.on_hide = lambda hidden: None


def _converse(screen: LineScreen, lines: LineInput) -> str | None:
    """Run the typed lines. Return the reason to give, or None at the end of the input."""
    replaced = 0
    for line in lines:
        if lines.replaced > replaced:
            replaced = lines.replaced
            screen.show("!!! Some bytes of that line were not UTF-8; they are sent as \ufffd")
        try:
            do_line(screen, line)
        except UserLeft as leaving:
            return str(leaving)
    return None


class _Patience:
    """Decides whether waiting is useless: the screen has ended, or a connected server has confirmed none of the queued
    messages for PATIENCE seconds. (A server that is not there is bounded by the client's `give_up_after`.)"""

    def __init__(self, screen: LineScreen) -> None:
        self._screen = screen
        self._waiting = -1
        self._since = 0.0
        self.lost = False

    def over(self) -> bool:
        """Ask this several times a second while waiting, and nothing else is done."""
        now = time.monotonic()
        waiting = self._screen.client.waiting
        if waiting != self._waiting or not self._screen.client.online:
            self._waiting, self._since = waiting, now
        self.lost = now - self._since >= PATIENCE_SECONDS
        return self.lost or self._screen.ended


def send(screen: LineScreen, room: str, lines: LineInput) -> bool:
    """No person: each line is one message. Returns when the server has dealt with the last one, the screen or the
    client has ended, or (False) patience has.

    Reading waits while too much waits to be sent, so that a fast writer is held back and nothing is lost.
    """
    with contextlib.suppress(UnreachableError):  # the client has ended; its reason is reported by the caller
        for line in lines:
            for part in line.split("\r"):  # one message each, so that trying again says nothing twice
                if not _said(screen, room, part):
                    return screen.ended
    patience = _Patience(screen)
    screen.client.flush(enough=patience.over)
    return not (patience.lost and screen.client.waiting)


def _said(screen: LineScreen, room: str, text: str) -> bool:
    patience = _Patience(screen)
    while not screen.ended:
        try:
            screen.client.say(room, text, timeout=0.2)
        except FullError:
            if patience.over():
                break
        else:
            return True
    return False
