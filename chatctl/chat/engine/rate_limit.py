"""How fast a session, and an address, may go: what is too much waits, and nothing is refused.

The rules of this file:

1. A user's lines cost what stands in COSTS, in messages. A session may use `per_second` of them, an address ADDRESS
   times as many, each with a burst. This computer's own sessions share no address. No line but the last is free, so
   that what comes in is bounded in bytes too: so many lines a second, of a length that is bounded.
   An answer of many lines costs more: it took as long to make. So does a line for several rooms or people.
2. A line that there is nothing left for waits, with all that follows it, so that a paste arrives whole and in order.
   The session is told once.
3. What a stranger may do is bounded in bytes and time elsewhere; it pays nothing here.
4. Input that completes no line (empty lines, half lines, TLS records without data) costs FRAGMENT a unit. It is known
   only after it was read, so it is owed, and the connection is not read until that is paid.
"""

from __future__ import annotations

import heapq

from chatctl.chat.delivery.session import Session
from chatctl.chat.model.hosts import origin
from chatctl.chat.model.ids import SessionId
from chatctl.chat.model.token_bucket import Bucket
from chatctl.protocol.message import Message

BURST_SECONDS = 2
"""How long somebody must have been silent to have the whole burst: twice the rate."""

ADDRESS = 5
"""People behind one address, before they slow each other down."""

SAYING = 1.0
"""One message."""

COSTS = {
    "PING": 0.05,
    "PONG": 0.05,
    "QUIT": 0.0,
    "NICK": 5.0,
    "RENAME": 5.0,
    "WHO": 0.5,
    **dict.fromkeys(("PRIVMSG", "NOTICE", "TAGMSG", "JOIN", "PART", "KICK", "INVITE"), SAYING),
    **dict.fromkeys(("AWAY", "SETNAME", "REDACT", "REGISTER", "WALLOPS", "LIST", "SEARCH"), SAYING),
}
OTHER = 0.2
"""Questions, which nobody else hears of. WHO, LIST and SEARCH look at all people, all rooms, all that was said."""

FRAGMENT = 0.05
"""A unit of input that completed no line: up to 512 bytes, or one TLS record. As much as a PING."""

_CHANGES = {"MODE": 2, "TOPIC": 2, "METADATA": 3}
"""With so many parameters it is no question: others hear of it."""

_NEVER = 1 << 30
_TARGETS = {"PRIVMSG": 0, "NOTICE": 0, "TAGMSG": 0, "JOIN": 0, "PART": 0, "KICK": 1}
"""Which parameter may name several."""

ANSWER = 100
"""Lines of an answer that cost one message; an answer of fewer costs nothing beside its question."""

_TELL_AGAIN_MS = 60_000
_MOST_KEPT = 1024


def cost(message: Message) -> float:
    """What a line costs, in messages (rule 1)."""
    command, params = message.command, message.params
    if len(params) >= _CHANGES.get(command, _NEVER):
        return SAYING
    each = COSTS.get(command, OTHER)
    at = _TARGETS.get(command, _NEVER)
    return each * (1 + params[at].count(",")) if at < len(params) else each


class Pace:
    """Who must wait. `per_second`: messages; more than 0."""

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        self.slowed = 0
        """How many times somebody had to wait, since the start."""
        self._unit = 1000 / per_second
        self._depth = max(BURST_SECONDS * 1000.0, max(COSTS.values()) * self._unit)
        self._addresses: dict[str, Bucket] = {}
        self._told: dict[SessionId, int] = {}
        self._waiting: dict[SessionId, Session] = {}
        self._heap: list[tuple[float, SessionId]] = []

    def holds(self, session: Session, messages: float, now: int) -> bool:
        """Whether a user's line of that cost must wait (rule 2); it is looked at again when :meth:`awake` gives the
        session."""
        if session.id in self._waiting:
            return True
        cost = min(messages * self._unit, self._depth)  # or what costs most could never be had
        bucket = session.bucket
        if bucket is None:
            bucket = session.bucket = Bucket()
        wait = bucket.wait(now, cost, self._depth)
        if not wait and not session.local:
            wait = self._of_address(session, now).wait(now, cost / ADDRESS, self._depth)
        if not wait:
            return False
        self.slowed += 1
        self._waiting[session.id] = session
        heapq.heappush(self._heap, (now + wait, session.id))
        return True

    def answered(self, session: Session, lines: int, now: int) -> None:
        """A question of the session had an answer of so many lines (rule 1)."""
        if lines >= ANSWER and session.bucket is not None:
            session.bucket.owe(now, lines / ANSWER * self._unit, self._depth)

    def fragments(self, session: Session, units: int, now: int) -> float:
        """Charge a user for input that completed no line (rule 4); how many ms it must not be read."""
        cost = units * FRAGMENT * self._unit
        bucket = session.bucket
        if bucket is None:
            bucket = session.bucket = Bucket()
        bucket.owe(now, cost, self._depth)
        debt = bucket.debt(now, self._depth)
        if not session.local:
            shared = self._of_address(session, now)
            shared.owe(now, cost / ADDRESS, self._depth)
            debt = max(debt, shared.debt(now, self._depth))
        return debt

    def awake(self, now: int) -> list[Session]:
        """The sessions that have waited long enough."""
        found = []
        while self._heap and self._heap[0][0] <= now:
            _, id = heapq.heappop(self._heap)
            session = self._waiting.pop(id, None)
            if session is not None:
                found.append(session)
        return found

    def next(self) -> float | None:
        """When :meth:`awake` has something to give; None for never."""
        return self._heap[0][0] if self._heap else None

    def tell(self, session: Session, now: int) -> bool:
        """Whether it is time to tell the session that it is slowed."""
        told = self._told.get(session.id)
        if told is not None and now - told < _TELL_AGAIN_MS:
            return False
        if len(self._told) >= _MOST_KEPT:
            self._told = {id: when for id, when in self._told.items() if now - when < _TELL_AGAIN_MS}
        self._told[session.id] = now
        return True

    def _of_address(self, session: Session, now: int) -> Bucket:
        key = origin(session.address)
        bucket = self._addresses.get(key)
        if bucket is None:
            if len(self._addresses) >= _MOST_KEPT:
                self._addresses = {at: kept for at, kept in self._addresses.items() if not kept.full(now, self._depth)}
            bucket = self._addresses[key] = Bucket()
        return bucket
