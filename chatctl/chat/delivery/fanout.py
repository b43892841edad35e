"""The fan-out: which bytes each session receives, in which order, and when.

Sending the same bytes to many recipients costs one list append per recipient and tick.

Invariants:

- [room-order] All members of a room receive its lines in the order of their entries.
- [segment] The lines of a room in one tick are gathered in a segment. Each line is rendered once per capability set of
  the members. When the segment closes, the lines of a set are joined once, and every member with that set gets the same
  bytes object: a group (members and bytes).
- [exceptions] Three kinds of member receive different bytes: the sender without echo-message (own lines omitted), the
  sender of a labelled message (label added), and a member who joined mid-segment (later lines only). They are the
  exceptions of the group. A member who leaves mid-segment gets the lines so far as a group, if it has recipients.
- [session-order] Output for one session closes the open segments of its rooms first, so each session receives its
  output in order. The snapshot of a joining session is about one room only, so it is placed inside that room's segment:
  a thousand joining sessions cost one group. The order across rooms within a tick is not promised. But the last line of
  a departed user follows all other lines of that user, and precedes any reuse of the name.
- [parked] Groups are parked until the facts of their tick and of all earlier ticks are durable. Then they are released
  in order. So every message that was received is in the history.
- [direct-answer] A reply is released at once if the session has no parked output and caused none.
- [ephemeral] Ephemeral lines (typing) are sent at once, or in order after parked output; old ones are dropped.
- [refused-lines] Lines whose facts cannot be stored are removed from the parked output; the rest is released.

Ticks are numbered; `released` is the last tick whose groups were released. `waits` of a room or session is the last
tick with output for it: it has parked output while ``waits > released``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Set

from chatctl.chat.delivery.render import in_form, in_forms, render, render_lines
from chatctl.chat.delivery.segments import Group, RoomOutput, Segment, Spot
from chatctl.chat.delivery.session import Session, append_output
from chatctl.chat.entries.deliveries import Form, Stamp
from chatctl.chat.model.ids import SessionId
from chatctl.protocol.capabilities import ECHO_MESSAGE, EXTENDED_JOIN, SHAPING
from chatctl.protocol.message import Message

_GROUPING = SHAPING | EXTENDED_JOIN
"""Members with equal bits here share their bytes: of messages, and of JOIN lines."""

MAX_EPHEMERAL_MS = 1000
"""Age from which an ephemeral line is dropped ([ephemeral])."""


class Fanout:
    """Gathers a tick's output, parks it, releases it into the sessions' `out` lists."""

    def __init__(self) -> None:
        self.rooms: dict[str, RoomOutput] = {}
        self.dirty: list[Session] = []
        """Sessions with released output in `out`. The owner empties both."""
        self._open: dict[RoomOutput, None] = {}
        self._departures: dict[RoomOutput, None] = {}
        """Rooms with a departure in their open segment."""
        self._left: dict[SessionId, list[RoomOutput]] = {}
        """Rooms that a session left in this tick, in the midst of a segment."""
        self._groups: list[Group] = []
        self._parked: deque[tuple[int, list[Group]]] = deque()
        self._tick = 1
        self._released = 0
        self._durable = 0
        self.released_seq = 0
        """The last seq whose output was released. History may be read up to here."""
        self.parked_bytes = 0
        """Bytes of parked output; shared bytes count once."""

    # Membership.

    def subscribe(self, session: Session, room_key: str) -> None:
        """Send the room's lines to `session` from here on."""
        room = self.rooms.get(room_key)
        if room is None:
            room = self.rooms[room_key] = RoomOutput()
        if room.segment is not None and session in room.segment.left:
            self._close(room)
        room.add(session)
        session.rooms[room_key] = room
        if room.segment is not None:
            room.segment.enters(session)

    def unsubscribe(self, session: Session, room_key: str) -> None:
        """End the member's part of the segment: it includes all lines so far."""
        if session.rooms.pop(room_key, None) is None:
            return
        room = self.rooms[room_key]
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
        """Move the output of a room to another key."""
        room = self.rooms.pop(old_key, None)
        if room is None:
            return
        self._close(room)
        self.rooms[key] = room
        for members in room.members.values():
            for session in members:
                session.rooms[key] = session.rooms.pop(old_key)

    def reshape(self, session: Session) -> None:
        """Apply changed capabilities of the session. Lines gathered so far are rendered for the former ones."""
        shape = session.caps & _GROUPING
        if shape == session.shape:
            return
        rooms = [self.rooms[key] for key in session.rooms]
        for room in rooms:
            self._close(room)
            room.remove(session)
        session.shape = shape
        for room in rooms:
            room.add(session)

    def members(self, room_key: str, needs: int) -> Iterator[Session]:
        """Yield the members of a room on this machine that have the capabilities `needs`."""
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
        sender: Session | None,
        needs: int,
        seq: int,
        answered: Session | None = None,
        *,
        departed: Sequence[SessionId] = (),
    ) -> Spot | None:
        """Send a line to all members of a room that have the capabilities `needs`; to `sender` only with echo-message.

        Args:
            seq: The entry that must be stored for the line to be shown; 0 if it is shown in any case.
            answered: A member whose copy is part of a labelled response. It is omitted here, unless :meth:`splice`
                fills the returned place.
            departed: Sessions of a departed user. This is their last line, and their name is free from here on
                (:meth:`end_departures`).
        """
        room = self.rooms.get(room_key)
        if room is None:
            return None
        segment = room.segment or self._begin(room)
        if departed:
            for other in [other for id in departed for other in self._left.get(id, ())]:
                if other is not room:
                    self._close(other)
            self._departures[room] = None
        segment.seqs.append(seq)
        for shape, lines in segment.lines.items():
            lines.append(render(message, stamp, shape) if shape & needs == needs else b"")
        # A sender need not be a member; then there is no copy to omit.
        if sender is not None and room_key in sender.rooms and not sender.caps & ECHO_MESSAGE:
            segment.own.setdefault(sender, {})[len(segment.lines[sender.shape]) - 1] = b""
        if answered is None:
            return None
        at = len(segment.lines[answered.shape]) - 1
        segment.own.setdefault(answered, {})[at] = b""
        return Spot(segment, room, at)

    def end_departures(self) -> None:
        """Note that a free name was taken: the lines that show its former owner's departure come first
        ([session-order])."""
        for room in list(self._departures):
            self._close(room)

    def forms_to_room(self, room_key: str, forms: Sequence[Form], but: Session | None, seq: int) -> None:
        """Send an event with several forms to all members but one. The forms must be :meth:`are_grouped`. `seq` as in
        :meth:`to_room`."""
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
    def are_grouped(forms: Sequence[Form]) -> bool:
        """Return whether members with the same capability set get the same form."""
        return not any(form.needs & ~_GROUPING for form in forms)

    def lines_to_room(
        self,
        room_key: str,
        lines: list[bytes],
        stamps: Callable[[], Sequence[Stamp]],
        sender: Session | None,
        seq: int,
    ) -> None:
        """Send lines of one sender to all members, as :meth:`to_room`. `stamps`: read only if tags are sent."""
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
        if sender is not None and room_key in sender.rooms and not sender.caps & ECHO_MESSAGE:
            end = len(segment.lines[sender.shape])
            nothing = dict.fromkeys(range(end - len(lines), end), b"")
            if sender in segment.own:
                segment.own[sender].update(nothing)
            else:
                segment.own[sender] = nothing

    def _begin(self, room: RoomOutput) -> Segment:
        segment = room.segment = Segment(room.members)
        room.waits = self._tick
        self._open[room] = None
        return segment

    @staticmethod
    def splice(spot: Spot, session: Session, data: bytes) -> bool:
        """Send `data` to `session` in the place of the line; return False if its part of the segment is closed."""
        if spot.room.segment is not spot.segment or session in spot.segment.left:
            return False
        spot.segment.own[session][spot.at] = data
        return True

    def send_ephemeral(self, sessions: Iterable[Session], message: Message, stamp: Stamp) -> None:
        """Send an ephemeral line ([ephemeral])."""
        later: dict[int, list[Session]] = {}
        for session in sessions:
            if self.has_parked(session):
                self._close_rooms_of(session)
                session.waits = self._tick
                later.setdefault(session.shape, []).append(session)
            else:
                self._deliver(session, render(message, stamp, session.shape))
        for shape, group in later.items():
            self._groups.append(Group(tuple(group), render(message, stamp, shape)))
            self._groups[-1].until = stamp.time + MAX_EPHEMERAL_MS

    def _deliver(self, session: Session, data: bytes) -> None:
        if session.out is None:
            session.out = data
            self.dirty.append(session)
        else:
            session.out = append_output(session.out, data)

    def to_sessions(self, sessions: Iterable[Session], message: Message, stamp: Stamp, seq: int) -> None:
        """Send a line to each of `sessions`, in one group per capability set. `seq` as in :meth:`to_room`."""
        shapes: dict[int, list[Session]] = {}
        for session in sessions:
            self._close_rooms_of(session)
            session.waits = self._tick
            shapes.setdefault(session.shape, []).append(session)
        for shape, group in shapes.items():
            self._groups.append(Group(tuple(group), render(message, stamp, shape), seq))

    def in_forms(self, sessions: Iterable[Session], forms: Sequence[Form], seq: int) -> None:
        """Send each session the lines of the first form whose capabilities it has. `seq` as in :meth:`to_room`."""
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

    def send_in_order(self, session: Session, data: bytes, seq: int = 0, about: str = "") -> None:
        """Send bytes to one session, in order with its other output. `seq` as in :meth:`to_room`; `about` is the room
        that they are about, if there is only one ([session-order])."""
        session.waits = self._tick
        room = self.rooms[about] if about in session.rooms else None
        self._close_rooms_of(session, but=room)
        if room is not None and room.segment is not None:
            room.segment.to_one(session, data, seq)
        else:
            self._groups.append(Group((session,), data, seq))

    def send_reply(self, session: Session, data: bytes, about: str = "") -> None:
        """Send bytes that depend on nothing unreleased to one session, at once if [direct-answer] allows it."""
        if self.has_parked(session):
            self.send_in_order(session, data, about=about)
        else:
            self._deliver(session, data)

    def has_parked(self, session: Session) -> bool:
        """Return whether `session` has output that is not released, or its rooms have."""
        released = self._released
        return session.waits > released or any(room.waits > released for room in session.rooms.values())

    def order_after(self, session: Session) -> None:
        """Send later answers to `session` after the output of this tick, because it caused some of that."""
        session.waits = self._tick

    # Parking and release.

    def end_tick(self, seq: int) -> None:
        """Close all segments and park the output of the tick until `seq` is durable; 0 for a tick without facts."""
        for room in list(self._open):
            self._close(room)
        self._left.clear()
        if self._groups or seq:
            self._parked.append((seq, self._groups))
            self.parked_bytes += sum([len(group.data) + group.extra for group in self._groups])
            self._groups = []
            self._tick += 1

    def durable(self, seq: int) -> None:
        """Note that everything up to `seq` is stored or refused."""
        self._durable = max(self._durable, seq)

    def refuse(self, refused: Set[int]) -> None:
        """Remove the lines of refused entries from the parked output ([refused-lines])."""
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
        """Return whether all output of `tick` and of earlier ticks was released."""
        nothing = not (self._parked or self._open or self._groups)
        return tick <= self._released or (tick == self._tick and nothing)

    @property
    def has_unparked(self) -> bool:
        """Whether there is output that is not parked yet."""
        return bool(self._open or self._groups)

    @property
    def parked(self) -> int:
        """The number of parked ticks."""
        return len(self._parked)

    def release(self, now: int) -> bool:
        """Release durable output in order; return whether there was any. `now` is in ms since 1970 UTC.

        The inner loop is the hottest line of the server: one append per recipient.
        """
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
                        session.out = append_output(out, data)
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
            for key in session.rooms:
                room = self.rooms[key]
                if room.segment is not None and room is not but:
                    self._close(room)

    def _close(self, room: RoomOutput) -> None:
        if room.segment is not None:
            del self._open[room]
            if self._departures:
                self._departures.pop(room, None)
            self._groups += room.close()
