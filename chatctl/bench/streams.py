"""The output that clients receive, counted in bulk and checked for one order.

Invariants:

- [compare-bytes] Clients of one room with the same capabilities must receive the same bytes. So the first one to
  receive something parses it, once, and for all others it is one comparison of memory (:meth:`RoomStream.heard`). That
  is the whole cost of a delivery here, whatever the server's speed.
- [own-stream] A sender without echoes receives different output: it has a stream of its own.
- [counted] Messages have their sender's number and count up from 0 per sender: a gap, a repetition or another order is
  found when the line is parsed, or when the comparison fails. Nothing else counts as a delivery.
- [noise] Other output (PING, notices, JOIN, QUIT) is not a delivery, and is removed before comparing.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Callable

from chatctl.errors import ChatctlError

_MESSAGE = re.compile(rb"(?:@[^ ]+ +)?:[^ ]+ PRIVMSG [#&][^ ]* :?(\d+) (\d+) ")

_NEVER = 1 << 62

TRIM = 1 << 20
"""Bytes that all clients have read, after which they are dropped."""


class DisorderError(ChatctlError):
    """The server lost, duplicated or reordered a message."""


class StreamReader:
    """One client's position in its stream: `at` in bytes from its start, `count` in messages. `rest`: an incomplete
    line that no client has completely."""

    __slots__ = ("at", "count", "goal", "rest", "stream")

    def __init__(self, stream: RoomStream) -> None:
        self.stream = stream
        self.at = 0
        self.count = 0
        self.goal = min(stream.step, stream.expected) or _NEVER
        self.rest = b""
        stream.ears += 1


class RoomStream:
    """The output of one kind of client in one room. `but` is the sender without echoes, or -1.

    `confirmed[s]`: how many messages of sender `s` all clients of the stream have. `arrived`: for timed clients, from
    which to which message they had at which time.
    """

    def __init__(self, name: str, step: int, but: int = -1) -> None:
        self.name = name
        self.step = step
        self.but = but
        self.ears = 0
        self.expected = 0
        self.order = array("l")  # the sender of each message
        self.confirmed: dict[int, int] = {}
        self.arrived: list[tuple[int, int, float]] = []
        self.done = 0
        """Clients that have everything."""
        self._bytes = bytearray()
        self._base = 0  # of the bytes kept, in the whole stream
        self._ends = array("q")
        self._next: dict[int, int] = {}
        self._passed = 0  # messages that all have
        self._at_goal: dict[int, int] = {}

    def heard(self, ear: StreamReader, data: bytes, noise: Callable[[bytes], None]) -> bool:
        """Add received `data`. `noise` gets whole lines that are not messages. Return True if all clients have
        advanced."""
        kept = self._bytes
        if not ear.rest and kept.startswith(data, ear.at - self._base):
            ear.at += len(data)
        else:
            self._look(ear, data, noise)
        at = ear.at
        ear.count = len(self.order) if at == self._base + len(kept) else bisect_right(self._ends, at, ear.count)
        return ear.count >= ear.goal and self._reached(ear)

    def _look(self, ear: StreamReader, data: bytes, noise: Callable[[bytes], None]) -> None:
        """Handle new output, or lines that are not messages."""
        data = ear.rest + data
        kept, at = self._bytes, ear.at - self._base
        known = len(kept) - at
        if kept.startswith(data, at):
            ear.rest = b""
            ear.at += len(data)
            return
        if kept.startswith(data[:known], at):
            lines = data[known:].split(b"\n")
            at = len(kept)
        else:
            # Line by line, from the beginning of the one that this client is in.
            begun = kept.rfind(b"\n", 0, at) + 1
            lines = (bytes(kept[begun:at]) + data).split(b"\n")
            at = begun
        ear.rest = lines.pop()
        for line in lines:
            if line.endswith(b"\r") and (found := _MESSAGE.match(line)):
                whole = line + b"\n"
                if at == len(kept):
                    self._new(int(found[1]), int(found[2]), whole)
                elif not kept.startswith(whole, at):
                    raise DisorderError(f"{self.name}: one client heard {line!r} where another heard something else")
                at += len(whole)
            elif line.strip():
                noise(line)
        ear.at = self._base + at

    def _new(self, sender: int, number: int, line: bytes) -> None:
        expected = self._next.get(sender, 0)
        if number != expected:
            what = "came again" if number < expected else f"came, but {expected} did not"
            raise DisorderError(f"{self.name}: message {number} of sender {sender} {what}")
        self._next[sender] = number + 1
        self._bytes += line
        self._ends.append(self._base + len(self._bytes))
        self.order.append(sender)

    def _reached(self, ear: StreamReader) -> bool:
        """Note that a client finished its step; return whether it was the last one."""
        before = self._passed
        while ear.count >= ear.goal:
            goal = ear.goal
            there = self._at_goal[goal] = self._at_goal.get(goal, 0) + 1
            if there == self.ears:
                del self._at_goal[goal]
                self._pass(goal)
            if goal == self.expected:
                self.done += 1
                ear.goal = _NEVER
            else:
                ear.goal = min(goal + self.step, self.expected)
        return self._passed > before

    def _pass(self, upto: int) -> None:
        confirmed = self.confirmed
        for sender in self.order[self._passed : upto]:
            confirmed[sender] = confirmed.get(sender, 0) + 1
        self._passed = upto
        surplus = self._ends[upto - 1] - self._base
        if surplus > TRIM:
            del self._bytes[:surplus]
            self._base += surplus

    def sent_numbers(self) -> list[int]:
        """Return for each message, in order, its number among its sender's."""
        seen: dict[int, int] = {}
        numbers = []
        for sender in self.order:
            numbers.append(number := seen.get(sender, 0))
            seen[sender] = number + 1
        return numbers


def one_order(streams: list[RoomStream]) -> None:
    """Raise DisorderError unless the streams of a room are one order, with own messages left out."""
    for stream in streams[1:]:
        first = streams[0]
        if _without(first, stream.but) != _without(stream, first.but):
            raise DisorderError(f"{first.name} and {stream.name} heard the messages in different orders")


def _without(stream: RoomStream, sender: int) -> array[int]:
    return array("l", (speaker for speaker in stream.order if speaker != sender)) if sender >= 0 else stream.order
