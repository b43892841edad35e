"""Questions to history on behalf of sessions: begun when what must come before has gone out.

A session reads what it wrote: its job begins when nothing of it is parked. A job that is `settled` begins when all that
was said before it, by anybody, has been released (:class:`chatctl.chat.commands.kinds.Job`).
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

from chatctl.chat.commands.kinds import Job
from chatctl.chat.fanout import Fanout
from chatctl.chat.history import Page
from chatctl.chat.ports import Journal
from chatctl.chat.session import Session


class _Waiting(NamedTuple):
    """A job that has not begun: for whom, for which command with which label, and after which tick."""

    session: Session
    job: Job
    command: str
    label: str
    tick: int


class Jobs:
    """`done` gets the session, the job, the command, its label and the page, if the session is still there by then."""

    def __init__(
        self,
        fanout: Fanout,
        journal: Journal,
        sessions: Mapping[int, Session],
        done: Callable[[Session, Job, str, str, Page], None],
    ) -> None:
        self._fanout = fanout
        self._journal = journal
        self._sessions = sessions
        self._done = done
        self._jobs: deque[_Waiting] = deque()

    @property
    def waiting(self) -> int:
        """Jobs that have not begun."""
        return len(self._jobs)

    def add(self, session: Session, job: Job, command: str, label: str) -> None:
        """Begin `job` as soon as it may; the session's next lines wait until it is done."""
        session.in_flight += 1
        session.messages_only = False
        self._jobs.append(_Waiting(session, job, command, label, self._fanout.tick if job.settled else 0))

    def begin(self) -> None:
        """Begin those that may. One that is answered at once may bring the next one of its session."""
        held: deque[_Waiting] = deque()
        while self._jobs:
            waiting = self._jobs.popleft()
            session = waiting.session
            if not self._is_here(session):
                continue
            if self._fanout.has_parked(session) or not self._fanout.is_released(waiting.tick):
                held.append(waiting)
            else:
                query = waiting.job.query(self._fanout.released_seq)
                self._journal.ask(query, functools.partial(self._answered, waiting))
        self._jobs = held

    def _answered(self, waiting: _Waiting, page: Page) -> None:
        if self._is_here(waiting.session):
            self._done(waiting.session, waiting.job, waiting.command, waiting.label, page)

    def _is_here(self, session: Session) -> bool:
        return self._sessions.get(session.id) is session
