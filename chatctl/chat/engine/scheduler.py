"""The scheduler: which session is served next, and how much of its input.

Invariants:

- [fair-turns] Sessions take turns of LINES_PER_TURN lines, so a long paste delays no other session. `work` stops when
  its time is used up; the rest is handled in the next tick.
- [input-order] While a proposal of a session is not ordered yet, its next lines wait, except that messages may follow
  messages.
- [rate-limited] A session over its rate limit waits (:mod:`chatctl.chat.engine.rate_limit`).
- [runs] Consecutive untagged messages of a session to one room form one proposal. Most lines are of this kind, so they
  skip the parser.
- [contain-failures] A line that cannot be handled ends its own session only.
- [lost-input] If a connection is lost, its input that others would see is still handled, the rest is dropped. If only
  the input ended, all of it is handled and answered.
- [long-commands] Commands that take much longer than a message (LONG_COMMANDS) have a queue of their own: when
  thousands join at once, sending does not wait for them. After every TURNS_PER_LONG_COMMAND other turns one of them is
  served.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from chatctl.chat.commands.registry import MESSAGES, SEEN_BY_OTHERS
from chatctl.chat.delivery.session import Session
from chatctl.chat.engine.dispatcher import Dispatcher
from chatctl.chat.engine.rate_limit import MESSAGE_COST, OTHER_COST, RateLimiter, cost
from chatctl.protocol.framing import BadLine
from chatctl.protocol.message import parse

LINES_PER_TURN = 32
"""Lines of one session before the next one has its turn."""

LONG_COMMANDS = frozenset(("JOIN", "LIST", "NAMES", "WHO"))
"""Commands whose answer lists all members or users."""

TURNS_PER_LONG_COMMAND = 32
"""Other turns between two of [long-commands]: about as much work as one."""

_TO_ROOM = "PRIVMSG #"
_ROOM_AT = len("PRIVMSG ")
_DEFERRED = -1


class Scheduler:
    """The sessions that have input, in the order in which they are served. `rate_limiter`: None for no limit."""

    def __init__(self, dispatcher: Dispatcher, clock: Callable[[], int], rate_limiter: RateLimiter | None) -> None:
        self._dispatcher = dispatcher
        self._clock = clock
        self._rate_limiter = rate_limiter
        self._ready: deque[Session] = deque()
        self._long: deque[Session] = deque()
        """Sessions whose next line is one of [long-commands]."""
        self._since_long = 0

    def __bool__(self) -> bool:
        """Return whether a session has input that can be handled now."""
        return bool(self._ready or self._long)

    def receive(self, session: Session, lines: list[str | BadLine]) -> None:
        """Queue lines that arrived for the session's turn. The session owns the list from here on."""
        if session.inbox:
            session.inbox += lines
        else:
            session.inbox = lines
        self.add(session)

    def add(self, session: Session) -> None:
        """Queue the session for its next turn."""
        if not session.queued:
            session.queued = True
            self._ready.append(session)

    def resume(self, session: Session) -> None:
        """Resume a session that waited, if it has input."""
        if session.inbox or session.leaving:
            self.add(session)

    def work(self, out_of_time: Callable[[], bool]) -> None:
        """Serve the sessions turn by turn, until there is no input left or no time."""
        ready = self._ready
        if self._rate_limiter is not None:
            for session in self._rate_limiter.take_ready(self._clock()):
                self.resume(session)
        long = self._long
        while ready or long:
            is_long = False
            if not long:
                session = ready.popleft()
            elif ready and self._since_long < TURNS_PER_LONG_COMMAND:
                self._since_long += 1
                session = ready.popleft()
            else:
                self._since_long = 0
                is_long = True
                session = long.popleft()
            next_queue = self._turn(session, is_long=is_long)
            if next_queue is None:
                session.queued = False
            else:
                next_queue.append(session)
            if out_of_time():
                break

    def _turn(self, session: Session, *, is_long: bool) -> deque[Session] | None:
        """Handle up to LINES_PER_TURN lines; return the queue for the rest of the session's input.

        None if there is no more, or it must wait. The first line may be one of [long-commands] only if `is_long`.
        """
        left = LINES_PER_TURN
        while left > 0:
            if session.closing:
                return None
            if not session.inbox:
                if session.leaving and not session.in_flight:
                    self._dispatcher.disconnect(session, session.leaving)
                return None
            try:
                done = self._next(session, left, is_long=is_long)
            except Exception as error:  # noqa: BLE001  # [contain-failures]
                self._dispatcher.failed(session, error)
                done = 1
            if done == _DEFERRED:
                return self._long
            if not done:
                return None
            is_long = False
            left -= done
        return self._ready if session.inbox or session.leaving else None

    def _next(self, session: Session, most: int, *, is_long: bool) -> int:
        """Handle the next line or run ([runs]); return the number of lines, 0 if they must wait, _DEFERRED by
        [long-commands]."""
        inbox = session.inbox
        item = inbox[0]
        message = None
        waits = bool(session.in_flight)
        if isinstance(item, str):
            if item.startswith(_TO_ROOM) and session.registered and session.batch is None:
                room, texts = lines_to_room(inbox, most)
                if texts and not (waits and not session.messages_only):
                    return self._submit_run(session, room, texts)
            message = parse(item)
            waits = waits and not (message is not None and session.messages_only and message.command in MESSAGES)
        if session.unreachable and session.registered and message is not None and message.command not in SEEN_BY_OTHERS:
            del inbox[0]
            return 1
        if waits:
            return 0  # resumed when its proposal has its place
        if message is not None and message.command in LONG_COMMANDS and not is_long:
            return _DEFERRED
        if session.registered and self._is_rate_limited(session, cost(message) if message is not None else OTHER_COST):
            return 0  # resumed when there is something left for it
        del inbox[0]
        if message is not None:
            self._dispatcher.handle(session, message)
        elif isinstance(item, BadLine):
            self._dispatcher.refuse_line(session, item)
        return 1

    def _submit_run(self, session: Session, room: str, texts: list[str]) -> int:
        if self._rate_limiter is not None:
            may = 0
            while may < len(texts) and not self._is_rate_limited(session, MESSAGE_COST):
                may += 1
            del texts[may:]
        if texts:
            del session.inbox[: len(texts)]
            session.last_spoke = self._clock()
            self._dispatcher.submit_run(session, room, texts)
        return len(texts)

    def _is_rate_limited(self, session: Session, messages: float) -> bool:
        """Return whether the session is over its rate limit ([rate-limited]), and report that now and then."""
        limiter = self._rate_limiter
        if limiter is None:
            return False
        now = self._clock()
        if not limiter.must_wait(session, messages, now):
            return False
        if limiter.should_report(session, now):
            self._dispatcher.report_slowed(session, limiter.per_second)
        return True


def lines_to_room(inbox: Sequence[str | BadLine], most: int) -> tuple[str, list[str]]:
    """Return the room and texts of the first lines, at most `most`, while they are PRIVMSG to one room.

    The first line is known to begin like one. Only the plain form is recognised here; :func:`parse` handles all others.
    """
    first = inbox[0]
    assert isinstance(first, str)
    head, _, text = first.partition(" :")
    room = head[_ROOM_AT:]
    if not text or " " in room or "," in room:
        return room, []
    texts = [text]
    if len(inbox) > 1:
        head += " :"
        size = len(head)
        for item in inbox[1:most]:
            if not isinstance(item, str) or not item.startswith(head) or len(item) == size:
                break
            texts.append(item[size:])
    return room, texts
