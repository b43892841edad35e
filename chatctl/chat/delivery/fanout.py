"""Who gets which bytes, in which order, and when: segments, groups, parking.

Most of what a chat server does is handing the same bytes to many. So that this costs one list append a member and tick:

1. What a room hears in a tick is gathered in its **segment**: each line rendered once for each set of capabilities
   among the members, in one list a set. When the segment closes, each list is joined once, and every member of that
   set gets the same bytes object. That is a **group**: members, bytes.
2. Who spoke and did not ask for an echo gets the same without their own lines, who labelled their message, with the
   label; who entered in mid-segment gets the part after that. They are **exceptions** of the group: they get the
   group's bytes and then their own in their place. Who leaves in mid-segment gets the part up to there as a group, if
   anybody reads it.
3. Whatever is sent to a session directly first closes the segments of that session's rooms. Only what is about one
   room, as what a newcomer is told is, gets a place of its own among the lines of that room's segment, if it has one:
   a thousand who enter at once cost one group. So a session sees what concerns it in order. Across rooms, the order
   within one tick is not promised; but whoever is gone is gone after all else of theirs, and before
   somebody else has the name.
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

from chatctl.chat.delivery.render import in_form, in_forms, render, render_lines
from chatctl.chat.delivery.segments import Group, RoomOutput, Segment, Spot
from chatctl.chat.delivery.session import Session, more
from chatctl.chat.entries.deliveries import Form, Stamp
from chatctl.chat.model.ids import SessionId
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
        self._goodbyes: dict[RoomOutput, None] = {}
        """Rooms that have heard in their open segments that somebody is gone."""
        self._left: dict[SessionId, list[RoomOutput]] = {}
        """Rooms that a session left in this tick, in the midst of a segment."""
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
        room.add(session)
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
            self._left.setdefault(session.id, []).append(room)
            if segment.leaves(session) and not session.unreachable:
                self._groups.append(Group((session,), b"", 0, (session,), segment, session.shape))
        session.waits = max(session.waits, room.waits)
        room.remove(session)
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
            room.remove(session)
        session.shape = shape
        for room in session.rooms.values():
            room.add(session)

    def members(self, room_key: str, needs: int) -> Iterator[Session]:
        """Who of this machine is in a room, and has the capabilities `needs`."""
        room = self.rooms.get(room_key)
        if room is not None:
            for members in room.members.values():
                yield from (session for session in members if session.caps & needs == needs)

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
        *,
        goodbye: Sequence[SessionId] = (),
    ) -> Spot | None:
        """A line for all members; for `speaker` only with echo-message; only for those who have `needs`. It is shown
        only if what entry `seq` gave is kept; 0 for a line that is shown in any case.

        For the member `answered` it is a part of a response: they read nothing of it here, unless :meth:`splice` puts
        something in the place that is returned. `goodbye`: sessions that are gone, after all else of theirs, and
        whose name is free from here on (:meth:`named`)."""
        room = self.rooms.get(room_key)
        if room is None:
            return None
        segment = room.segment or self._begin(room)
        if goodbye:
            for other in [other for id in goodbye for other in self._left.get(id, ())]:
                if other is not room:
                    self._close(other)
            self._goodbyes[room] = None
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

    def named(self) -> None:
        """Somebody has a name that was free: what shows that its last owner is gone comes before (rule 3)."""
        for room in list(self._goodbyes):
            self._close(room)

    def forms_to_room(self, room_key: str, forms: Sequence[Form], but: Session | None, seq: int) -> None:
        """To all members but one the lines of the first form whose capabilities they have; these must be :meth:`alike`.
        `seq` as in :meth:`to_room`."""
        room = self.rooms.get(room_key)
        if room is None:
            return
        segment = room.segment or self._begin(room)
        segment.seqs.append(seq)
        for shape, lines in segment.lines.items():
            lines.append(in_forms(forms, shape))
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
            self._groups.append(Group(tuple(group), in_form(forms[at], shape), seq))

    def direct(self, session: Session, data: bytes, seq: int = 0, about: str = "") -> None:
        """Bytes for one session, in their place among what it is sent. `seq` as in :meth:`to_room`; `about` is the room
        that all of it is about (rule 3), if there is one."""
        session.waits = self._tick
        room = session.rooms.get(about)
        self._close_rooms_of(session, but=room)
        if room is not None and room.segment is not None:
            room.segment.to_one(session, data, seq)
        else:
            self._groups.append(Group((session,), data, seq))

    def answer(self, session: Session, data: bytes, about: str = "") -> None:
        """Bytes for one session that depend on nothing unreleased: at once where rule 5 allows it."""
        if self.has_parked(session):
            self.direct(session, data, about=about)
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
        self._left.clear()
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
                self.parked_bytes -= len(group.data)
                group.refuse(refused)
                self.parked_bytes += len(group.data)

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
                for session in group.exceptions:
                    own = group.own_bytes(session)
                    if isinstance(session.out, list):
                        session.out[-1] = own
                    else:
                        session.out = own
            self._released += 1
        return self._released > before

    def _close_rooms_of(self, session: Session, but: RoomOutput | None = None) -> None:
        if self._open:
            for room in session.rooms.values():
                if room.segment is not None and room is not but:
                    self._close(room)

    def _close(self, room: RoomOutput) -> None:
        if room.segment is not None:
            del self._open[room]
            if self._goodbyes:
                self._goodbyes.pop(room, None)
            self._groups += room.close()
