"""Who gets which bytes, in which order, and when: segments, groups, parking.

Most of what a chat server does is handing the same bytes to many. So that this costs one list append a member and tick:

1. What a room hears in a tick is gathered in its **segment**: each line rendered once for each set of capabilities
   among the members, in one list a set. When the segment closes, each list is joined once, and every member of that
   set gets the same bytes object. That is a **group**: members, bytes.
2. Who spoke and did not ask for an echo gets the same without their own lines, who labelled their message, with the
   label; who entered in mid-segment gets the part after that. They are **exceptions** of the group: they get the
   group's bytes and then their own in their place. Who leaves in mid-segment gets the part up to there as a group.
3. What is sent to a session directly while one of its rooms has a segment gets a place of its own among the lines of
   that: a thousand who enter at once, and are told who is there, cost one group. Where several have one, and for what
   several sessions are sent, the segments are closed first. So a session sees what concerns it in order. Across rooms,
   the order within one tick is not promised.
4. Groups stay **parked** until the facts of their tick, and of all ticks before, are durable. Then they are released in
   order. If anybody saw a message, it is in the history.
5. An answer to a session that has nothing parked, and caused nothing that is, goes out at once.
6. What passes (typing) waits for nothing: to whom nothing is parked for it goes out at once, to others in its place,
   and not at all when that comes late.
7. Where the facts of a tick could not be kept, the lines that showed them are taken out of what is parked, and the rest
   goes out: nobody sees what is not in the history.

Ticks are counted; `released` is the last one whose groups went out. A room's or session's `waits` is the last tick that
holds something for it: it has something parked while ``waits > released``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Set

from chatctl.chat.deliveries import Form, Stamp
from chatctl.chat.render import render, render_lines
from chatctl.chat.segments import Group, RoomOutput, Segment, Spot
from chatctl.chat.session import Session, more
from chatctl.protocol.capabilities import ECHO_MESSAGE, EXTENDED_JOIN, SHAPING
from chatctl.protocol.message import Message

_GROUPING = SHAPING | EXTENDED_JOIN
"""Members who agree in these capabilities share their bytes: of messages, and of what tells them who came in."""


LATE_MS = 1000
"""Older than this, what passes is not worth showing any more (rule 6)."""


class Fanout:
    """Gathers a tick's output, parks it, releases it into the sessions' `out` lists."""

    def __init__(self) -> None:
        self.rooms: dict[str, RoomOutput] = {}
        self.dirty: list[Session] = []
        """Sessions whose `out` holds something; whoever empties it clears this list too."""
        self._open: dict[RoomOutput, None] = {}
        self._groups: list[Group] = []
        self._parked: deque[tuple[int, list[Group]]] = deque()
        self._tick = 1
        self._released = 0
        self._durable = 0
        self.released_seq = 0
        """Everything up to here has gone out; history may be read up to here."""
        self.parked_bytes = 0
        """Bytes that wait for their facts; what several share counts once."""

    # Membership.

    def enter(self, session: Session, room_key: str) -> None:
        """From here on `session` hears the room."""
        room = self.rooms.get(room_key)
        if room is None:
            room = self.rooms[room_key] = RoomOutput()
        if room.segment is not None and session in room.segment.left:
            self._close(room)
        shape = session.shape
        room.members.setdefault(shape, {})[session] = None
        room.frozen.pop(shape, None)
        session.rooms[room_key] = room
        if room.segment is not None:
            room.segment.enters(session)

    def leave(self, session: Session, room_key: str) -> None:
        """What the room heard up to here is for `session` too; nothing after."""
        room = session.rooms.pop(room_key, None)
        if room is None:
            return
        segment = room.segment
        if segment is not None:
            own = segment.leaves(session)
            if own:
                group = Group((session,), b"", 0, {session: own}, len(own), segment, session.shape)
                self._groups.append(group)
        session.waits = max(session.waits, room.waits)
        self._forget(room, session)
        if not room.members:
            del self.rooms[room_key]

    def rename(self, old_key: str, key: str) -> None:
        """A room has another key from here on."""
        room = self.rooms.pop(old_key, None)
        if room is None:
            return
        self._close(room)
        self.rooms[key] = room
        for members in room.members.values():
            for session in members:
                session.rooms[key] = session.rooms.pop(old_key)

    def reshape(self, session: Session) -> None:
        """The session's capabilities changed. Until here its shape is the old one, so that what was gathered fits."""
        shape = session.caps & _GROUPING
        if shape == session.shape:
            return
        for room in session.rooms.values():
            self._close(room)
            self._forget(room, session)
            room.members.setdefault(shape, {})[session] = None
            room.frozen.pop(shape, None)
        session.shape = shape

    def members(self, room_key: str, needs: int) -> Iterator[Session]:
        """Who of this machine is in a room, and has the capabilities `needs`."""
        room = self.rooms.get(room_key)
        if room is not None:
            for members in room.members.values():
                yield from (session for session in members if session.caps & needs == needs)

    @staticmethod
    def _forget(room: RoomOutput, session: Session) -> None:
        members = room.members[session.shape]
        del members[session]
        room.frozen.pop(session.shape, None)
        if not members:
            del room.members[session.shape]

    # Output of this tick.

    def to_room(
        self,
        room_key: str,
        message: Message,
        stamp: Stamp,
        speaker: Session | None,
        needs: int,
        seq: int,
        answered: Session | None = None,
    ) -> Spot | None:
        """A line for all members; for `speaker` only with echo-message; only for those who have `needs`. It is shown
        only if what entry `seq` gave is kept; 0 for a line that is shown in any case.

        For the member `answered` it is a part of a response: they read nothing of it here, unless :meth:`splice` puts
        something in the place that is returned."""
        room = self.rooms.get(room_key)
        if room is None:
            return None
        segment = room.segment or self._begin(room)
        segment.seqs.append(seq)
        for shape, lines in segment.lines.items():
            lines.append(render(message, stamp, shape) if shape & needs == needs else b"")
        # Somebody may speak to a room without being in it; then there is nothing of theirs to leave out.
        if speaker is not None and room_key in speaker.rooms and not speaker.caps & ECHO_MESSAGE:
            segment.own.setdefault(speaker, {})[len(segment.lines[speaker.shape]) - 1] = b""
        if answered is None:
            return None
        at = len(segment.lines[answered.shape]) - 1
        segment.own.setdefault(answered, {})[at] = b""
        return Spot(segment, room, at)

    def forms_to_room(self, room_key: str, forms: Sequence[Form], but: Session | None, seq: int) -> None:
        """To all members but one the lines of the first form whose capabilities they have; these must be :meth:`alike`.
        `seq` as in :meth:`to_room`."""
        room = self.rooms.get(room_key)
        if room is None:
            return
        segment = room.segment or self._begin(room)
        segment.seqs.append(seq)
        for shape, lines in segment.lines.items():
            lines.append(_in_form(forms, shape))
        if but is not None and room_key in but.rooms:
            segment.own.setdefault(but, {})[len(segment.lines[but.shape]) - 1] = b""

    @staticmethod
    def alike(forms: Sequence[Form]) -> bool:
        """Whether members who share their bytes otherwise are told in the same form."""
        return not any(form.needs & ~_GROUPING for form in forms)

    def lines_to_room(
        self,
        room_key: str,
        lines: list[bytes],
        stamps: Callable[[], Sequence[Stamp]],
        speaker: Session | None,
        seq: int,
    ) -> None:
        """Lines of one speaker for all members, as :meth:`to_room`. `stamps` are asked for only where somebody reads
        tags."""
        room = self.rooms.get(room_key)
        if room is None:
            return
        segment = room.segment or self._begin(room)
        segment.seqs += [seq] * len(lines)
        stamped: Sequence[Stamp] = ()
        for shape, gathered in segment.lines.items():
            if not shape & SHAPING:
                gathered.extend(lines)
            else:
                stamped = stamped or stamps()
                gathered.extend(render_lines(lines, stamped, shape))
        if speaker is not None and room_key in speaker.rooms and not speaker.caps & ECHO_MESSAGE:
            end = len(segment.lines[speaker.shape])
            nothing = dict.fromkeys(range(end - len(lines), end), b"")
            if speaker in segment.own:
                segment.own[speaker].update(nothing)
            else:
                segment.own[speaker] = nothing

    def _begin(self, room: RoomOutput) -> Segment:
        segment = room.segment = Segment(room.members)
        room.waits = self._tick
        self._open[room] = None
        return segment

    @staticmethod
    def splice(spot: Spot, session: Session, data: bytes) -> bool:
        """Let `session` read `data` in the line's place; False where its part of the segment is closed already."""
        if spot.room.segment is not spot.segment or session in spot.segment.left:
            return False
        spot.segment.own[session][spot.at] = data
        return True

    def passing(self, sessions: Iterable[Session], message: Message, stamp: Stamp) -> None:
        """A line that is soon worth nothing (rule 6)."""
        later: dict[int, list[Session]] = {}
        for session in sessions:
            if self.has_parked(session):
                self._close_rooms_of(session)
                session.waits = self._tick
                later.setdefault(session.shape, []).append(session)
            else:
                self._hand(session, render(message, stamp, session.shape))
        for shape, group in later.items():
            self._groups.append(Group(tuple(group), render(message, stamp, shape)))
            self._groups[-1].until = stamp.time + LATE_MS

    def _hand(self, session: Session, data: bytes) -> None:
        if session.out is None:
            session.out = data
            self.dirty.append(session)
        else:
            session.out = more(session.out, data)

    def to_sessions(self, sessions: Iterable[Session], message: Message, stamp: Stamp, seq: int) -> None:
        """A line for each of `sessions`: one group a set of capabilities. `seq` as in :meth:`to_room`."""
        shapes: dict[int, list[Session]] = {}
        for session in sessions:
            self._close_rooms_of(session)
            session.waits = self._tick
            shapes.setdefault(session.shape, []).append(session)
        for shape, group in shapes.items():
            self._groups.append(Group(tuple(group), render(message, stamp, shape), seq))

    def in_forms(self, sessions: Iterable[Session], forms: Sequence[Form], seq: int) -> None:
        """To each session the lines of the first form whose capabilities it has. `seq` as in :meth:`to_room`."""
        found: dict[tuple[int, int], list[Session]] = {}
        for session in sessions:
            for at, form in enumerate(forms):
                if session.caps & form.needs == form.needs:
                    if form.lines:
                        self._close_rooms_of(session)
                        session.waits = self._tick
                        found.setdefault((at, session.shape), []).append(session)
                    break
        for (at, shape), group in found.items():
            self._groups.append(Group(tuple(group), _rendered(forms[at], shape), seq))

    def direct(self, session: Session, data: bytes, seq: int = 0) -> None:
        """Bytes for one session, in their place among what it is sent (rule 3). `seq` as in :meth:`to_room`."""
        session.waits = self._tick
        if self._open:
            segments = [room.segment for room in session.rooms.values() if room.segment is not None]
            if len(segments) == 1:
                segments[0].to_one(session, data, seq)
                return
        self._close_rooms_of(session)
        self._groups.append(Group((session,), data, seq))

    def answer(self, session: Session, data: bytes) -> None:
        """Bytes for one session that depend on nothing unreleased: at once where rule 5 allows it."""
        if self.has_parked(session):
            self.direct(session, data)
        else:
            self._hand(session, data)

    def has_parked(self, session: Session) -> bool:
        """Whether something of or for `session` is not released yet."""
        released = self._released
        return session.waits > released or any(room.waits > released for room in session.rooms.values())

    def caused(self, session: Session) -> None:
        """`session` caused something in this tick: its later answers come after that."""
        session.waits = self._tick

    # Parking and release.

    def end_tick(self, seq: int) -> None:
        """Close everything and park it until `seq` is durable; 0 for a tick without facts."""
        for room in list(self._open):
            self._close(room)
        if self._groups or seq:
            self._parked.append((seq, self._groups))
            self.parked_bytes += sum([len(group.data) + group.extra for group in self._groups])
            self._groups = []
            self._tick += 1

    def durable(self, seq: int) -> None:
        """Everything up to `seq` is on disk, or was refused."""
        self._durable = max(self._durable, seq)

    def refuse(self, refused: Set[int]) -> None:
        """Take out of what is parked the lines that show what entries in `refused` gave (rule 7)."""
        for _, groups in self._parked:
            for group in groups:
                segment = group.segment
                if segment is None:
                    if group.seq in refused:
                        group.members = ()
                elif not refused.isdisjoint(segment.seqs):
                    self.parked_bytes -= len(group.data) + group.extra
                    lines = segment.without(group.shape, refused)
                    group.data = b"".join(lines)
                    for session in group.exceptions:
                        group.exceptions[session] = segment.own_bytes(session, lines, refused)
                    group.extra = sum(map(len, group.exceptions.values()))
                    self.parked_bytes += len(group.data) + group.extra

    @property
    def tick(self) -> int:
        """The number of the tick under way."""
        return self._tick

    def is_released(self, tick: int) -> bool:
        """Whether everything of `tick` and all before has gone out (or there was nothing of it)."""
        nothing = not (self._parked or self._open or self._groups)
        return tick <= self._released or (tick == self._tick and nothing)

    @property
    def gathering(self) -> bool:
        """Whether there is output that no `end_tick` has seen."""
        return bool(self._open or self._groups)

    @property
    def parked(self) -> int:
        """Ticks that wait for their facts."""
        return len(self._parked)

    def release(self, now: int) -> bool:
        """Hand out what is durable, in order; `now` in ms since 1970 UTC. Whether there was any. The inner loop is the
        hottest line of the server: one append a member."""
        parked, dirty, before = self._parked, self.dirty, self._released
        while parked and parked[0][0] <= self._durable:
            seq, groups = parked.popleft()
            self.released_seq = max(self.released_seq, seq)
            for group in groups:
                data = group.data
                self.parked_bytes -= len(data) + group.extra
                if group.until and now > group.until:
                    continue
                for session in group.members:
                    out = session.out
                    if out is None:
                        session.out = data
                        dirty.append(session)
                    else:
                        session.out = more(out, data)
                for session, own in group.exceptions.items():
                    if isinstance(session.out, list):
                        session.out[-1] = own
                    else:
                        session.out = own
            self._released += 1
        return self._released > before

    def _close_rooms_of(self, session: Session) -> None:
        if self._open:
            for room in session.rooms.values():
                if room.segment is not None:
                    self._close(room)

    def _close(self, room: RoomOutput) -> None:
        segment = room.segment
        if segment is None:
            return
        room.segment = None
        del self._open[room]
        others = segment.exceptions() if segment.late or segment.left else segment.own
        for shape, lines in segment.lines.items():
            data = lines[0] if len(lines) == 1 else b"".join(lines)
            if shape not in room.members:
                continue
            exceptions: dict[Session, bytes] = {}
            extra = 0
            for session in others:
                if session.shape == shape:
                    own = exceptions[session] = segment.own_bytes(session, lines)
                    extra += len(own)
            if data or extra:
                # Where all of it is somebody's alone, the others are sent nothing.
                members = room.group(shape) if data else tuple(exceptions)
                self._groups.append(Group(members, data, 0, exceptions, extra, segment, shape))


def _rendered(form: Form, shape: int) -> bytes:
    return b"".join(render(message, stamp, shape) for message, stamp in form.lines)


def _in_form(forms: Sequence[Form], shape: int) -> bytes:
    """What those with these capabilities are told; nothing where no form is for them."""
    return next((_rendered(form, shape) for form in forms if shape & form.needs == form.needs), b"")
