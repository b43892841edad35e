"""Queries and tasks that sessions wait for: history queries, and slow computations such as password checks.

A session reads its own writes: its query starts when none of its output is parked. A `settled` query starts when all
earlier facts of all users are released (:class:`chatctl.chat.commands.base.QueryJob`). Computations start at once.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

from chatctl.chat.commands.base import CommandContext, QueryJob, Result, WorkerJob
from chatctl.chat.delivery.fanout import Fanout
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries.queries import HistoryPage
from chatctl.chat.entries.tasks import Done
from chatctl.chat.model.ids import SessionId
from chatctl.chat.ports import Journal, WorkerPort

Then = Callable[[CommandContext, Session], Result]


class _Pending(NamedTuple):
    """A query that has not been started. It may start when `tick` is released."""

    session: Session
    job: QueryJob
    command: str
    label: str
    tick: int


class PendingQueries:
    """Start a query or task. If the session still exists when it ends, `done` gets the session, command, label and
    result; `failed` is called if it could not be started."""

    def __init__(
        self,
        fanout: Fanout,
        journal: Journal,
        workers: WorkerPort,
        sessions: Mapping[SessionId, Session],
        done: Callable[[Session, str, str, Then], None],
        failed: Callable[[Session, Exception], None],
    ) -> None:
        self._fanout = fanout
        self._journal = journal
        self._workers = workers
        self._sessions = sessions
        self._done = done
        self._failed = failed
        self._queries: deque[_Pending] = deque()
        self._working = 0

    @property
    def waiting(self) -> int:
        """The number of queries that have not been started and tasks that are not finished."""
        return len(self._queries) + self._working

    def add(self, session: Session, job: QueryJob, command: str, label: str) -> None:
        """Start a query as soon as it may; the session's next lines wait for its answer."""
        session.in_flight += 1
        session.messages_only = False
        self._queries.append(_Pending(session, job, command, label, self._fanout.tick if job.settled else 0))

    def work(self, session: Session, work: WorkerJob, command: str, label: str) -> None:
        """Start a task; the session's next lines wait for its result."""
        session.in_flight += 1
        session.messages_only = False
        self._working += 1
        # First attempts do not queue behind repeated ones.
        who = session.origin if session.tries <= 1 else f"{session.origin} again"
        self._workers.ask(who, work.task, functools.partial(self._worked, session, work, command, label))

    def begin(self) -> None:
        """Start the queries that may start. If one is answered at once, its session may add another."""
        held: deque[_Pending] = deque()
        while self._queries:
            waiting = self._queries.popleft()
            session = waiting.session
            if not self._is_here(session):
                continue
            if self._fanout.has_parked(session) or not self._fanout.is_released(waiting.tick):
                held.append(waiting)
            else:
                try:
                    query = waiting.job.query(self._fanout.released_seq)
                    self._journal.ask(query, functools.partial(self._answered, waiting))
                except Exception as error:  # noqa: BLE001  # as a handler that fails, it ends this session alone
                    self._failed(session, error)
        self._queries = held

    def _answered(self, waiting: _Pending, page: HistoryPage) -> None:
        if self._is_here(waiting.session):
            job = waiting.job
            label = waiting.label
            self._done(waiting.session, waiting.command, label, lambda view, session: job.then(view, session, page))

    def _worked(self, session: Session, work: WorkerJob, command: str, label: str, done: Done) -> None:
        self._working -= 1
        if self._is_here(session):
            self._done(session, command, label, lambda view, session: work.then(view, session, done))

    def _is_here(self, session: Session) -> bool:
        return self._sessions.get(session.id) is session
