"""A copy of everything in a data folder, while the server runs or not.

Invariants:

- [one-moment] The journal in a backup is one moment of it: all commits up to it, none after (SQLite's ``VACUUM INTO``
  reads in one transaction).
- [whole-or-absent] A backup is made with mode 0600 under another name, reaches the disk, and then gets its name. A file
  that is there is not overwritten.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from chatctl.errors import ChatctlError, ConfigError
from chatctl.journal.exchange.archive import FORMAT, PARTS, VERSION, Manifest, described, write_archive
from chatctl.journal.sqlite_store import last_point
from chatctl.journal.store.damage import DamagedJournalError, is_damage
from chatctl.journal.store.data_folder import JOURNAL, journal_file, sync
from chatctl.journal.store.schema import check, open_reading
from chatctl.version import __version__


def backup(folder: Path, destination: Path) -> Manifest:
    """Write a backup of a data folder to a new file. Takes any number of seconds.

    Raises:
        ConfigError: `destination` exists.
        DamagedJournalError: The journal cannot be read.
        ChatctlError: The copy cannot be written; then no file is left.
    """
    with _new_file(destination) as part:
        copy = part.with_name(f"{part.name}.journal")
        try:
            _make_new(copy)
            copy_journal(journal_file(folder), copy)
            manifest, contents = _collect(folder, copy)
            with part.open("r+b") as file:
                write_archive(file, manifest, contents)
        finally:
            with suppress(FileNotFoundError):
                copy.unlink()
    return manifest


def copy_journal(journal: Path, target: Path) -> None:
    """Copy one moment of a journal into an empty file. OSError, sqlite3.Error, DamagedJournalError."""
    try:
        connection = open_reading(journal)
        try:
            connection.execute("PRAGMA query_only = OFF")  # it counts VACUUM INTO as writing; mode=ro still holds
            connection.execute("VACUUM INTO ?", (str(target),))
        finally:
            connection.close()
    except sqlite3.Error as error:
        if is_damage(error):
            raise DamagedJournalError(journal, str(error)) from None
        raise
    target.chmod(0o600)


def _collect(folder: Path, copy: Path) -> tuple[Manifest, dict[str, Path | bytes]]:
    contents: dict[str, Path | bytes] = {JOURNAL: copy}
    for name, most in PARTS.items():
        if name != JOURNAL and (folder / name).is_file():
            content = (folder / name).read_bytes()
            if len(content) > most:
                raise ChatctlError(f"{folder / name} is too large for what it should be ({len(content)} bytes)")
            contents[name] = content
    check(copy)
    with closing(open_reading(copy)) as connection:
        seq, latest = last_point(connection)
    entries = tuple(described(name, content) for name, content in contents.items())
    now = time.time_ns() // 1_000_000
    return Manifest(FORMAT, VERSION, now, __version__, seq, latest, entries), contents


@contextmanager
def _new_file(destination: Path) -> Iterator[Path]:
    """Make an empty file beside `destination`, which is renamed to it at the end ([whole-or-absent])."""
    part = destination.with_name(f".{destination.name}.{os.getpid()}.part")
    if os.path.lexists(destination):
        raise ConfigError(f"{destination} exists already; give the backup another name")
    try:
        _make_new(part)
        try:
            yield part
            sync(part)
            os.rename(part, destination)
            sync(destination.parent)
        finally:
            with suppress(FileNotFoundError):
                part.unlink()
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise ChatctlError(f"The backup {destination} cannot be written ({why})") from None
    except sqlite3.Error as error:
        raise ChatctlError(f"The journal cannot be copied to {destination}: {error}") from None


def _make_new(path: Path) -> None:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
