"""Noticing that the journal's files are no longer where they were opened.

A file that is removed or moved stays open: SQLite goes on writing to it, reports success, and nothing of that is there
after a restart. So the writer looks at the names themselves.

Invariants:

- [look-before-commit] The names are looked at before a commit, at most once in LOOK_SECONDS, and every IDLE_SECONDS
  while nothing is written. A message that is refused for this reason was never written anywhere.
- [never-recreate] While a file is missing nothing is created in its place: the journal is not opened again.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from chatctl.journal.store.data_folder import LOCK

LOOK_SECONDS = 0.05
"""A look takes some microseconds, and beside a busy loop several waits for the interpreter's lock."""
IDLE_SECONDS = 1.0

_Identity = tuple[int, int]


class FileWatch:
    """The identities of a journal's files and its folder. Owned by the thread that owns the store."""

    def __init__(self, journal: Path) -> None:
        self._folder = journal.parent
        self._paths = (journal.parent, journal, journal.with_name(f"{journal.name}-wal"), journal.parent / LOCK)
        self._known: dict[Path, _Identity] = {}
        self._next_look = 0.0

    def remember(self) -> None:
        """Take the files as they are now for the right ones; a file that is missing now is not watched."""
        self._known = {path: found for path in self._paths if isinstance(found := _identity(path), tuple)}
        self._next_look = time.monotonic() + LOOK_SECONDS

    def due(self) -> bool:
        """Return whether a look is due before a commit ([look-before-commit])."""
        return time.monotonic() >= self._next_look

    def look(self) -> str:
        """Return the fault of the files, and what to do; ``""`` if they are unchanged."""
        self._next_look = time.monotonic() + LOOK_SECONDS
        for path, known in self._known.items():
            found = _identity(path)
            if found == known:
                continue
            what = f"the data folder {path}" if path == self._folder else str(path)
            if isinstance(found, str):
                return f"{what} cannot be read ({found}): make it readable again"
            happened = "was removed or moved" if found is None else "was replaced"
            return f"{what} {happened} while the server runs: put it back, or restart the server"
        return ""


def _identity(path: Path) -> _Identity | str | None:
    """Return the file's device and number, None if it is missing, or why it cannot be looked at."""
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return (error.strerror or type(error).__name__).lower()
    return found.st_dev, found.st_ino
