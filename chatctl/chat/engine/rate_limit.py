"""Rate limits per session and per address. Excess input is delayed, never refused.

Invariants:

- [token-bucket] Lines of a user cost COSTS, in units of one message. A session may spend `per_second` of them, an
  address ADDRESS_FACTOR times as many, each with a burst. Sessions of this computer share no address limit. Every line
  costs something, so input is bounded in bytes too (lines are bounded in length). A line with a long answer, or for
  several rooms or users, costs more.
- [delay-not-refuse] A line over the limit waits, with all later lines of its session, so that a paste arrives whole and
  in order. The session is told once.
- [unregistered-free] Unregistered connections are bounded in bytes and time elsewhere, and pay nothing here.
- [fragments] Input that completes no line (empty lines, partial lines, TLS records without data) costs
  FRAGMENT_COST per unit. It is known only after it was read, so it is a debt: the connection is not read until the
  debt is paid.
"""

from __future__ import annotations

import heapq

from chatctl.chat.delivery.session import Session
from chatctl.chat.model.hosts import origin
from chatctl.chat.model.ids import SessionId
from chatctl.chat.model.token_bucket import TokenBucket
from chatctl.protocol.message import Message

BURST_SECONDS = 2
"""Silence after which a session has its whole burst: twice the rate."""

ADDRESS_FACTOR = 5
"""People behind one address, before they slow each other down."""

MESSAGE_COST = 1.0
"""One message."""

COSTS = {
    "PING": 0.05,
    "PONG": 0.05,
    "QUIT": 0.0,
    "NICK": 5.0,
    "RENAME": 5.0,
    "WHO": 0.5,
    **dict.fromkeys(("PRIVMSG", "NOTICE", "TAGMSG", "JOIN", "PART", "KICK", "INVITE"), MESSAGE_COST),
    **dict.fromkeys(("AWAY", "SETNAME", "REDACT", "REGISTER", "WALLOPS", "LIST", "SEARCH"), MESSAGE_COST),
}
OTHER_COST = 0.2
"""Queries, which other users do not see. WHO, LIST and SEARCH scan all users, rooms or messages."""

FRAGMENT_COST = 0.05
"""A unit of input that completed no line: up to 512 bytes, or one TLS record. As much as a PING."""

_CHANGES = {"MODE": 2, "TOPIC": 2, "METADATA": 3}
"""Number of parameters from which the command is not a query, because other users see its effect."""

_NEVER = 1 << 30
_TARGETS = {"PRIVMSG": 0, "NOTICE": 0, "TAGMSG": 0, "JOIN": 0, "PART": 0, "KICK": 1}
"""Which parameter may name several."""

ANSWER_LINE_COST = 100
"""Lines of an answer that cost one message; an answer of fewer costs nothing beside its question."""

_REPORT_INTERVAL_MS = 60_000
_MAX_ADDRESSES = 1024


def cost(message: Message) -> float:
    """Return the cost of a line in messages ([token-bucket])."""
    command, params = message.command, message.params
    if len(params) >= _CHANGES.get(command, _NEVER):
        return MESSAGE_COST
    each = COSTS.get(command, OTHER_COST)
    at = _TARGETS.get(command, _NEVER)
    return each * (1 + params[at].count(",")) if at < len(params) else each


class RateLimiter:
    """The rate limiter. `per_second`: messages per second, more than 0."""

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        self.slowed = 0
        """How often a session had to wait since the start."""
        self._unit = 1000 / per_second
        self._depth = max(BURST_SECONDS * 1000.0, max(COSTS.values()) * self._unit)
        self._addresses: dict[str, TokenBucket] = {}
        self._reported: dict[SessionId, int] = {}
        self._waiting: dict[SessionId, Session] = {}
        self._heap: list[tuple[float, SessionId]] = []

    def must_wait(self, session: Session, messages: float, now: int) -> bool:
        """Return whether a line of that cost must wait ([delay-not-refuse]) until :meth:`take_ready` returns it."""
        if session.id in self._waiting:
            return True
        cost = min(messages * self._unit, self._depth)  # or what costs most could never be had
        bucket = session.bucket
        if bucket is None:
            bucket = session.bucket = TokenBucket()
        wait = bucket.wait(now, cost, self._depth)
        if not wait and not session.local:
            wait = self._address_bucket(session, now).wait(now, cost / ADDRESS_FACTOR, self._depth)
        if not wait:
            return False
        self.slowed += 1
        self._waiting[session.id] = session
        heapq.heappush(self._heap, (now + wait, session.id))
        return True

    def charge_answer(self, session: Session, lines: int, now: int) -> None:
        """Charge the session for an answer of this many lines ([token-bucket])."""
        if lines >= ANSWER_LINE_COST and session.bucket is not None:
            session.bucket.owe(now, lines / ANSWER_LINE_COST * self._unit, self._depth)

    def charge_fragments(self, session: Session, units: int, now: int) -> float:
        """Charge a user for input that completed no line ([fragments]); return for how many ms it must not be read."""
        cost = units * FRAGMENT_COST * self._unit
        bucket = session.bucket
        if bucket is None:
            bucket = session.bucket = TokenBucket()
        bucket.owe(now, cost, self._depth)
        debt = bucket.debt(now, self._depth)
        if not session.local:
            shared = self._address_bucket(session, now)
            shared.owe(now, cost / ADDRESS_FACTOR, self._depth)
            debt = max(debt, shared.debt(now, self._depth))
        return debt

    def take_ready(self, now: int) -> list[Session]:
        """Take and return the sessions that have waited long enough."""
        found = []
        while self._heap and self._heap[0][0] <= now:
            _, id = heapq.heappop(self._heap)
            session = self._waiting.pop(id, None)
            if session is not None:
                found.append(session)
        return found

    def next_ready_at(self) -> float | None:
        """Return when :meth:`take_ready` gives the next session (ms since 1970 UTC); None if none waits."""
        return self._heap[0][0] if self._heap else None

    def should_report(self, session: Session, now: int) -> bool:
        """Return whether to report to the session that it is slowed: at most once per interval."""
        reported = self._reported.get(session.id)
        if reported is not None and now - reported < _REPORT_INTERVAL_MS:
            return False
        if len(self._reported) >= _MAX_ADDRESSES:
            self._reported = {id: when for id, when in self._reported.items() if now - when < _REPORT_INTERVAL_MS}
        self._reported[session.id] = now
        return True

    def _address_bucket(self, session: Session, now: int) -> TokenBucket:
        key = origin(session.address)
        bucket = self._addresses.get(key)
        if bucket is None:
            if len(self._addresses) >= _MAX_ADDRESSES:
                self._addresses = {at: kept for at, kept in self._addresses.items() if not kept.full(now, self._depth)}
            bucket = self._addresses[key] = TokenBucket()
        return bucket
