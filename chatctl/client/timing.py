"""The times of a connection: how long a server may be silent, when to come again, when to give up.

No clock in here: who asks says what time it is (seconds of one clock that only goes forward).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from chatctl.client.engine import Phase
from chatctl.client.session.in_flight import Barrier
from chatctl.client.session.unstored_requests import UnstoredRequests


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds."""

    enter: float = 15.0  # to connect, and again to be let in
    silence: float = 60.0  # of the server, before it is asked
    answer: float = 30.0  # to that
    first_pause: float = 1.0
    longest_pause: float = 30.0
    settled: float = 30.0  # a connection that lasted this long makes the next pause the first again
    own_name: float = 20.0  # how long to wait for a name that our own dead connection may hold


class SilenceWatch:
    """Decides how long a server may be silent ([probe] in :mod:`chatctl.client.connection`)."""

    __slots__ = ("_asked_at", "_enter_by", "_heard", "_timing", "asked", "began")

    def __init__(self, timing: Timing, now: float) -> None:
        self.began = now
        self.asked: Barrier | None = None
        """The question without an answer."""
        self._asked_at = now
        self._timing = timing
        self._enter_by = now + timing.enter
        self._heard = now

    def data_received(self, now: float) -> None:
        """Note that the server sent something."""
        self._heard = now

    def asks(self, question: Barrier, now: float) -> None:
        """Note that a PING is sent because of the server's silence."""
        self.asked, self._asked_at = question, now

    def until(self, phase: Phase) -> float:
        """Return when the server's silence needs an action."""
        if phase is Phase.ENTERING:
            return self._enter_by
        if self.asked is not None:
            return self._asked_at + self._timing.answer
        return self._heard + self._timing.silence


class RetryTimer:
    """Decides when to repeat requests that the server could not store (`unstored_requests`)."""

    __slots__ = ("_at", "_pause", "_timing")

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._pause = timing.first_pause
        self._at: float | None = None

    def at(self, unstored: UnstoredRequests, now: float, chance: float) -> float:
        """Return when the next round begins, infinity if there is nothing to repeat. `chance`: as in Pauses.next."""
        if not unstored.unsettled:
            self._pause = self._timing.first_pause
        if not unstored.pending:
            self._at = None
            return math.inf
        if self._at is None:
            self._at = now + min(self._pause, self._timing.longest_pause) * chance
            self._pause = min(self._pause * 2, self._timing.longest_pause)
        return self._at

    def began(self) -> None:
        """Note the beginning of a round."""
        self._at = None


class ReconnectPauses:
    """Decides how long to wait between connections, and when to give up ([reconnect], [own-ghost] in `connection`)."""

    __slots__ = ("_give_up_after", "_lost_at", "_next", "_timing")

    def __init__(self, timing: Timing, give_up_after: float | None) -> None:
        self._timing = timing
        self._give_up_after = give_up_after
        self._next = timing.first_pause
        self._lost_at: float | None = None

    def online(self) -> None:
        """Note that registration succeeded."""
        self._lost_at = None

    def lost(self, began: float, now: float) -> None:
        """Note the end of a connection that began at `began`."""
        self._lost_at = now if self._lost_at is None else self._lost_at
        if now - began >= self._timing.settled:
            self._next = self._timing.first_pause

    def offline_for(self, now: float) -> float:
        """Return the seconds since the connection was lost; 0 while it is there."""
        return 0.0 if self._lost_at is None else now - self._lost_at

    def is_over(self, now: float) -> bool:
        """Return whether it is time to give up."""
        return self._give_up_after is not None and self.offline_for(now) >= self._give_up_after

    def may_take_other_name(self, now: float) -> bool:
        """Return whether the own name was awaited long enough ([own-ghost])."""
        return self._lost_at is not None and self.offline_for(now) >= self._timing.own_name

    def next(self, now: float, chance: float) -> float:
        """Return the seconds until the next try; `chance`, from 0.8 to 1.2, keeps many clients from coming at once."""
        seconds = min(self._next, self._timing.longest_pause) * chance
        if self._give_up_after is not None and self._lost_at is not None:
            seconds = min(seconds, max(0.0, self._lost_at + self._give_up_after - now))
        self._next = min(self._next * 2, self._timing.longest_pause)
        return seconds
