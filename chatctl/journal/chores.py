"""What the journal's thread does between batches: checkpoints, the index, forgetting.

The rules of this file:

1. A slice takes some milliseconds; then facts that came meanwhile have their turn.
2. While facts are waiting nothing is done, with three exceptions, so that under a load that never ends nothing grows
   without bound: a checkpoint when the WAL has WAL_MOST pages, a slice of indexing when the index is FAR_BEHIND, a
   slice of the index by place when there is one to fill.
3. Copying the WAL costs an fsync, so it waits for WAL_SOME pages, or for QUIET seconds without facts.
4. The index waits for a slice's worth of facts: search reads what is beyond its mark. Indexing a fact costs several
   times what storing it does, and what is stored is waited for: so after a slice it rests for INDEX_REST times as long
   as that took, or until no facts have come for CALM seconds. The index by place waits for a whole slice.
5. A chore that fails is logged, and left alone for a while. It does not touch what becomes of facts.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator

from chatctl.chat.ports import Log
from chatctl.journal import indexing, lanes, retention
from chatctl.journal.reserve import reserve
from chatctl.journal.rows import LAST_ID
from chatctl.journal.store import SqliteStore

WAL_SOME = 1000  # pages of 4 KiB, as SQLite's own default
WAL_MOST = 8000
FAR_BEHIND = 65_536  # facts: search reads them in about 0.4 s
QUIET = 5.0  # seconds
CALM = 1.0  # seconds
INDEX_REST = 200.0
LEFT_ALONE = 60.0  # seconds after a chore failed
TAKEN_BACK = 20.0  # seconds: what was taken back within that time leaves the index together
CHECK_EVERY = 3600.0  # seconds between two looks at what is too old
AGAIN = 1.0  # seconds, where a reader was in the way of a checkpoint


class Chores:
    """The list of what is to do. Owned by the thread that owns the store, but for `status`."""

    def __init__(self, store: SqliteStore, log: Log, clock: Callable[[], int], keep: retention.Retention) -> None:
        self._store = store
        self._log = log
        self._clock = clock
        self._keep = keep
        self._behind = indexing.behind(store.connection, LAST_ID)
        self._unplaced = lanes.behind(store.connection, LAST_ID)
        # Room for what comes, and what an earlier start left half done.
        self._work: deque[Iterator[None]] = deque([reserve(store), self._mending()])
        now = time.monotonic()
        self._resume_at = now
        self._quiet_at = now + QUIET
        self._calm_at = now
        self._rested_at = now
        self._copy_at = now  # not before that: a reader was in the way
        self._check_at = now
        self._mend_at = 0.0
        """When what was taken back leaves the index; 0: there is nothing."""
        self._scrub = False
        """Whether the WAL may hold what was deleted."""
        self.forgot: Callable[[], None] = _nothing
        """Called on this thread when facts were forgotten, whoever asked for it."""
        store.wal_frames = WAL_SOME // 2  # unknown; what a crash left is copied soon

    def appended(self, facts: int) -> None:
        """A batch was kept."""
        self._behind += facts
        self._unplaced += facts
        now = time.monotonic()
        self._quiet_at = now + QUIET
        self._calm_at = now + CALM

    def taken_back(self) -> None:
        """Messages were taken back: their words are to leave the index and the WAL."""
        self._mend_at = self._mend_at or time.monotonic() + TAKEN_BACK

    def prune(
        self, before: int, done: Callable[[int | Exception], None], progress: Callable[[int], None] = lambda facts: None
    ) -> None:
        """Forget what is older than `before` (ms); `done` gets the number of facts, or why not, `progress` how many so
        far, both on this thread."""
        self._work.append(self._pruning(before, done, progress))

    def status(self) -> dict[str, object]:
        """Figures for an operator."""
        return {"unindexed": self._behind, "wal_pages": self._store.wal_frames}

    def due(self) -> float:
        """Seconds until there is something to do."""
        return max(0.0, max(self._plan()[0], self._resume_at) - time.monotonic())

    def slice(self, *, waiting: bool) -> None:
        """Do a little, if there is something to do; `waiting`: facts are."""
        if time.monotonic() < self._resume_at:
            return
        try:
            if waiting:
                self._urgent()
            else:
                self._next()
        except Exception as error:  # noqa: BLE001  # rule 5
            self._log.warning("chore failed", error=type(error).__name__, reason=str(error))
            self._resume_at = time.monotonic() + LEFT_ALONE

    def _urgent(self) -> None:
        if self._store.wal_frames >= WAL_MOST and time.monotonic() >= self._copy_at:
            self._copy()
        if self._unplaced >= lanes.SLICE:
            self._place()
        if self._behind >= FAR_BEHIND:
            self._index()

    def _next(self) -> None:
        when, what = self._plan()
        if when <= time.monotonic():
            what()

    def _plan(self) -> tuple[float, Callable[[], None]]:
        """The next chore, and from when on it may be done."""
        now = time.monotonic()
        for due, what in (
            (self._store.wal_frames >= WAL_SOME and self._copy_at <= now, self._copy),
            (self._unplaced >= lanes.SLICE, self._place),
            (self._behind >= indexing.SLICE and min(self._rested_at, self._calm_at) <= now, self._index),
            (bool(self._work), self._go_on),
        ):
            if due:
                return 0.0, what
        return min(self._later(now), key=lambda plan: plan[0])

    def _later(self, now: float) -> Iterator[tuple[float, Callable[[], None]]]:
        yield now + CHECK_EVERY, _nothing
        frames = self._store.wal_frames
        if self._behind >= indexing.SLICE:
            yield min(self._rested_at, self._calm_at), self._index
        if frames >= WAL_SOME:
            yield self._copy_at, self._copy
        elif frames > 0 or self._scrub:
            yield max(self._quiet_at, self._copy_at), self._copy
        if self._mend_at:
            yield self._mend_at, self._mend
        if self._keep.days > 0 or self._keep.messages > 0:
            yield self._check_at, self._check

    def _go_on(self) -> None:
        """One slice of the first work that is under way. One that fails is dropped."""
        work = self._work.popleft()
        if next(work, _DONE) is not _DONE:
            self._work.appendleft(work)

    def _check(self) -> None:
        self._check_at = time.monotonic() + CHECK_EVERY
        self._work.append(self._forgetting())

    def _mend(self) -> None:
        self._mend_at = 0.0
        self._work.append(self._mending())

    def _mending(self) -> Iterator[None]:
        yield from indexing.mend(self._store)
        self._scrub = True

    def _copy(self) -> None:
        if self._store.checkpoint(whole=self._scrub, patient=False):
            self._scrub = False
        else:
            self._copy_at = time.monotonic() + AGAIN

    def _place(self) -> None:
        seen = lanes.follow(self._store)
        self._unplaced = max(0, self._unplaced - seen) if seen == lanes.SLICE else 0

    def _index(self) -> None:
        began = time.monotonic()
        seen = indexing.follow(self._store)
        self._rested_at = (ended := time.monotonic()) + INDEX_REST * (ended - began)
        self._behind = max(0, self._behind - seen) if seen == indexing.SLICE else 0

    def _forgetting(self) -> Iterator[None]:
        pruned = retention.Pruned()
        yield from retention.keep(self._store, self._keep, self._clock(), pruned)
        self._forgot(pruned)

    def _pruning(
        self, before: int, done: Callable[[int | Exception], None], progress: Callable[[int], None]
    ) -> Iterator[None]:
        pruned = retention.Pruned()
        try:
            for _ in retention.prune(self._store, before, pruned):
                progress(pruned.facts)
                yield
        except Exception as error:  # whoever asked is told; then it is logged
            done(error)
            raise
        self._forgot(pruned)
        done(pruned.facts)

    def _forgot(self, pruned: retention.Pruned) -> None:
        if pruned.facts:
            self._scrub = True
            self._log.info("history pruned", facts=pruned.facts)
            self.forgot()


def _nothing() -> None:
    """Nothing is to be done for a long while."""


_DONE = object()
