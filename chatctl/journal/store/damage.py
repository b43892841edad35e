"""Errors for a damaged, empty or missing journal: one sentence, and exit code 2.

Invariants:

- [damage-is-named] SQLite's CORRUPT and NOTADB, missing tables and unreadable records are raised as
  :class:`DamagedJournalError`: the file, the fault, and what to do.
- [empty-is-not-new] A journal of 0 bytes, or a WAL without its journal, was left by a fault, and never becomes a new
  chat. A new journal gets its name only when it is complete (schema.py), so an interrupted start never looks like that.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chatctl.errors import StartError

_CODES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_RESTORE = "restore the latest backup with `chatctl restore FILE`"
_WHERE = "(CHATCTL_DATA_DIR names its folder)"


class DamagedJournalError(StartError):
    """A journal that cannot be used as it is."""

    def __init__(self, path: Path, fault: str, todo: str = "`chatctl check` lists all faults") -> None:
        self.fault = fault
        super().__init__(
            f"The journal {path} is damaged ({fault}): {todo}; {_RESTORE}, or move it away to begin anew {_WHERE}"
        )


def is_damage(error: BaseException) -> bool:
    """Return whether SQLite says that the file is damaged."""
    return isinstance(error, sqlite3.Error) and (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF in _CODES


@contextmanager
def naming_damage(path: Path) -> Iterator[None]:
    """Turn what SQLite says of damage into a DamagedJournalError ([damage-is-named])."""
    try:
        yield
    except sqlite3.Error as error:
        if is_damage(error) or "no such table" in str(error) or "no such column" in str(error):
            raise DamagedJournalError(path, str(error)) from None
        raise


def refuse_remains(path: Path) -> None:
    """Raise StartError for a journal that is empty, or gone without its WAL ([empty-is-not-new])."""
    wal = path.with_name(f"{path.name}-wal")
    if not path.exists():
        if wal.exists() and wal.stat().st_size > 0:
            raise StartError(
                f"The journal {path} is missing, but {wal.name} is there: put the journal back, {_RESTORE}, or move "
                f"{wal.name} away to begin anew {_WHERE}"
            )
    elif path.is_file() and path.stat().st_size == 0:
        raise StartError(
            f"The journal {path} is empty (0 bytes), so the messages in it are lost: {_RESTORE}, or remove the file to "
            f"begin anew {_WHERE}"
        )
