"""What a room hears in a tick, and who hears it: the pieces that `fanout` works with, whose rules are
cited here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Set
from typing import NamedTuple

import msgspec

from chatctl.chat.delivery.session import Session

_NOBODY: dict[Session, int] = {}
"""In most segments nobody comes or goes, and there is a segment for every few messages."""
_NOTHING: dict[int, bytes] = {}


class Segment:
    """The lines of one room since its last close, by set of capabilities; `own`, `late` and `left` hold rule 2.

    `own` says what a member reads in place of a line, ``b""`` for nothing; where the line itself is empty, it is theirs
    alone. Its items are in the order of the lines. `late` and `left` say with which line of their set somebody's part
    begins and before which it ends. `seqs` has an item a line: the entry that must be kept for the line to be shown
    (rule 7), or 0. `alone` are the bytes of what is somebody's alone.
    """

    __slots__ = ("alone", "late", "left", "lines", "own", "seqs")

    def __init__(self, shapes: Iterable[int]) -> None:
        self.seqs: list[int] = []
        self.lines: dict[int, list[bytes]] = {shape: [] for shape in shapes}
        self.own: dict[Session, dict[int, bytes]] = {}
        self.late = self.left = _NOBODY
        self.alone = 0

    def enters(self, session: Session) -> None:
        """The part of a member, who was not one before, begins here."""
        if not self.late:
            self.late = {}
        self.late[session] = len(self.lines.setdefault(session.shape, []))

    def leaves(self, session: Session) -> bool:
        """The part of a member ends here; whether there was one."""
        if not self.left:
            self.left = {}
        end = self.left[session] = len(self.lines[session.shape])
        return end > self.late.get(session, 0)

    def to_one(self, session: Session, data: bytes, seq: int) -> None:
        """In their place among the room's lines, bytes for one member alone (rule 3)."""
        self.seqs.append(seq)
        for lines in self.lines.values():
            lines.append(b"")
        self.own.setdefault(session, {})[len(self.lines[session.shape]) - 1] = data
        self.alone += len(data)

    def exceptions(self) -> Collection[Session]:
        """Who of those still there gets something else than the others; `own`, where nobody came or went."""
        return [session for session in self.own | self.late if session not in self.left]

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
    """The same bytes for several sessions; `exceptions` get their own instead (rule 2), made when it is released: a
    thousand who speak in one tick would each have a copy of it all that waits.

    For rule 7 it remembers what it was made of: the segment, its set of capabilities and the lines of that, and which
    entries were refused; or the entry `seq` alone.
    """

    members: tuple[Session, ...]
    data: bytes
    seq: int = 0
    exceptions: Collection[Session] = ()
    segment: Segment | None = None
    shape: int = 0
    extra: int = 0
    """Bytes of what is some members' alone."""
    refused: Set[int] = frozenset()
    until: int = 0
    """When it is too late for it (rule 6), ms since 1970 UTC; 0 for never."""

    def refuse(self, refused: Set[int]) -> None:
        """Take out what shows one of these entries (rule 7)."""
        segment = self.segment
        if segment is None:
            if self.seq in refused:
                self.members = ()
        elif not refused.isdisjoint(segment.seqs):
            self.refused = self.refused | refused
            self.data = b"".join(segment.without(self.shape, self.refused)) if self.data else b""

    def own_bytes(self, session: Session) -> bytes:
        """What an exception gets: of the lines their part, in place of some their own."""
        segment, refused = self.segment, self.refused
        assert segment is not None
        lines = segment.lines[self.shape]
        own = segment.own.get(session, _NOTHING)
        if refused:
            seqs = segment.seqs[len(segment.seqs) - len(lines) :]
            own = {at: b"" if seqs[at] in refused else data for at, data in own.items()}
            lines = segment.without(self.shape, refused)
        if len(own) == len(lines):
            return b"".join(own.values())  # nobody else spoke
        start, end = segment.late.get(session, 0), segment.left.get(session)
        pieces: list[bytes] = []
        for at, data in own.items():
            pieces += lines[start:at]
            pieces.append(data)
            start = at + 1
        return b"".join(pieces + lines[start:end])


class RoomOutput:
    """The members of a room that this machine serves, by set of capabilities, and the room's open segment."""

    __slots__ = ("frozen", "members", "segment", "waits")

    def __init__(self) -> None:
        self.members: dict[int, dict[Session, None]] = {}
        self.frozen: dict[int, tuple[Session, ...]] = {}
        self.segment: Segment | None = None
        self.waits = 0

    def add(self, session: Session) -> None:
        """A member more."""
        self.members.setdefault(session.shape, {})[session] = None
        self.frozen.pop(session.shape, None)

    def remove(self, session: Session) -> None:
        """A member less."""
        members = self.members[session.shape]
        del members[session]
        self.frozen.pop(session.shape, None)
        if not members:
            del self.members[session.shape]

    def group(self, shape: int) -> tuple[Session, ...]:
        """The members with this set of capabilities; built anew only when they changed."""
        members = self.frozen.get(shape)
        if members is None:
            members = self.frozen[shape] = tuple(self.members[shape])
        return members

    def close(self) -> list[Group]:
        """End the open segment: what its members get of it."""
        segment, self.segment = self.segment, None
        assert segment is not None
        exceptions: Collection[Session] = segment.exceptions() if segment.late or segment.left else segment.own
        groups: list[Group] = []
        extra = segment.alone
        for shape, lines in segment.lines.items():
            data = lines[0] if len(lines) == 1 else b"".join(lines)
            if shape in self.members and (data or segment.alone):
                own = exceptions
                if own and len(segment.lines) > 1:
                    own = [session for session in exceptions if session.shape == shape]
                groups.append(Group(self.group(shape), data, 0, own, segment, shape, extra))
                extra = 0
        return groups
