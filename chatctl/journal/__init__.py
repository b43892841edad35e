"""What was said, on disk: SQLite, one writing thread, readers beside it, full-text search."""

from chatctl.journal.folder import Holder, Lock, holder, journal_file, lock, prepare
from chatctl.journal.retention import Retention
from chatctl.journal.writer import Listener, SqliteJournal

__all__ = ["Holder", "Listener", "Lock", "Retention", "SqliteJournal", "holder", "journal_file", "lock", "prepare"]
