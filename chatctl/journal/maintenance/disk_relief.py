"""Deleting on a full disk.

Invariants:

- [bounded-relief] A slice that fails for lack of space is tried again at most once, with the spare file released
  (spare_file.py). If that fails too the caller gets the error at once.
- [copy-as-you-go] While space is short every slice is copied into the database file, so that the WAL starts over
  instead of growing. If even that lacks space, pages are returned to make the file short enough for the copy.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress

from chatctl.errors import ChatctlError
from chatctl.journal.maintenance.compaction import shrink
from chatctl.journal.sqlite_store import FULL, SqliteStore, outcome_of_error
from chatctl.journal.store.spare_file import SPARE_BYTES, SpareFile

COPY_PAGES = 1000
"""Pages in the WAL after which they are copied while space is not short."""


class DiskFullError(ChatctlError):
    """The disk has too little space to delete anything."""


def is_full(error: Exception) -> bool:
    """Return whether a write failed for lack of space."""
    known = outcome_of_error(error) if isinstance(error, (sqlite3.Error, OSError)) else None
    return known is not None and known.reason == FULL


class DiskRelief:
    """A run of deletions. `is_short` tells whether space is short, from the first slice on."""

    def __init__(self, store: SqliteStore, spare: SpareFile) -> None:
        self._store = store
        self._spare = spare
        self._is_stuck = False
        self.is_short = False

    def run(self, deletions: Callable[[], Iterator[None]]) -> Iterator[None]:
        """Delete, one slice at each step. `deletions` starts over after a failure, and goes on where it was.

        Raises:
            DiskFullError: Space must be freed first.
        """
        if self._spare.is_needed():
            self.is_short = True
            self._spare.release()
            self._copy()
        while True:
            try:
                for _ in deletions():
                    self._copy()
                    yield
                return
            except (sqlite3.Error, OSError) as error:
                if not is_full(error):
                    raise
                self._store.dictionary.forget()
                self.is_short = True
                if not self._spare.release():
                    folder = self._store.path.parent
                    raise DiskFullError(
                        f"The disk is full, and even forgetting needs some space: free {SPARE_BYTES >> 20} MB for "
                        f"{folder}, then run the command again"
                    ) from error
                self._copy()

    def _copy(self) -> None:
        """Copy the WAL if that is due ([copy-as-you-go])."""
        if not self.is_short and self._store.wal_frames < COPY_PAGES:
            return
        try:
            if self._is_stuck:
                next(shrink(self._store, kept=0), None)
            self._store.checkpoint(patient=False)
            self._is_stuck = False
        except (sqlite3.Error, OSError) as error:
            if not is_full(error):
                raise
            self.is_short = self._is_stuck = True
            if self._spare.release():
                with suppress(sqlite3.Error, OSError):
                    self._store.checkpoint(patient=False)
                    self._is_stuck = False
