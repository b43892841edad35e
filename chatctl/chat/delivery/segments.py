"""Segments and groups, the data structures of the fan-out. Names in brackets refer to fanout.py."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Set
from typing import NamedTuple

import msgspec

from chatctl.chat.delivery.session import Session

_NO_MEMBERS: dict[Session, int] = {}
"""Shared by most segments, in which no member joins or leaves; there is one segment per few messages."""
_NOTHING: dict[int, bytes] = {}


class Segment:
    """The lines of one room since its last close, by capability set.

    `own`, `late` and `left` implement [exceptions]. `own` maps a member to its replacements, by line index in ascending
    order: ``b""`` omits a line, and if the line itself is empty, the replacement is for that member alone. `late` and
    `left` give the index of a member's first line, and of the first line after its last. `seqs` has the entry per line
    that must be stored for the line to be shown ([refused-lines]), or 0. `alone` counts the bytes for single members.
    """

    __slots__ = ("alone", "late", "left", "lines", "own", "seqs")

    def __init__(self, shapes: Iterable[int]) -> None:
        self.seqs: list[int] = []
        self.lines: dict[int, list[bytes]] = {shape: [] for shape in shapes}
        self.own: dict[Session, dict[int, bytes]] = {}
        self.late = self.left = _NO_MEMBERS
        self.alone = 0

    def enters(self, session: Session) -> None:
        """Begin the part of a new member."""
        if not self.late:
            self.late = {}
        self.late[session] = len(self.lines.setdefault(session.shape, []))

    def leaves(self, session: Session) -> bool:
        """End the part of a member; return whether it holds any lines."""
        if not self.left:
            self.left = {}
        end = self.left[session] = len(self.lines[session.shape])
        return end > self.late.get(session, 0)

    def to_one(self, session: Session, data: bytes, seq: int) -> None:
        """Add bytes for one member in order with the room's lines ([session-order])."""
        self.seqs.append(seq)
        for lines in self.lines.values():
            lines.append(b"")
        self.own.setdefault(session, {})[len(self.lines[session.shape]) - 1] = data
        self.alone += len(data)

    def exceptions(self) -> Collection[Session]:
        """Return the remaining members that differ from the others: the keys of `own` if no member joined or left."""
        return [session for session in self.own | self.late if session not in self.left]

    def without(self, shape: int, refused: Set[int]) -> list[bytes]:
        """Return a capability set's lines; those of refused entries are empty. A set that joined mid-segment has the
        last only."""
        lines = self.lines[shape]
        seqs = self.seqs[len(self.seqs) - len(lines) :]
        return [b"" if seq in refused else line for line, seq in zip(lines, seqs, strict=True)]


class Spot(NamedTuple):
    """A line's place in a segment, where what one member reads of it can still be changed."""

    segment: Segment
    room: RoomOutput
    at: int


class Group(msgspec.Struct):
    """The same bytes for several sessions. `exceptions` get different bytes ([exceptions]), which are built on release:
    a thousand senders in one tick would otherwise each hold a copy of all parked lines.

    For [refused-lines] it remembers its segment, capability set, line count and the refused entries; or the entry
    `seq`.
    """

    members: tuple[Session, ...]
    data: bytes
    seq: int = 0
    exceptions: Collection[Session] = ()
    segment: Segment | None = None
    shape: int = 0
    extra: int = 0
    """Bytes for single members."""
    refused: Set[int] = frozenset()
    until: int = 0
    """When it is too old to be sent ([ephemeral]), in ms since 1970 UTC; 0 for never."""

    def refuse(self, refused: Set[int]) -> None:
        """Remove the lines of refused entries ([refused-lines])."""
        segment = self.segment
        if segment is None:
            if self.seq in refused:
                self.members = ()
        elif not refused.isdisjoint(segment.seqs):
            self.refused = self.refused | refused
            self.data = b"".join(segment.without(self.shape, self.refused)) if self.data else b""

    def own_bytes(self, session: Session) -> bytes:
        """Return the bytes for an exception: its lines, some of them replaced."""
        segment, refused = self.segment, self.refused
        assert segment is not None
        lines = segment.lines[self.shape]
        own = segment.own.get(session, _NOTHING)
        if refused:
            seqs = segment.seqs[len(segment.seqs) - len(lines) :]
            own = {at: b"" if seqs[at] in refused else data for at, data in own.items()}
            lines = segment.without(self.shape, refused)
        if len(own) == len(lines):
            return b"".join(own.values())  # it was the only sender
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
        """Add a member."""
        self.members.setdefault(session.shape, {})[session] = None
        self.frozen.pop(session.shape, None)

    def remove(self, session: Session) -> None:
        """Remove a member."""
        members = self.members[session.shape]
        del members[session]
        self.frozen.pop(session.shape, None)
        if not members:
            del self.members[session.shape]

    def group(self, shape: int) -> tuple[Session, ...]:
        """Return the members with this capability set; cached until the members change."""
        members = self.frozen.get(shape)
        if members is None:
            members = self.frozen[shape] = tuple(self.members[shape])
        return members

    def close(self) -> list[Group]:
        """Close the open segment; return its groups."""
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
