"""Returns freed pages of the journal to the file system.

Invariants:

- [bounded-slice] A slice moves few pages: the number is adapted so that one takes about SLICE_SECONDS. A commit that
  arrives meanwhile waits for one slice at most.
- [one-layout] A journal has SQLite's ``auto_vacuum=INCREMENTAL``, which stores a pointer to each page's parent.
  Journals of older versions lack it: :func:`convert` rewrites them once, before the server listens, if the disk has
  room.
- [sole-user] A conversion replaces the file only while no other connection is open. The content of the old file is
  overwritten, as ``secure_delete`` does with deleted content.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from chatctl.journal.store.data_folder import free_bytes, make_file, sync
from chatctl.journal.store.schema import check, open_reading

if TYPE_CHECKING:
    from chatctl.journal.sqlite_store import SqliteStore

SLICE_SECONDS = 0.005
FIRST_PAGES = 32
MIN_PAGES = 4
MAX_PAGES = 512
MIN_KEPT_PAGES = 16
MAX_KEPT_PAGES = 256
"""Bounds of the free pages left in a file, else a quarter of its used ones: the next messages go there, so that a file
does not shrink and grow all day."""
SPARE_BYTES = 16 * 1024 * 1024
"""Bytes that must be free beside the copy that a conversion writes."""
_INCREMENTAL = 2
_ZEROS = bytes(1024 * 1024)


def is_incremental(connection: sqlite3.Connection) -> bool:
    """Return whether freed pages of this journal can be returned in slices."""
    return bool(connection.execute("PRAGMA auto_vacuum").fetchone()[0] == _INCREMENTAL)


def free_pages(connection: sqlite3.Connection) -> int:
    """Return the number of pages that hold nothing."""
    return int(connection.execute("PRAGMA freelist_count").fetchone()[0])


def kept_pages(connection: sqlite3.Connection) -> int:
    """Return how many free pages are worth keeping."""
    used = int(connection.execute("PRAGMA page_count").fetchone()[0]) - free_pages(connection)
    return min(MAX_KEPT_PAGES, max(MIN_KEPT_PAGES, used // 4))


def is_worth_it(connection: sqlite3.Connection) -> bool:
    """Return whether there are enough free pages to return some."""
    return free_pages(connection) >= 2 * kept_pages(connection)


def shrink(store: SqliteStore, kept: int | None = None) -> Iterator[None]:
    """Return all but `kept` free pages (:func:`kept_pages` by default) to the file system, one slice at each step.

    The file becomes shorter when a checkpoint copies the slices. Do nothing for a journal without the layout.
    """
    if not is_incremental(store.connection):
        return
    kept = kept_pages(store.connection) if kept is None else kept
    pages = FIRST_PAGES
    while (left := free_pages(store.connection) - kept) > 0:
        began = time.monotonic()
        # `execute` would run the first step of this pragma alone, which moves one page.
        store.connection.executescript(f"PRAGMA incremental_vacuum({min(pages, left)})")
        took = time.monotonic() - began
        store.wal_frames += 2 * min(pages, left) + 1
        if took > 2 * SLICE_SECONDS:
            pages = max(MIN_PAGES, pages // 2)
        elif took < SLICE_SECONDS / 2:
            pages = min(MAX_PAGES, pages * 2)
        yield


def convert(path: Path, note: Callable[[str, dict[str, object]], None] = lambda event, fields: None) -> None:
    """Rewrite the journal of an older version so that :func:`shrink` works ([one-layout]); the caller holds the lock.

    Do nothing if that is not needed or not possible now: the next start tries again. `note` gets what happens, for the
    log: an event and its fields.

    Raises:
        StartError: The file is not a journal of this program.
    """
    if not path.exists():
        return
    part = path.with_name(f"{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        check(path)
        size = _size_to_convert(path)
        if not size:
            return
        if free_bytes(path.parent) < size + SPARE_BYTES:
            note("journal not converted", {"reason": "too little free space", "bytes_needed": size + SPARE_BYTES})
            return
        note("converting the journal, once", {"bytes": size})
        _rewrite(path, part)
        note("journal converted", {"bytes": path.stat().st_size})
    except (sqlite3.Error, OSError) as error:  # opening the journal reports its fault
        note("journal not converted", {"reason": str(error)})
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _size_to_convert(path: Path) -> int:
    """Return the bytes of what the journal holds, or 0 if it has the layout."""
    connection = open_reading(path)
    try:
        if is_incremental(connection):
            return 0
        pages = int(connection.execute("PRAGMA page_count").fetchone()[0]) - free_pages(connection)
        return max(1, pages) * int(connection.execute("PRAGMA page_size").fetchone()[0])
    finally:
        connection.close()


def _rewrite(path: Path, part: Path) -> None:
    make_file(part)
    make_file(path)
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    old = -1
    try:
        # Fails while another process has the journal open, copies the WAL and removes it ([sole-user]).
        if connection.execute("PRAGMA journal_mode = DELETE").fetchone()[0] != "delete":
            raise sqlite3.OperationalError("the journal is open elsewhere")
        connection.execute("PRAGMA locking_mode = EXCLUSIVE").fetchone()
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("VACUUM INTO ?", (str(part),))
        sync(part)
        old = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        os.rename(part, path)
        sync(path.parent)
    finally:
        connection.close()
        if old >= 0:
            _overwrite(old)


def _overwrite(descriptor: int) -> None:
    """Write zeros over a file that has no name any more, and close it."""
    try:
        if os.fstat(descriptor).st_nlink == 0:
            for at in range(0, os.fstat(descriptor).st_size, len(_ZEROS)):
                os.pwrite(descriptor, _ZEROS, at)
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
