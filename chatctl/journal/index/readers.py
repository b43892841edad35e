"""The reader threads, which answer history queries beside the event loop and the writer.

Invariants:

- [read-only] Each reader has its own connection, which cannot change anything, and never checkpoints.
- [budget] A query is answered within `budget` seconds of work; past that, and on any error, the answer is a page with
  `failed`. Queries are never logged: they may hold text of users.
- [owner-thread] Answers go through `call_soon`, to the thread of the caller.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from chatctl.chat.entries.queries import AnyQuery, HistoryPage
from chatctl.chat.ports import LogPort
from chatctl.journal.index.history_reader import read
from chatctl.journal.store.damage import is_damage
from chatctl.journal.store.schema import open_reading

T = TypeVar("T")
CallSoon = Callable[[Callable[[], None]], None]

LOOK_EVERY = 20_000  # steps of SQLite's machine between two looks at the clock: well under a millisecond

_Work = Callable[[sqlite3.Connection], Callable[[], None]]
_Failed = Callable[[Exception], Callable[[], None]]


class Readers:
    """`count` reader threads ("reader-1" and so on), which take queries in order."""

    def __init__(self, path: Path, log: LogPort, count: int, budget: float) -> None:
        self._path = path
        self._log = log
        self._budget = budget
        self._queue: SimpleQueue[tuple[_Work, _Failed] | None] = SimpleQueue()
        self._call_soon: CallSoon | None = None
        self._threads = [
            threading.Thread(target=self._run, name=f"reader-{number}", daemon=True) for number in range(1, count + 1)
        ]
        self._stopped = False
        self.damage = ""
        """The last damage that a reader found; ``""`` for none."""

    def start(self, call_soon: CallSoon) -> None:
        """Start the threads."""
        self._call_soon = call_soon
        for thread in self._threads:
            thread.start()

    def ask(self, query: AnyQuery, done: Callable[[HistoryPage], None]) -> None:
        """Answer a query. After `stop` there are no more answers."""
        self._queue.put((partial(self._answer, query, done), lambda error: partial(done, HistoryPage(failed=True))))

    def run(self, job: Callable[[sqlite3.Connection], T], done: Callable[[T | Exception], None]) -> None:
        """Do something as long as it takes; `done` gets what it returned or raised."""
        self._queue.put((lambda connection: partial(done, job(connection)), lambda error: partial(done, error)))

    def stop(self) -> None:
        """End the threads once the questions before this are answered. Once."""
        self._stopped = True
        for _ in self._threads:
            self._queue.put(None)

    def join(self, by: float) -> bool:
        """Wait for the threads to end, until `by` (monotonic); whether they have."""
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, by - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    # On the readers' threads.

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        while (item := self._queue.get()) is not None:
            work, failed = item
            try:
                connection = connection or open_reading(self._path)
                answer = work(connection)
            except Exception as error:  # noqa: BLE001  # [budget]
                self._log.warning("history not read", error=type(error).__name__, reason=str(error))
                if is_damage(error):
                    self.damage = str(error)
                answer = failed(error)
                if connection is not None:
                    connection.close()  # whatever state it is in
                    connection = None
            assert self._call_soon is not None
            self._call_soon(answer)
        if connection is not None:
            connection.close()

    def _answer(
        self, query: AnyQuery, done: Callable[[HistoryPage], None], connection: sqlite3.Connection
    ) -> Callable[[], None]:
        by = time.monotonic() + self._budget

        def expired() -> bool:
            return time.monotonic() > by

        connection.set_progress_handler(expired, LOOK_EVERY)
        try:
            return partial(done, read(connection, query, expired))
        finally:
            connection.set_progress_handler(None, 0)
