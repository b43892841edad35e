"""Preallocates space for the WAL.

A growing file costs more than its bytes: for each commit the file system allocates blocks and stores the new size, and
fdatasync waits for that too: twice the CPU and three times the wait of a commit into allocated blocks. So the WAL is
filled with zeros beyond its end, in slices, while idle.

Invariants:

- [zeros-end-it] SQLite takes a WAL to end at a frame whose salts and checksum do not fit (sqlite.org/fileformat2.html,
  section 4.1); those of zeros never do. Frames are written consecutively, over the zeros.
- [locked] The end is determined and written in one write transaction: no process can append meanwhile.
- [optional] It only serves speed: if disk space is low, or writing fails, it is skipped.
"""

from __future__ import annotations

import os
from collections.abc import Generator

from chatctl.journal.store.data_folder import free_bytes
from chatctl.journal.store.write_access import WriteAccess

ROOM = 4 * 1024 * 1024
"""Bytes; about what there is when the WAL is copied and begins anew."""
SLICE = 512 * 1024
ENOUGH = 64 * 1024 * 1024
"""Bytes that must be free on the disk."""


def reserve(store: WriteAccess) -> Generator[None, None, None]:
    """Fill up the WAL, a slice a step."""
    wal = store.path.with_name(store.path.name + "-wal")
    try:
        while free_bytes(store.path.parent) >= ENOUGH and _fill(store, wal):
            yield
    except OSError:  # [optional]
        return


def _fill(store: WriteAccess, wal: os.PathLike[str]) -> bool:
    """Write the next slice; False where there is nothing to do."""
    file = os.open(wal, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        store.connection.execute("BEGIN IMMEDIATE")
        try:
            end = os.fstat(file).st_size
            zeros = bytes(max(0, min(SLICE, ROOM - end)))
            written = os.pwrite(file, zeros, end)
        finally:
            store.connection.execute("ROLLBACK")
        os.fsync(file)
    finally:
        os.close(file)
    return 0 < written == SLICE
