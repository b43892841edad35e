"""Whether a journal is sound: a quick look at each start, and all of it for `chatctl check`.

Invariants:

- [bounded-start] The quick check takes at most QUICK_SECONDS, whatever the size. It begins with the small tables that a
  start cannot do without.
- [read-only] A check changes nothing, and runs beside a server.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from chatctl.errors import StartError
from chatctl.journal.index.fact_stream import facts
from chatctl.journal.maintenance import retention
from chatctl.journal.sqlite_store import read_records, read_rooms
from chatctl.journal.store.damage import DamagedJournalError, is_damage, naming_damage, refuse_remains
from chatctl.journal.store.schema import check, open_reading, snapshot

QUICK_SECONDS = 2.0
MAX_FAULTS = 20
_FIRST_TABLES = ("marks", "rooms", "records", "places", "heads")


@dataclass(slots=True)
class CheckReport:
    """The result of a full check. Counts are 0 for unreadable parts."""

    faults: list[str]
    messages: int = 0
    events: int = 0
    rooms: int = 0
    records: int = 0


def quick_check(path: Path, seconds: float = QUICK_SECONDS) -> bool:
    """Look for damage; return whether all of the file could be looked at in that time. A missing file is sound.

    Raises:
        DamagedJournalError: There is some.
        StartError: The file is not a journal of this program, or empty.
    """
    if not path.exists():
        return True
    try:
        with naming_damage(path):
            return _is_sound(path, seconds)
    except sqlite3.OperationalError:  # time is over; or it cannot be read now (full disk), which opening it will say
        return False


def _is_sound(path: Path, seconds: float) -> bool:
    check(path)
    with closing(open_reading(path)) as connection:
        timer = threading.Timer(seconds, connection.interrupt)
        timer.daemon = True
        timer.start()
        try:
            found = _structure(connection, quick=True)
        finally:
            timer.cancel()
    if found:
        raise DamagedJournalError(path, found[0])
    return True


def fault(path: Path) -> str:
    """Return the fault of a journal that no server uses, as a sentence; ``""`` if none is known."""
    try:
        refuse_remains(path)
        quick_check(path)
    except StartError as error:
        return str(error)
    except (sqlite3.Error, OSError):
        return ""
    return ""


def full_check(path: Path, *, structure: bool = True) -> CheckReport:
    """Check a whole journal; without `structure` only its content.

    Raises:
        StartError: The file is not a journal of this program, empty, or written by a newer version.
        sqlite3.Error: It cannot be opened now.
    """
    report = CheckReport(faults(path) if structure else [])
    with naming_damage(path):
        if not check(path):  # an older version's tables
            return report
    for look in (_count, _look_at_rooms, _look_at_records, _look_at_facts):
        try:
            with closing(open_reading(path)) as connection, snapshot(connection):
                look(connection, report)
        except (sqlite3.Error, msgspec.MsgspecError, ValueError, KeyError) as error:
            if not report.faults or not is_damage(error):  # else that has been said
                report.faults.append(str(error) or type(error).__name__)
    return report


def faults(path: Path) -> list[str]:
    """Return the faults of a file: those of SQLite's ``integrity_check``, and unexpected objects."""
    try:
        with closing(open_reading(path)) as connection:
            found = _structure(connection, quick=False)
            odd = connection.execute(
                "SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'view')"
            ).fetchall()
    except sqlite3.Error as error:
        return [str(error)]
    return found + [f"it holds the {kind} {name}, which chatctl did not make" for kind, name in odd]


def _structure(connection: sqlite3.Connection, *, quick: bool) -> list[str]:
    connection.execute(f"PRAGMA cache_size = -{64 * 1024}")
    if not quick:
        return _lines(connection, f"PRAGMA integrity_check({MAX_FAULTS})")
    for table in _FIRST_TABLES:
        if found := _lines(connection, f"PRAGMA quick_check('{table}')"):
            return found
    return _lines(connection, "PRAGMA quick_check(1)")


def _lines(connection: sqlite3.Connection, pragma: str) -> list[str]:
    text = "\n".join(str(line) for (line,) in connection.execute(pragma))
    # SQLite 3.44.0 cannot look at a text index through a connection that may not write.
    return [
        line
        for line in text.splitlines()
        if line != "ok" and not line.startswith("***") and "readonly database" not in line
    ]


def _count(connection: sqlite3.Connection, report: CheckReport) -> None:
    report.messages, report.events = retention.count_all(connection)


def _look_at_rooms(connection: sqlite3.Connection, report: CheckReport) -> None:
    report.rooms = len(read_rooms(connection))


def _look_at_records(connection: sqlite3.Connection, report: CheckReport) -> None:
    report.records = len(read_records(connection))


def _look_at_facts(connection: sqlite3.Connection, report: CheckReport) -> None:
    """Read each fact, with what it refers to."""
    lost = connection.execute(
        "SELECT count(*) FROM facts WHERE head NOT IN (SELECT id FROM heads)"
        " OR lane >> 1 NOT IN (SELECT id FROM places)"
    ).fetchone()[0]
    if lost:
        report.faults.append(f"{lost:,} messages and events refer to something that is missing")
    for _ in facts(connection):
        pass
