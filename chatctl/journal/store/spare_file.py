"""Disk space set aside, so that pruning works on a full disk.

Deleting rows needs space before it gives any back: the deletions are appended to the WAL, and a checkpoint may have to
extend the database file first. Without a spare file the one command that helps against a full disk would fail for lack
of space.

Invariants:

- [spare-for-pruning] Nothing but pruning releases the spare file, and only if the disk has less left than SPARE_BYTES
  or a write has failed for lack of space.
- [spare-is-optional] It is made only if the disk has at least ENOUGH_BYTES left. A failure to make it changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

from chatctl.journal.store.data_folder import SPARE, free_bytes, make_file, sync

SPARE_BYTES = 8 * 1024 * 1024
"""Twice what the WAL holds when it is copied (chores.py, CHECKPOINT_PAGES): one half to copy it, one for the
deletions."""
ENOUGH_BYTES = 64 * 1024 * 1024
_SLICE = bytes(512 * 1024)


class SpareFile:
    """The spare file of a data folder. Owned by the thread that owns the store."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / SPARE
        self.is_there = self._path.exists()

    def make(self) -> Generator[None, None, None]:
        """Write the file if it is missing and the disk has room, one slice at each step."""
        part = self._path.with_suffix(".part")
        try:
            if self.is_there or free_bytes(self._path.parent) < ENOUGH_BYTES:
                return
            part.unlink(missing_ok=True)
            make_file(part)
            descriptor = os.open(part, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                for at in range(0, SPARE_BYTES, len(_SLICE)):
                    os.pwrite(descriptor, _SLICE, at)  # not fallocate: some file systems promise space they lack
                    yield
            finally:
                os.close(descriptor)
            sync(part)
            part.rename(self._path)
            self.is_there = True
        except OSError:  # [spare-is-optional]
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def is_needed(self) -> bool:
        """Return whether the disk has less left than the file would give."""
        try:
            return free_bytes(self._path.parent) < SPARE_BYTES
        except OSError:
            return False

    def release(self) -> bool:
        """Remove the file and return whether that gave any space."""
        released, self.is_there = self.is_there, False
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
        return released
