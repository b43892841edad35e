"""The part of the store that indexes and deletions write through."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Protocol

from chatctl.journal.store.rows import HeadNumbers


class WriteAccess(Protocol):
    """The writing connection, with its numbers of heads and the pages it has added to the WAL."""

    path: Path
    dictionary: HeadNumbers
    wal_frames: int

    @property
    def connection(self) -> sqlite3.Connection:
        """The writing connection, while it is open."""
