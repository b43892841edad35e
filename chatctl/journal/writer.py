"""The journal's thread: commits what the event loop appends, and does chores in between.

Invariants:

- [group-commit] `append` queues and returns. All that is queued during a commit is the next batch, up to
  MAX_BATCH_FACTS; the facts of one `append` are never divided.
- [settle-or-stop] A stored batch is reported by `durable`, one that is certainly not stored by `failed`. If the outcome
  is unknown (sqlite_store.py) nothing is reported until the store has settled it; if it cannot, `fatal` is the last
  report.
- [fail-together] When a batch fails, all that was appended before its owner was told fails too, unwritten
  ([generations] in notifications.py).
- [refuse-while-failing] While the disk is full, or the files are not where they were opened (folder_watch.py), appends
  fail at once. Once a second, and when `probe` asks, a write tests whether that is still so.
- [chores] Chores (index, checkpoint, pruning) run in slices, when nothing is queued; chores.py has the exceptions.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar

from chatctl.chat.entries.facts import AnyFact, Fact
from chatctl.chat.entries.queries import REDACT, AnyQuery, HistoryPage
from chatctl.chat.model.accounts import NONE, Changes, Record, RecordKey
from chatctl.chat.model.records import RoomRecord
from chatctl.chat.ports import JournalListener, LogPort
from chatctl.journal.exchange.export_import import Imported, import_facts
from chatctl.journal.health import JournalHealth, unchangeable
from chatctl.journal.index.readers import Readers
from chatctl.journal.maintenance.chores import Chores
from chatctl.journal.maintenance.compaction import convert
from chatctl.journal.maintenance.integrity_check import quick_check
from chatctl.journal.maintenance.retention import Retention
from chatctl.journal.sqlite_store import NotStored, SqliteStore, StoreBatch, span
from chatctl.journal.store.damage import naming_damage
from chatctl.journal.store.notifications import CallSoon, CommitStats, CompletionNotifier
from chatctl.journal.store.schema import check

T = TypeVar("T")

MAX_BATCH_FACTS = 8192
"""Facts in one transaction: some tens of milliseconds."""
SLOW_COMMIT_SECONDS = 1.0  # seconds, after which a commit is logged

UNKNOWN = "the disk reported an error, and the journal could not be opened again to determine what was stored"


@dataclass(slots=True)
class _Append:
    generation: int
    at: float
    facts: Sequence[AnyFact]
    rooms: Sequence[RoomRecord]
    gone: Sequence[str]
    records: Mapping[RecordKey, Record | None]
    first: int
    last: int


_Job = Callable[[], None]
_Item = _Append | _Job | None
"""The queue; None ends it."""


class SqliteJournal:
    """The Journal port on a file.

    The caller holds the folder's lock; StartError if it cannot be opened. `clock` gives ms since 1970 UTC, for
    retention. `store`: for tests. `readers` threads answer queries, each for at most `budget` seconds.
    """

    def __init__(
        self,
        path: Path,
        log: LogPort,
        *,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        retention: Retention | None = None,
        store: SqliteStore | None = None,
        readers: int = 2,
        budget: float = 2.0,
    ) -> None:
        self._log = log
        self._clock = clock
        self._store = store or SqliteStore(path)
        self._queue: SimpleQueue[_Item] = SimpleQueue()
        self._waiting: deque[_Item] = deque()
        self._notifier = CompletionNotifier()
        self._figures = CommitStats()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._readers = Readers(path, log, readers, budget)
        self._stopped = False
        self._is_checked = quick_check(path)
        with naming_damage(path):
            convert(path, lambda event, fields: log.info(event, **fields))
            self._open()
            self._health = JournalHealth(self._store, path, log)
            self._last = self._store.last()
            self._rooms = self._store.rooms()
            self._records = self._store.records()
            self._chores = Chores(self._store, log, clock, retention or Retention())
        self._health.on_lost = self._chores.give_up

    def _open(self) -> None:
        """Open the store; say in the log if that takes a migration, because a large journal needs a while for it."""
        path = self._store.path
        if not path.exists() or check(path):
            self._store.open()
            return
        self._log.info("migrating the journal, once", bytes=path.stat().st_size)
        started = time.monotonic()
        self._store.open()
        self._log.info("journal migrated", seconds=round(time.monotonic() - started, 1))

    # The port: called on the thread that owns the chat state.

    def attach(self, listener: JournalListener) -> None:
        """Say who hears what becomes of facts. Before `start`."""
        self._notifier.listener = listener

    def start(self, call_soon: CallSoon) -> None:
        """Start the threads. `call_soon` runs a function on the owner's thread, and never raises."""
        self._notifier.call_soon = call_soon
        self._readers.start(call_soon)
        self._thread.start()

    def append(
        self,
        facts: Sequence[AnyFact],
        rooms: Sequence[RoomRecord] = (),
        gone: Sequence[str] = (),
        records: Changes = NONE,
    ) -> None:
        """Keep the facts of a tick, records of rooms, accounts and invitations, forget rooms by key: all or nothing."""
        self._queue.put(
            _Append(
                self._notifier.generation, time.monotonic(), facts, rooms, gone, records.records, *span(facts, records)
            )
        )

    def ask(self, query: AnyQuery, done: Callable[[HistoryPage], None]) -> None:
        """Let a reader answer a query."""
        self._readers.ask(query, done)

    def last_seq(self) -> int:
        """Return the highest seq ever stored, as it was when the journal was opened."""
        return self._last[0]

    def last_time(self) -> int:
        """Return the latest time ever stored, in ms, as it was when the journal was opened."""
        return self._last[1]

    def rooms(self) -> list[RoomRecord]:
        """Return the stored rooms, as they were when the journal was opened."""
        return list(self._rooms)

    def records(self) -> list[Record]:
        """Return the stored accounts and invitations, as they were when the journal was opened."""
        return list(self._records)

    def stop(self, timeout: float) -> bool:
        """Commit the queue, copy all into the database file, close; return False if that takes over `timeout` seconds.
        Idempotent, and allowed before `start`."""
        by = time.monotonic() + timeout
        if not self._stopped:
            self._stopped = True
            self._readers.stop()
            self._queue.put(None)
            if self._thread.ident is None:
                self._store.close()
        done = self._readers.join(by)
        if self._thread.ident is not None:
            self._thread.join(max(0.0, by - time.monotonic()))
        return done and not self._thread.is_alive()

    def status(self) -> dict[str, object]:
        """Return statistics for an operator (notifications.py), why storing fails or "ok", and the queue length.

        `checked`: how complete the check at the start was; `damage`: what readers and chores found since.
        """
        return {
            "state": self._health.reason or "ok",
            **self._figures.status(),
            "queued": self._queue.qsize(),
            **self._chores.status(),
            "checked": "whole" if self._is_checked else "partly",
            "damage": self._readers.damage or self._chores.damage,
        }

    def probe(self) -> None:
        """Look at once whether a full disk still is."""
        self._queue.put(lambda: self._health.probe(may_probe=not self._chores.is_short))

    def prune(
        self, before: int, done: Callable[[int | Exception], None], progress: Callable[[int], None] = lambda facts: None
    ) -> None:
        """Delete facts older than `before` (ms), in slices; `done` gets their number, or the error, `progress` the
        number so far, after each slice."""
        told, far = partial(self._notifier.result, done), partial(self._notifier.result, progress)

        def prune() -> None:
            self._health.look()
            if self._health.lost:
                told(unchangeable(self._health.lost))
            else:
                self._chores.prune(before, told, far)

        self._queue.put(prune)

    def when_pruned(self, call: Callable[[], None]) -> None:
        """Call `call` on the owner's thread after each deletion of facts. Before `start`."""
        self._chores.on_deleted = lambda: self._notifier.call_soon(call)

    def import_facts(self, facts: Sequence[Fact], upto: int, done: Callable[[Imported | Exception], None]) -> None:
        """Import some hundred facts from elsewhere; `upto`: the last released seq ([released-only] in
        export_import.py)."""

        def job(store: SqliteStore) -> Imported:
            result = import_facts(store, facts, self._clock(), upto)
            self._chores.appended(result.kept)
            return result

        self.run(job, done)

    def run(self, job: Callable[[SqliteStore], T], done: Callable[[T | Exception], None]) -> None:
        """Do something through the writing connection, between two batches; `done` gets what it returned or raised.
        For what commands ask for; it holds up commits, so it is a slice of few milliseconds."""
        self._queue.put(partial(self._do, job, done))

    def read(self, job: Callable[[sqlite3.Connection], T], done: Callable[[T | Exception], None]) -> None:
        """Do something long on a reader's thread, with its connection."""
        self._readers.run(job, done)

    # Everything below runs on the journal's thread.

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        except Exception as error:  # noqa: BLE001  # the thread's last word: nothing is kept from here on
            reason = f"the journal failed: {error}"
            self._log.error("journal failed", error=type(error).__name__, reason=str(error))
            self._notifier.fatal(reason)
        self._close()

    def _turn(self) -> bool:
        """Do the next thing; False after the last one."""
        assert threading.current_thread() is self._thread
        waiting = self._waiting
        self._drain()
        if not waiting:
            if not self._health.lost:
                self._chores.slice(waiting=False)
            return True
        item = waiting[0]
        if isinstance(item, _Append):
            self._health.before_commit()
            if self._refused(item):
                self._refuse()
            elif not self._commit(self._take()):
                return False
            if not self._health.lost:
                self._chores.slice(waiting=True)
        else:
            waiting.popleft()
            if item is None:
                return False
            item()
        return True

    def _drain(self) -> None:
        """Take the whole queue. If it is empty, wait until it is not or a chore is due."""
        waiting, queue = self._waiting, self._queue
        for _ in range(queue.qsize()):
            waiting.append(queue.get_nowait())
        if waiting:
            return
        self._figures.waiting_since = None
        timeout = self._health.wait_seconds(self._chores.due())
        try:
            waiting.append(queue.get(timeout=timeout) if timeout > 0 else queue.get_nowait())
        except Empty:
            self._health.when_idle(may_probe=not self._chores.is_short)

    def _take(self) -> StoreBatch:
        """Return the next batch: the queue up to the first item that is not an append, or that is refused."""
        batch = StoreBatch()
        waiting = self._waiting
        first = waiting[0]
        assert isinstance(first, _Append)
        self._figures.waiting_since = first.at
        facts: list[AnyFact] = []
        count = 0
        while waiting and isinstance(item := waiting[0], _Append) and not self._refused(item):
            count += sum(kept.count for kept in item.facts)
            if facts and count > MAX_BATCH_FACTS:
                break
            waiting.popleft()
            facts += item.facts
            for record in item.rooms:
                batch.rooms[record.key] = record
            for key in item.gone:
                batch.rooms[key] = None
            batch.records.update(item.records)
            batch.first, batch.last = batch.first or item.first, item.last or batch.last
        batch.facts = facts
        return batch

    def _refused(self, item: _Append) -> bool:
        return bool(self._health.reason) or self._notifier.outdated(item.generation)

    def _refuse(self) -> None:
        """Fail the next append without trying ([fail-together], [refuse-while-failing])."""
        item = self._waiting.popleft()
        assert isinstance(item, _Append)
        reason = self._health.reason or "earlier messages could not be stored"
        if self._health.reason:
            self._notifier.failing()  # pending facts were decided before the owner can be told of this
        if item.last:
            self._notifier.failed(item.first, item.last, reason)

    def _commit(self, batch: StoreBatch) -> bool:
        """Commit a batch and report its outcome; return False if it is unknown, which is the end."""
        began = time.monotonic()
        try:
            self._store.commit(batch)
        except NotStored as error:
            self._failed(batch, error.reason, lasting=error.lasting)
        except (sqlite3.Error, OSError) as error:
            self._log.error("commit unknown", error=type(error).__name__, reason=str(error), facts=batch.count)
            kept = self._health.settle(batch)
            if kept is None:
                self._notifier.fatal(UNKNOWN)
                return False
            if kept:
                self._kept(batch)
            else:
                self._failed(batch, "the disk reported an error", lasting=False)
        else:
            self._kept(batch)
        took = time.monotonic() - began
        self._figures.took(took)
        if took > SLOW_COMMIT_SECONDS:
            self._log.warning("slow commit", milliseconds=round(took * 1000), facts=batch.count)
        return True

    def _kept(self, batch: StoreBatch) -> None:
        count = batch.count
        self._figures.kept(count, self._clock())
        self._chores.appended(count)
        if REDACT in batch.kinds:
            self._chores.redaction_stored()
        if batch.last:
            self._notifier.durable(batch.last)

    def _failed(self, batch: StoreBatch, reason: str, *, lasting: bool) -> None:
        self._notifier.failing()
        self._log.error("not stored", reason=reason, facts=batch.count, rooms=len(batch.rooms))
        if lasting:
            self._health.fail(reason)
        self._notifier.failed(batch.first, batch.last, reason)

    def _do(self, job: Callable[[SqliteStore], T], done: Callable[[T | Exception], None]) -> None:
        try:
            if self._health.lost:
                raise unchangeable(self._health.lost)
            result: T | Exception = job(self._store)
        except Exception as error:  # noqa: BLE001  # the caller is told
            self._store.dictionary.forget()
            result = error
        self._notifier.result(done, result)

    def _close(self) -> None:
        """Leave one file behind, if the readers have let go."""

        def readers_end() -> None:
            if self._stopped:
                self._readers.join(time.monotonic() + 1.0)

        self._health.close(readers_end)
