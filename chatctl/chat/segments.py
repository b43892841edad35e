"""What a room hears in a tick, and who hears it: the pieces that :mod:`chatctl.chat.fanout` works with, whose rules are
cited here."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import NamedTuple

import msgspec

from chatctl.chat.session import Session


class Segment:
    """The lines of one room since its last close, by set of capabilities; `own` and `late` hold rule 2.

    `own` says what a speaker reads in place of a line, ``b""`` for nothing. `seqs` has an item a line: the entry that
    must be kept for the line to be shown (rule 7), or 0.
    """

    __slots__ = ("late", "lines", "own", "seqs")

    def __init__(self, shapes: Iterable[int]) -> None:
        self.seqs: list[int] = []
        self.lines: dict[int, list[bytes]] = {shape: [] for shape in shapes}
        self.own: dict[Session, dict[int, bytes]] = {}
        self.late: dict[Session, int] = {}

    def own_bytes(self, session: Session, lines: list[bytes]) -> bytes:
        """What a speaker or a late one gets of `lines` (rule 2)."""
        own = self.own.get(session, _NOTHING_OWN)
        start = self.late.get(session, 0)
        if len(own) == len(lines) and not start and all(lines):
            return b"".join(own.values())  # they alone spoke
        return b"".join(own.get(at, line) if line else b"" for at, line in enumerate(lines) if at >= start)

    def without(self, shape: int, refused: Set[int]) -> list[bytes]:
        """A shape's lines, those of refused entries empty. A shape that came in mid-segment has the last lines only."""
        lines = self.lines[shape]
        seqs = self.seqs[len(self.seqs) - len(lines) :]
        return [b"" if seq in refused else line for line, seq in zip(lines, seqs, strict=True)]


_NOTHING_OWN: dict[int, bytes] = {}


class Spot(NamedTuple):
    """A line's place in a segment, where what one member reads of it can still be changed."""

    segment: Segment
    room: RoomOutput
    at: int


class Group(msgspec.Struct):
    """The same bytes for several sessions; `exceptions` get their own instead (rule 2).

    For rule 7 it remembers what it was made of: the segment and its set of capabilities, or the entry `seq` alone.
    """

    members: tuple[Session, ...]
    data: bytes
    seq: int = 0
    exceptions: dict[Session, bytes] = {}
    segment: Segment | None = None
    shape: int = 0
    until: int = 0
    """When it is too late for it (rule 6), ms since 1970 UTC; 0 for never."""


class RoomOutput:
    """The members of a room that this machine serves, by set of capabilities, and the room's open segment."""

    __slots__ = ("frozen", "members", "segment", "waits")

    def __init__(self) -> None:
        self.members: dict[int, dict[Session, None]] = {}
        self.frozen: dict[int, tuple[Session, ...]] = {}
        self.segment: Segment | None = None
        self.waits = 0

    def group(self, shape: int) -> tuple[Session, ...]:
        """The members with this set of capabilities; built anew only when they changed."""
        members = self.frozen.get(shape)
        if members is None:
            members = self.frozen[shape] = tuple(self.members[shape])
        return members
