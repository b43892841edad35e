"""The chores of the journal's thread between batches: checkpoints, indexing, deletion.

Invariants:

- [slices] A slice takes some milliseconds; then new facts have their turn.
- [facts-first] While facts are queued no chore runs, with three exceptions, so that nothing grows without bound under a
  constant load: a checkpoint at MAX_WAL_PAGES pages, a slice of text indexing when MAX_UNINDEXED_FACTS, a full slice of
  the place index.
- [checkpoint] Copying the WAL costs an fsync, so it waits for CHECKPOINT_PAGES pages, or for QUIET_SECONDS without
  facts.
- [index-rest] The index waits for a slice's worth of facts: the search scans the rest. Indexing a fact costs several
  times what storing it does, and delays commits: so after a slice it rests for INDEX_REST_FACTOR times as long, or
  until CALM_SECONDS without facts. The place index waits for a whole slice.
- [failures-contained] A chore that fails is logged, and not run for a while. It does not affect facts.
- [deletions-first] Deletions on command, and all deletions while disk space is low, come before all other chores and
  are not blocked by a failed one. Under a constant load they get a slice every PRUNE_EVERY_SECONDS seconds.
- [return-space] Freed pages return to the file system in slices (compaction.py). After a slice this rests for
  SHRINK_REST_FACTOR times as long, so that at most one commit in SHRINK_REST_FACTOR waits for one; not while space is
  low (disk_relief.py).
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress

from chatctl.chat.ports import LogPort
from chatctl.journal.index import place_index, text_index
from chatctl.journal.maintenance import compaction, retention
from chatctl.journal.maintenance.disk_relief import DiskRelief
from chatctl.journal.sqlite_store import SqliteStore
from chatctl.journal.store.damage import is_damage
from chatctl.journal.store.rows import LAST_ID
from chatctl.journal.store.spare_file import SpareFile
from chatctl.journal.store.wal_prealloc import reserve

CHECKPOINT_PAGES = 1000  # pages of 4 KiB, as SQLite's own default
MAX_WAL_PAGES = 8000
MAX_UNINDEXED_FACTS = 65_536  # facts: search reads them in about 0.4 s
QUIET_SECONDS = 5.0
CALM_SECONDS = 1.0
INDEX_REST_FACTOR = 200.0
RETRY_SECONDS = 60.0  # after a chore failed
REDACTION_DELAY_SECONDS = 20.0  # messages deleted within that time leave the index together
RETENTION_CHECK_SECONDS = 3600.0  # between two checks for expired facts
CHECKPOINT_RETRY_SECONDS = 1.0  # after a reader blocked a checkpoint
PRUNE_EVERY_SECONDS = 0.1
SHRINK_REST_FACTOR = 10.0
SPARE_DELAY_SECONDS = 30.0  # after the start, a release or a failure: servers that live for seconds need no spare file


class Chores:
    """The list of chores. Owned by the thread that owns the store, except `status`."""

    def __init__(self, store: SqliteStore, log: LogPort, clock: Callable[[], int], keep: retention.Retention) -> None:
        self._store = store
        self._log = log
        self._clock = clock
        self._keep = keep
        self._behind = text_index.count_unindexed(store.connection, LAST_ID)
        self._unplaced = place_index.count_unindexed(store.connection, LAST_ID)
        # Preallocated space, and unfinished work of an earlier start.
        self._work: deque[Generator[None, None, None]] = deque([reserve(store), self._mending()])
        self._prunes: deque[Generator[None, None, None]] = deque()
        self._shrinking: Iterator[None] | None = None
        self._spare = SpareFile(store.path.parent)
        now = time.monotonic()
        self._resume_at = now
        self._prune_at = self._shrink_at = now
        self._spare_at = now + SPARE_DELAY_SECONDS
        self._quiet_at = now + QUIET_SECONDS
        self._calm_at = now
        self._rested_at = now
        self._copy_at = now  # not before that: a reader was in the way
        self._check_at = now
        self._mend_at = 0.0
        """When deleted messages leave the index; 0: none are pending."""
        self._scrub = False
        """Whether the WAL may have deleted facts."""
        self.on_deleted: Callable[[], None] = _nothing
        """Called on this thread after every deletion of facts."""
        self.damage = ""
        """The last damage that a chore found; ``""`` for none."""
        self.is_short = False
        """Whether deletions are under way for which space is short: nothing else may take what they free."""
        store.wal_frames = CHECKPOINT_PAGES // 2  # unknown; what a crash left is copied soon
        self._figures: dict[str, object] = {}
        self._shrink_if_worth_it()
        self.measure()

    def appended(self, facts: int) -> None:
        """Note that a batch was stored."""
        self._behind += facts
        self._unplaced += facts
        now = time.monotonic()
        self._quiet_at = now + QUIET_SECONDS
        self._calm_at = now + CALM_SECONDS

    def redaction_stored(self) -> None:
        """Note that messages were deleted: their words are to leave the index and the WAL."""
        self._mend_at = self._mend_at or time.monotonic() + REDACTION_DELAY_SECONDS

    def prune(
        self, before: int, done: Callable[[int | Exception], None], progress: Callable[[int], None] = lambda facts: None
    ) -> None:
        """Delete facts older than `before` (ms); `done` gets their number, or the error, `progress` the number so far,
        both on this thread."""
        self._prunes.append(self._pruning(before, done, progress))

    def give_up(self, error: Exception) -> None:
        """Fail all requested deletions."""
        for work in self._prunes:
            with suppress(Exception):
                work.throw(error)
        self._prunes.clear()

    def status(self) -> dict[str, object]:
        """Figures for an operator. `file_bytes` and `wal_bytes` as of the last look; `free_bytes` of the first hold
        nothing, and `returns_space` tells whether they return to the file system."""
        return {"unindexed": self._behind, "wal_pages": self._store.wal_frames, **self._figures}

    def measure(self) -> None:
        """Look at the sizes."""
        connection, path = self._store.connection, self._store.path
        page = int(connection.execute("PRAGMA page_size").fetchone()[0])
        sizes = [
            os.path.getsize(each) if os.path.exists(each) else 0 for each in (path, path.with_name(f"{path.name}-wal"))
        ]
        self._figures = {
            "file_bytes": sizes[0],
            "wal_bytes": sizes[1],
            "free_bytes": compaction.free_pages(connection) * page,
            "returns_space": compaction.is_incremental(connection),
        }

    def due(self) -> float:
        """Return the seconds until a chore is due."""
        if self._prunes:
            return 0.0
        return max(0.0, max(self._plan()[0], self._resume_at) - time.monotonic())

    def slice(self, *, waiting: bool) -> None:
        """Do a little, if there is something to do; `waiting`: facts are."""
        now = time.monotonic()
        if not self._prunes and now < self._resume_at:
            return
        try:
            if self._prunes and (not waiting or now >= self._prune_at):
                self._go_on(self._prunes)
                self._prune_at = time.monotonic() + PRUNE_EVERY_SECONDS
            elif waiting and now < self._resume_at:
                return
            elif waiting:
                self._urgent()
            else:
                self._next()
        except Exception as error:  # noqa: BLE001  # [failures-contained]
            self._log.warning("chore failed", error=type(error).__name__, reason=str(error))
            if is_damage(error):
                self.damage = str(error)
            self._resume_at = time.monotonic() + RETRY_SECONDS

    def _urgent(self) -> None:
        if self._store.wal_frames >= MAX_WAL_PAGES and time.monotonic() >= self._copy_at:
            self._copy()
        if self._unplaced >= place_index.SLICE:
            self._place()
        if self._behind >= MAX_UNINDEXED_FACTS:
            self._index()

    def _next(self) -> None:
        when, what = self._plan()
        if when <= time.monotonic():
            what()

    def _plan(self) -> tuple[float, Callable[[], None]]:
        """Return the time of the next chore, and the chore."""
        now = time.monotonic()
        for due, what in (
            (self._store.wal_frames >= CHECKPOINT_PAGES and self._copy_at <= now, self._copy),
            (self._unplaced >= place_index.SLICE, self._place),
            (self._behind >= text_index.SLICE and min(self._rested_at, self._calm_at) <= now, self._index),
            (bool(self._work), lambda: self._go_on(self._work)),
            (self._shrinking is not None and self._shrink_at <= now, self._shrink),
        ):
            if due:
                return 0.0, what
        return min(self._later(now), key=lambda plan: plan[0])

    def _later(self, now: float) -> Iterator[tuple[float, Callable[[], None]]]:
        yield now + RETENTION_CHECK_SECONDS, _nothing
        frames = self._store.wal_frames
        if self._behind >= text_index.SLICE:
            yield min(self._rested_at, self._calm_at), self._index
        if frames >= CHECKPOINT_PAGES:
            yield self._copy_at, self._copy
        elif frames > 0 or self._scrub:
            yield max(self._quiet_at, self._copy_at), self._copy
        if self._shrinking is not None:
            yield self._shrink_at, self._shrink
        yield self._spare_at, self._make_spare
        if self._mend_at:
            yield self._mend_at, self._mend
        if self._keep.days > 0 or self._keep.messages > 0:
            yield self._check_at, self._check

    def _go_on(self, works: deque[Generator[None, None, None]]) -> None:
        """Do one slice of the first work in progress. One that fails is dropped."""
        work = works.popleft()
        if next(work, _DONE) is not _DONE:
            works.appendleft(work)

    def _check(self) -> None:
        self._check_at = time.monotonic() + RETENTION_CHECK_SECONDS
        (self._prunes if self._spare.is_needed() else self._work).append(self._retention_slices())

    def _make_spare(self) -> None:
        self._spare_at = time.monotonic() + (RETENTION_CHECK_SECONDS if self._spare.is_there else SPARE_DELAY_SECONDS)
        self._work.append(self._spare.make())

    def _shrink_if_worth_it(self) -> None:
        if compaction.is_worth_it(self._store.connection):
            self._shrinking = compaction.shrink(self._store)

    def _shrink(self) -> None:
        """Return a slice of free pages ([return-space])."""
        began = time.monotonic()
        if self._shrinking is not None and next(self._shrinking, _DONE) is _DONE:
            self._shrinking = None
        ended = time.monotonic()
        self._shrink_at = ended if self._spare.is_needed() else ended + SHRINK_REST_FACTOR * (ended - began)
        self.measure()

    def _mend(self) -> None:
        self._mend_at = 0.0
        self._work.append(self._mending())

    def _mending(self) -> Generator[None, None, None]:
        yield from text_index.mend(self._store)
        self._scrub = True

    def _copy(self) -> None:
        if self._store.checkpoint(whole=self._scrub, patient=False):
            self._scrub = False
        else:
            self._copy_at = time.monotonic() + CHECKPOINT_RETRY_SECONDS
        self.measure()

    def _place(self) -> None:
        seen = place_index.follow(self._store)
        self._unplaced = max(0, self._unplaced - seen) if seen == place_index.SLICE else 0

    def _index(self) -> None:
        began = time.monotonic()
        seen = text_index.follow(self._store)
        self._rested_at = (ended := time.monotonic()) + INDEX_REST_FACTOR * (ended - began)
        self._behind = max(0, self._behind - seen) if seen == text_index.SLICE else 0

    def _retention_slices(self) -> Generator[None, None, None]:
        pruned = retention.PruneProgress()
        yield from self._relieved(lambda: retention.keep(self._store, self._keep, self._clock(), pruned))
        self._pruned(pruned)

    def _relieved(self, deletions: Callable[[], Iterator[None]]) -> Iterator[None]:
        """Delete, also on a full disk."""
        relief = DiskRelief(self._store, self._spare)
        try:
            for _ in relief.run(deletions):
                self.is_short = relief.is_short
                yield
        finally:
            self.is_short = False
            self._spare_at = min(self._spare_at, time.monotonic() + SPARE_DELAY_SECONDS)  # it may have been released

    def _pruning(
        self, before: int, done: Callable[[int | Exception], None], progress: Callable[[int], None]
    ) -> Generator[None, None, None]:
        pruned = retention.PruneProgress()
        try:
            for _ in self._relieved(lambda: retention.prune(self._store, before, pruned)):
                progress(pruned.facts)
                yield
        except Exception as error:  # the caller is told; then it is logged
            done(error)
            raise
        self._pruned(pruned)
        done(pruned.facts)

    def _pruned(self, pruned: retention.PruneProgress) -> None:
        if pruned.facts:
            self._scrub = True
            self._shrink_if_worth_it()
            self.measure()
            self._log.info("history pruned", facts=pruned.facts)
            self.on_deleted()


def _nothing() -> None:
    """Do nothing."""


_DONE = object()
