"""Queries and tasks that handlers wait for: history queries, and slow computations such as password checks; and the
outcome of commits.

A session reads its own writes: its query starts when none of its output is parked. A `settled` query starts when all
earlier facts of all users are released (:class:`chatctl.chat.commands.base.HistoryRead`). Tasks start at once.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from chatctl.chat.commands.base import Answer, CommitDecision, HistoryRead, Result, Steps, Wait
from chatctl.chat.delivery.fanout import Fanout
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries.queries import HistoryPage
from chatctl.chat.entries.tasks import Done
from chatctl.chat.model.ids import SessionId
from chatctl.chat.ports import Journal, WorkerPort


@dataclass(frozen=True, slots=True)
class WaitingHandler:
    """A handler that waits: of which session, for which command with which label, and its remaining steps."""

    session: Session
    command: str
    label: str
    steps: Steps[Result]


class PendingQueries:
    """The queries and tasks that handlers wait for. If the session still exists when it ends, `answered` gets the
    handler and the answer; `failed` is called if a query could not be started. `call_when_decided` is the commit
    gate's."""

    def __init__(
        self,
        fanout: Fanout,
        journal: Journal,
        workers: WorkerPort,
        call_when_decided: Callable[[Callable[[bool], None]], None],
        sessions: Mapping[SessionId, Session],
        answered: Callable[[WaitingHandler, Answer], None],
        failed: Callable[[Session, Exception], None],
    ) -> None:
        self._fanout = fanout
        self._journal = journal
        self._workers = workers
        self._call_when_decided = call_when_decided
        self._sessions = sessions
        self._answered = answered
        self._failed = failed
        self._queries: deque[tuple[WaitingHandler, HistoryRead, int]] = deque()
        """Queries that have not started, each with the tick whose output must be released first (0: none)."""
        self._working = 0

    @property
    def waiting(self) -> int:
        """Queries that have not started, and tasks that have not ended."""
        return len(self._queries) + self._working

    def add(self, handler: WaitingHandler, wait: Wait) -> None:
        """Start a task now, or a query as soon as it may. The session's next lines wait until it is answered."""
        session = handler.session
        session.in_flight += 1
        session.messages_only = False
        if isinstance(wait, HistoryRead):
            self._queries.append((handler, wait, self._fanout.tick if wait.settled else 0))
            return
        if isinstance(wait, CommitDecision):
            self._call_when_decided(functools.partial(self._on_decided, handler))
            return
        self._working += 1
        # First attempts do not queue behind repeated ones.
        queue = session.origin if session.tries <= 1 else f"{session.origin} again"
        self._workers.ask(queue, wait, functools.partial(self._on_done, handler))

    def begin(self) -> None:
        """Start the queries that may start. One that is answered at once may add the next one of its session."""
        held: deque[tuple[WaitingHandler, HistoryRead, int]] = deque()
        while self._queries:
            handler, read, tick = self._queries.popleft()
            session = handler.session
            if not self._is_connected(session):
                continue
            if self._fanout.has_parked(session) or not self._fanout.is_released(tick):
                held.append((handler, read, tick))
                continue
            read.upto = self._fanout.released_seq
            try:
                self._journal.ask(replace(read.query, upto=read.upto), functools.partial(self._on_page, handler))
            except Exception as error:  # noqa: BLE001  # as a handler that fails, it ends this session alone
                self._failed(session, error)
        self._queries = held

    def _on_page(self, handler: WaitingHandler, page: HistoryPage) -> None:
        if self._is_connected(handler.session):
            self._answered(handler, page)

    def _on_decided(self, handler: WaitingHandler, stored: bool) -> None:
        if self._is_connected(handler.session):
            self._answered(handler, stored)

    def _on_done(self, handler: WaitingHandler, done: Done) -> None:
        self._working -= 1
        if self._is_connected(handler.session):
            self._answered(handler, done)

    def _is_connected(self, session: Session) -> bool:
        return self._sessions.get(session.id) is session
