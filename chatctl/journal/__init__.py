"""The history on disk: SQLite, one writing thread, readers beside it, full-text search."""

from chatctl.journal.maintenance.retention import Retention
from chatctl.journal.store.data_folder import FolderLock, LockHolder, holder, journal_file, lock, prepare
from chatctl.journal.writer import SqliteJournal

__all__ = ["FolderLock", "LockHolder", "Retention", "SqliteJournal", "holder", "journal_file", "lock", "prepare"]
