"""Changes to the history of a data folder without a running server: with its lock held, through the same store.

The work that a running server does between commits is done at once: indexing, copying the WAL.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from chatctl.chat.entries.facts import Fact
from chatctl.chat.model.accounts import Record, RecordKey
from chatctl.errors import ChatctlError
from chatctl.journal.exchange.export_import import Imported, failure_text, import_facts
from chatctl.journal.index import place_index, text_index
from chatctl.journal.maintenance import compaction, retention
from chatctl.journal.maintenance.chores import CHECKPOINT_PAGES
from chatctl.journal.maintenance.disk_relief import DiskRelief
from chatctl.journal.maintenance.integrity_check import quick_check
from chatctl.journal.sqlite_store import SqliteStore
from chatctl.journal.store.data_folder import journal_file, lock
from chatctl.journal.store.schema import transaction
from chatctl.journal.store.spare_file import SpareFile


class StoppedJournal:
    """A context manager; raises StartError where the folder is in use or the journal will not do.

    `folder` is one that `prepare` has seen. `deletes`: it is opened to delete from it, so
    the spare file is released if the disk is full (spare_file.py), and space returns to the file system at the end.
    """

    def __init__(self, folder: Path, *, deletes: bool = False) -> None:
        self._deletes = deletes
        self._lock = lock(folder)
        self._spare = SpareFile(folder)
        if deletes and self._spare.is_needed():
            self._spare.release()
        self._store = SqliteStore(journal_file(folder))
        self._scrub = False

    def __enter__(self) -> Self:
        try:
            quick_check(self._store.path)
            self._store.open()
        except BaseException:
            self._lock.release()
            raise
        return self

    def import_facts(self, facts: Sequence[Fact]) -> Imported:
        """Import some hundred facts. ChatctlError where that cannot be done; then none of them is kept."""
        try:
            result = import_facts(self._store, facts, time.time_ns() // 1_000_000)
            while text_index.count_unindexed(self._store.connection, text_index.SLICE) >= text_index.SLICE:
                text_index.follow(self._store)
            while place_index.count_unindexed(self._store.connection, place_index.SLICE) >= place_index.SLICE:
                place_index.follow(self._store)
            self._copy()
        except (sqlite3.Error, OSError) as error:
            raise ChatctlError(failure_text(error)) from None
        return result

    def prune(self, before: int, progress: Callable[[int], None]) -> int:
        """Delete facts older than `before` (ms); return their number. `progress` gets the number so far. Raises
        ChatctlError."""
        pruned = retention.PruneProgress()
        self._scrub = True
        try:
            for _ in DiskRelief(self._store, self._spare).run(lambda: retention.prune(self._store, before, pruned)):
                progress(pruned.facts)
            for _ in compaction.shrink(self._store):
                self._copy()
        except (sqlite3.Error, OSError) as error:
            raise ChatctlError(failure_text(error)) from None
        return pruned.facts

    def last_seq(self) -> int:
        """Return the seq of the last entry of which something is stored."""
        return self._store.last()[0]

    def records(self) -> Sequence[Record]:
        """Return the stored accounts and invitations."""
        return self._store.records()

    def change(self, records: Mapping[RecordKey, Record | None]) -> None:
        """Keep accounts and invitations, or forget them: all of it or nothing. ChatctlError where that fails."""
        try:
            with transaction(self._store.connection):
                self._store.change_records(records)
        except (sqlite3.Error, OSError) as error:
            raise ChatctlError(failure_text(error)) from None

    def _copy(self) -> None:
        if self._store.wal_frames >= CHECKPOINT_PAGES:
            self._store.checkpoint()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._store.checkpoint(whole=True)
        except sqlite3.Error:
            if self._scrub and error is None:  # the WAL may still have the deleted facts
                raise
        finally:
            self._store.close()
            if self._deletes and error is None:
                compaction.convert(self._store.path)
                for _ in self._spare.make():
                    pass
            self._lock.release()
