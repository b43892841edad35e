"""A copy of the journal while it is written to.

The rules of this file:

1. A backup is one moment of the journal: all commits up to it, none after (SQLite's ``VACUUM INTO`` reads in one
   transaction). It is a journal by itself: a data folder with it as ``journal.db`` has that history.
2. It is made with mode 0600 under another name, reaches the disk, and then gets its name: what is there is whole.
3. A file that is there is not overwritten.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from chatctl.errors import ChatctlError, ConfigError
from chatctl.journal.damage import DamagedJournalError, is_damage
from chatctl.journal.folder import sync
from chatctl.journal.schema import open_reading


def backup(journal: Path, destination: Path) -> None:
    """Copy the journal at `journal` to a new file. ChatctlError where that cannot be done; then there is no file.

    Any number of seconds; for a thread that may wait (:meth:`SqliteJournal.read`).
    """
    part = destination.with_name(f".{destination.name}.{os.getpid()}.part")
    if os.path.lexists(destination):
        raise ConfigError(f"{destination} is there already; give the backup another name.")
    try:
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        try:
            _copy(journal, part)
            sync(part)
            os.rename(part, destination)
            sync(destination.parent)
        finally:
            with suppress(FileNotFoundError):
                part.unlink()
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise ChatctlError(f"The backup {destination} cannot be written ({why}).") from None
    except sqlite3.Error as error:
        if is_damage(error):
            raise DamagedJournalError(journal, str(error)) from None
        raise ChatctlError(f"The journal cannot be copied to {destination}: {error}.") from None


def _copy(journal: Path, part: Path) -> None:
    connection = open_reading(journal)
    try:
        connection.execute("PRAGMA query_only = OFF")  # it counts VACUUM INTO as writing; mode=ro still holds
        connection.execute("VACUUM INTO ?", (str(part),))
    finally:
        connection.close()
