"""Splits received bytes into lines that are safe to parse.

Invariants:

- [line-endings] A line ends with LF; one CR before it is removed too (clients send both forms). Empty lines are
  skipped.
- [bad-line] A line is text: UTF-8, without NUL and CR. Others are reported in their place as a :class:`BadLine`, and
  the lines around them are kept: a bad line costs its sender that line only. The readable part of its beginning comes
  with it, so that the answer can have the command and the label.
- [bounded] A line has at most 512 bytes, CR LF included, and before it at most 4096 bytes of tags (both limits are set
  in the constructor). A longer one is reported once, as soon as that is known, and dropped up to its end, so memory is
  bounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from chatctl.protocol.message import MAX_CLIENT_TAGS_BYTES, MAX_LINE_BYTES

_MAX_COMMAND_BYTES = 32
"""Bytes of a command in the beginning of a bad line: no command is that long."""


class BadLineReason(Enum):
    """The reason for rejecting a line."""

    TOO_LONG = "too long"
    NOT_UTF8 = "not UTF-8"
    HAS_NUL = "has a NUL"
    HAS_CR = "has a CR"


@dataclass(frozen=True, slots=True)
class BadLine:
    """A rejected line. `start` is its tags and command, never a parameter (it may be a password); ``""`` if they are
    not text, or too long."""

    why: BadLineReason
    start: str = ""


class LineDecoder:
    """Splits chunks of bytes of any size into lines, each a `str` or a :class:`BadLine`."""

    __slots__ = ("_buffer", "_max_line", "_max_tags", "_skipping")

    def __init__(self, max_line: int = MAX_LINE_BYTES, max_tags: int = MAX_CLIENT_TAGS_BYTES) -> None:
        self._max_line = max_line
        self._max_tags = max_tags
        self._buffer = b""
        self._skipping = False

    @property
    def pending(self) -> int:
        """The buffered bytes of an incomplete line."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[str | BadLine]:
        """Return the lines that `data` completes, in order."""
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        end = data.rfind(b"\n") + 1
        if end != len(data):
            self._buffer = data[end:]
            data = data[:end]
        lines = self._split(data) if end else []
        if self._buffer:
            self._bound_rest(lines)
        return lines

    def _split(self, data: bytes) -> list[str | BadLine]:
        if self._skipping:
            # The rest of a line that was reported when it grew too long.
            data = data[data.index(b"\n") + 1 :]
            self._skipping = False
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return self._split_slowly(data)
        if "\0" in text:
            return self._split_slowly(data)
        lines: list[str | BadLine] = []
        for line in text.split("\n"):
            if line[-1:] == "\r":
                line = line[:-1]  # noqa: PLW2901  # the CR is not part of the line
            if "\r" in line:
                raw = line.encode()
                lines.append(self._bad(BadLineReason.HAS_CR if self._fits(raw) else BadLineReason.TOO_LONG, raw))
            elif line:
                # Four bytes a character at the most, so that short lines need no counting.
                fits = len(line) * 4 <= self._max_line - 2 or self._fits(line.encode())
                lines.append(line if fits else self._bad(BadLineReason.TOO_LONG, line.encode()))
        return lines

    def _split_slowly(self, data: bytes) -> list[str | BadLine]:
        """Split a chunk line by line, since at least one of them is invalid."""
        lines: list[str | BadLine] = []
        for raw in data.split(b"\n"):
            line = raw.removesuffix(b"\r")
            if not line:
                continue
            if not self._fits(line):
                lines.append(self._bad(BadLineReason.TOO_LONG, line))
            elif b"\0" in line:
                lines.append(self._bad(BadLineReason.HAS_NUL, line))
            elif b"\r" in line:
                lines.append(self._bad(BadLineReason.HAS_CR, line))
            else:
                try:
                    lines.append(line.decode())
                except UnicodeDecodeError:
                    lines.append(self._bad(BadLineReason.NOT_UTF8, line))
        return lines

    def _fits(self, line: bytes) -> bool:
        """Return whether `line` (without CR LF) is within both limits. The tags count with their ``@`` and space."""
        tags = 0
        if line[:1] == b"@":
            space = line.find(b" ")
            tags = space + 1 if space >= 0 else len(line)
        return tags <= self._max_tags and len(line) - tags <= self._max_line - 2

    def _bad(self, why: BadLineReason, line: bytes) -> BadLine:
        """Return the report on `line`, which may be incomplete."""
        tags = line.find(b" ") + 1 if line[:1] == b"@" else 0
        command = line[tags : tags + _MAX_COMMAND_BYTES + 1].partition(b" ")[0]
        start = line[:tags] + command
        if (line[:1] == b"@" and not tags) or tags > self._max_tags or len(command) > _MAX_COMMAND_BYTES:
            return BadLine(why)
        if b"\0" in start or b"\r" in start:
            return BadLine(why)
        try:
            return BadLine(why, start.decode())
        except UnicodeDecodeError:
            return BadLine(why)

    def _bound_rest(self, lines: list[str | BadLine]) -> None:
        if self._skipping:
            self._buffer = b""
        elif self._buffer and not self._may_fit():
            lines.append(self._bad(BadLineReason.TOO_LONG, self._buffer))
            self._buffer = b""
            self._skipping = True

    def _may_fit(self) -> bool:
        """Return whether the incomplete line may still be within the limits (its last byte may be the CR)."""
        rest = self._buffer
        return len(rest) <= self._max_line - 1 or self._fits(rest.removesuffix(b"\r"))
