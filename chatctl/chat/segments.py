"""What a room hears in a tick, and who hears it: the pieces that :mod:`chatctl.chat.fanout` works with, whose rules are
cited here."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import NamedTuple

import msgspec

from chatctl.chat.session import Session

_NOBODY: dict[Session, int] = {}
"""In most segments nobody comes or goes, and there is a segment for every few messages."""


class Segment:
    """The lines of one room since its last close, by set of capabilities; `own`, `late` and `left` hold rule 2.

    `own` says what a member reads in place of a line, ``b""`` for nothing; where the line itself is empty, it is theirs
    alone. Its items are in the order of the lines. `late` and `left` say with which line of their set somebody's part
    begins and before which it ends. `seqs` has an item a line: the entry that must be kept for the line to be shown
    (rule 7), or 0.
    """

    __slots__ = ("_alone", "late", "left", "lines", "own", "seqs")

    def __init__(self, shapes: Iterable[int]) -> None:
        self.seqs: list[int] = []
        self.lines: dict[int, list[bytes]] = {shape: [] for shape in shapes}
        self.own: dict[Session, dict[int, bytes]] = {}
        self.late = self.left = _NOBODY
        self._alone: tuple[Session, int] | None = None
        """Whose alone the line at this place is, if it is the last one."""

    def enters(self, session: Session) -> None:
        """The part of a member, who was not one before, begins here."""
        if not self.late:
            self.late = {}
        self.late[session] = len(self.lines.setdefault(session.shape, []))

    def leaves(self, session: Session) -> bytes:
        """The part of a member ends here: all they get of it."""
        lines = self.lines[session.shape]
        if not self.left:
            self.left = {}
        self.left[session] = len(lines)
        return self.own_bytes(session, lines)

    def to_one(self, session: Session, data: bytes, seq: int) -> None:
        """In their place among the room's lines, bytes for one member alone (rule 3)."""
        last = len(self.seqs)
        if self._alone == (session, last) and self.seqs[-1] == seq:
            self.own[session][len(self.lines[session.shape]) - 1] += data
            return
        self.seqs.append(seq)
        for lines in self.lines.values():
            lines.append(b"")
        self.own.setdefault(session, {})[len(self.lines[session.shape]) - 1] = data
        self._alone = (session, last + 1)

    def exceptions(self) -> Iterable[Session]:
        """Who of those still there gets something else than the others; `own`, where nobody came or went."""
        return [session for session in self.own | self.late if session not in self.left]

    def own_bytes(self, session: Session, lines: list[bytes], refused: Set[int] = frozenset()) -> bytes:
        """What a member who is an exception gets of `lines` (rule 2), and of their own but for refused entries."""
        own = self.own.get(session)
        start, end = self.late.get(session, 0), self.left.get(session)
        if own is None:
            return b"".join(lines[start:end])
        if refused:
            seqs = self.seqs[len(self.seqs) - len(lines) :]
            own = {at: b"" if seqs[at] in refused else data for at, data in own.items()}
        if len(own) == len(lines):
            return b"".join(own.values())  # nobody else spoke
        pieces: list[bytes] = []
        for at, data in own.items():
            pieces += lines[start:at]
            pieces.append(data)
            start = at + 1
        return b"".join(pieces + lines[start:end])

    def without(self, shape: int, refused: Set[int]) -> list[bytes]:
        """A shape's lines, those of refused entries empty. A shape that came in mid-segment has the last lines only."""
        lines = self.lines[shape]
        seqs = self.seqs[len(self.seqs) - len(lines) :]
        return [b"" if seq in refused else line for line, seq in zip(lines, seqs, strict=True)]


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
    extra: int = 0
    """Bytes of the exceptions."""
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
