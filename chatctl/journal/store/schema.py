"""The journal's tables, their versions, and its connections.

Invariants:

- [versioned] A journal identifies itself (``application_id``) and the version of its tables (``user_version``). Version
  n is the result of the first n functions of MIGRATIONS on an empty file; each runs in its own transaction.
- [refused-untouched] A file of a newer version, or one that is not a journal, is refused before a byte of it changes.
- [one-writer] One connection writes and checkpoints (:func:`open_writing`): SQLite 3.7.0 to 3.51.2 can corrupt a WAL
  that two connections checkpoint (sqlite.org/wal.html, "The WAL-reset bug"). All others are read-only, and never
  checkpoint.
- [durable-commit] A commit is on the disk when it returns: ``synchronous=FULL``, and ``fullfsync`` if a plain fsync
  only reaches the drive's cache (macOS).
- [secure-delete] Deleted content is overwritten (``secure_delete``).

The tables:

- ``facts``: the id is ``seq << 20 | part``, so rows are in order, and facts are appended at the end. `lane` is twice
  the place's number, plus 1 for facts other than messages: so neither hides the other in the index, and the latest 50
  messages of a room with a million joins are as near as those of any. `origin` is the message id if it cannot be
  derived from boot and id: imported facts. No random id is in an index: that costs more than the rest of a row.
- ``lanes`` and ``slices``: the index by place, see place_index.py.
- ``heads``: the common part of one sender's facts; `boot` is the first part of their message ids, `target` NULL if the
  place shows it. A head may occur twice; it is never looked up by its content.
- ``places``: `shown` is the target of the first fact there. ``pairs`` has the identities that share a private one.
- ``rooms``: a RoomRecord as JSON. ``marks``: `seq` and `time` that must not be used again though their facts are
  pruned.
- ``records``: accounts, invitations, read markers, visits and the like as JSON (:mod:`chatctl.chat.model.accounts`).
- ``volumes``: see text_index.py.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import msgspec

from chatctl.errors import StartError
from chatctl.journal.store.account_id_migration import add_account_ids
from chatctl.journal.store.damage import DamagedJournalError, naming_damage, refuse_remains
from chatctl.journal.store.data_folder import make_file, sync

APPLICATION_ID = int.from_bytes(b"chtl", "big")
BUSY_SECONDS = 5.0  # an administrator may read the journal with another tool: wait that long for it
CACHE_KIB = 16 * 1024
WAL_KEPT = 16 * 1024 * 1024  # bytes: a WAL that a burst made larger is cut down to that when it starts over

_VERSION_1 = """
CREATE TABLE facts (
    id INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    lane INTEGER NOT NULL,
    head INTEGER NOT NULL,
    text TEXT NOT NULL,
    tags TEXT,
    origin TEXT
);
CREATE INDEX facts_lane ON facts (lane, id);
CREATE UNIQUE INDEX facts_origin ON facts (origin) WHERE origin IS NOT NULL;
CREATE TABLE heads (
    id INTEGER PRIMARY KEY,
    boot TEXT NOT NULL,
    kind TEXT NOT NULL,
    target TEXT,
    source TEXT NOT NULL,
    account TEXT NOT NULL
);
CREATE TABLE places (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, shown TEXT NOT NULL);
CREATE TABLE pairs (identity TEXT NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (identity, place)) WITHOUT ROWID;
CREATE TABLE rooms (key TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO marks VALUES ('seq', 0), ('time', 0), ('seal', 0);
CREATE TABLE volumes (
    number INTEGER PRIMARY KEY,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    until INTEGER,
    docs INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL,
    stale INTEGER NOT NULL DEFAULT 0
);
"""


def _first(connection: sqlite3.Connection) -> None:
    for statement in _VERSION_1.split(";"):
        if statement.strip():
            connection.execute(statement)


def _second(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE records (kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, key))"
        " WITHOUT ROWID"
    )


def _third(connection: sqlite3.Connection) -> None:
    """The index by place follows behind the facts (place_index.py) instead of being written with them."""
    connection.execute("CREATE TABLE slices (last INTEGER PRIMARY KEY, number INTEGER NOT NULL)")
    connection.execute(
        "CREATE TABLE lanes (slice INTEGER NOT NULL, lane INTEGER NOT NULL, id INTEGER NOT NULL,"
        " PRIMARY KEY (slice, lane, id)) WITHOUT ROWID"
    )
    connection.execute("INSERT INTO lanes SELECT 1, lane, id FROM facts INDEXED BY facts_lane ORDER BY lane, id")
    connection.execute("INSERT INTO slices SELECT id, 1 FROM facts ORDER BY id DESC LIMIT 1")
    connection.execute("DROP INDEX facts_lane")


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (_first, _second, _third, add_account_ids)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run a transaction: all of it or nothing. After an error while committing it is unknown which, as in SQLite."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # the first error is the one to tell
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        raise


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Return a context in which all reads see one snapshot."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


def open_reading(path: Path, how: str = "mode=ro") -> sqlite3.Connection:
    """Return a connection that cannot change anything, for one thread at a time. Raises sqlite3.Error.

    If no other process has the journal open, SQLite leaves an empty WAL; the next writer removes it.
    """
    uri = f"file:{quote(str(path))}?{how}"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def open_quietly(path: Path, *, may_change: bool = False) -> sqlite3.Connection:
    """Open for reading; make no empty files beside it if that can be helped. `may_change`: a server writes to it."""
    wal = path.with_name(f"{path.name}-wal")
    alone = not may_change and (not wal.exists() or wal.stat().st_size == 0)
    return open_reading(path, "immutable=1" if alone else "mode=ro")


def open_writing(path: Path) -> sqlite3.Connection:
    """Return the writing connection ([one-writer]), with up-to-date tables. Raises StartError for an unusable file.

    The caller holds the folder's lock.
    """
    try:
        refuse_remains(path)
        if not path.exists():
            _create(path)
        make_file(path)
        with naming_damage(path):
            check(path)
            connection = _open_and_migrate(path)
        sync(path.parent)  # the new file's name must be as durable as its content
    except sqlite3.Error as error:
        raise StartError(f"The journal {path} cannot be opened: {error}. CHATCTL_DATA_DIR names its folder.") from None
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise StartError(f"The journal {path} cannot be written ({why}). CHATCTL_DATA_DIR names its folder.") from None
    return connection


def _open_and_migrate(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _set_up(connection, path)
        try:
            migrate(connection)
        except (msgspec.MsgspecError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise DamagedJournalError(path, f"its records cannot be read: {error}") from None
    except BaseException:
        connection.close()
        raise
    return connection


def _create(path: Path) -> None:
    """Make a journal that gets its name when it is whole (damage.py, [empty-is-not-new])."""
    part = path.with_name(f"{path.name}.new")
    for left in (part, part.with_name(f"{part.name}-wal"), part.with_name(f"{part.name}-shm")):
        left.unlink(missing_ok=True)
    make_file(part)
    try:
        _open_and_migrate(part).close()  # the last connection copies the WAL into the file
        sync(part)
        part.rename(path)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def check(path: Path) -> bool:
    """Refuse a file that is not a journal, or newer than this program ([refused-untouched]): StartError. Return whether
    it is of this program's version; :func:`open_writing` migrates an older one."""
    refuse_remains(path)
    try:
        connection = open_quietly(path)
        try:
            mark = connection.execute("PRAGMA application_id").fetchone()[0]
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_NOTADB:  # which says nothing about what it is
            raise
        raise StartError(
            f"{path} is not a chatctl journal, or its beginning is damaged: restore the latest backup with "
            f"`chatctl restore FILE`, move it away, or set CHATCTL_DATA_DIR."
        ) from None
    if mark != APPLICATION_ID and (mark or version or tables):
        raise StartError(f"{path} is not a chatctl journal; move it away, or set CHATCTL_DATA_DIR.")
    if version > len(MIGRATIONS):
        raise StartError(
            f"The journal {path} was written by a newer chatctl (version {version}, this one knows {len(MIGRATIONS)}): "
            f"install that one, or set CHATCTL_DATA_DIR to another folder."
        )
    return bool(version == len(MIGRATIONS))


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    try:
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("SELECT json_group_array(json_extract('[1]', '$[0]')), iif(1, 1, 1)").fetchall()
        connection.execute("CREATE VIRTUAL TABLE temp.probe USING fts5(x)")
        connection.execute("DROP TABLE temp.probe")
    except sqlite3.OperationalError as error:
        raise StartError(
            f"The SQLite of this Python ({sqlite3.sqlite_version}) lacks what the history needs ({error}): use another "
            f"Python, or start with --no-history. (The journal would be {path}; see CHATCTL_DATA_DIR.)"
        ) from None
    connection.execute("PRAGMA secure_delete = ON").fetchall()
    if not connection.execute("PRAGMA page_count").fetchone()[0]:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # compaction.py converts older journals
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StartError(
            f"The file system of {path} cannot hold the journal (SQLite's WAL needs shared memory); set "
            f"CHATCTL_DATA_DIR to a folder on a local disk, or start with --no-history."
        )
    for pragma in (
        "synchronous = FULL",
        "fullfsync = ON",
        "checkpoint_fullfsync = ON",
        "wal_autocheckpoint = 0",
        f"journal_size_limit = {WAL_KEPT}",
        f"cache_size = -{CACHE_KIB}",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()


def migrate(
    connection: sqlite3.Connection, migrations: tuple[Callable[[sqlite3.Connection], None], ...] = MIGRATIONS
) -> None:
    """Migrate the tables, one version after the other ([versioned])."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    for number, step in enumerate(migrations[version:], version + 1):
        with transaction(connection):
            step(connection)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {number}")
