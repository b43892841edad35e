"""Restores a backup into a data folder.

Invariants:

- [verified-first] The archive is unpacked beside the folder's files, and verified completely before any of them
  changes.
- [nothing-is-lost] The files of the folder are moved aside, never removed. The folder is renamed as a whole, unless it
  holds other files too or cannot be renamed (a mount point): then they go to a folder inside of it, the journal first.
- [new-incarnation] No message id is used twice: ids have the start of the server in them, and the restored journal
  continues with seqs and times above all that the folder or the backup ever used. So the id of a lost message names
  nothing, and lost messages can be imported to their old positions.
- [same-server] Certificate and cloak key come from the backup, or stay those of the folder if the backup has none.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from chatctl.chat.model.accounts import Account, Record, RecordKey, record_key
from chatctl.chat.model.server_bans import Ban
from chatctl.errors import ChatctlError, StartError
from chatctl.journal.exchange.archive import PARTS, Archive, ArchiveError
from chatctl.journal.maintenance import retention
from chatctl.journal.maintenance.integrity_check import faults, full_check
from chatctl.journal.sqlite_store import last_point, read_records
from chatctl.journal.store.damage import DamagedJournalError, refuse_remains
from chatctl.journal.store.data_folder import (
    CLOAK_KEY,
    JOURNAL,
    LOCK,
    OURS,
    free_bytes,
    holder,
    journal_file,
    lock,
    make_file,
    prepare,
    sync,
)
from chatctl.journal.store.schema import check, open_quietly, open_writing, transaction

SEQ_GAP = 1 << 24
"""Seqs that are skipped, for messages after the backup that are not known any more."""
SPARE_BYTES = 16 * 1024 * 1024
"""Bytes that must be free beside the restored files."""
_MAX_NAMES = 10
_MAX_SEQ = 1 << 40
_MAX_TIME = 1 << 53
_STAGED = ".restoring."


@dataclass(frozen=True, slots=True)
class RestoreLosses:
    """What the folder has beyond the backup. `fault`: why that is unknown."""

    messages: int = 0
    events: int = 0
    records: tuple[str, ...] = ()
    """Differences in accounts and bans, in words."""
    fault: str = ""


class Restoration:
    """A restore in progress, as a context manager: entering verifies everything; :meth:`finish` replaces the files.

    Raises:
        StartError: A server runs on the folder, or the folder cannot be used.
        ArchiveError: The file cannot be restored.
        ChatctlError: The disk is full, or cannot be written.
    """

    def __init__(self, file: Path, folder: Path) -> None:
        self._file = file
        self.folder = folder
        self.created: int | None = None
        """When the backup was made; None for a bare journal."""
        self.replaces = False
        """Whether there is something that is moved aside."""
        self.lost = RestoreLosses()
        self.messages = self.events = self.last_time = 0
        self.kept: tuple[str, ...] = ()
        """Files that the backup lacks and that stay those of the folder."""
        self._seq = 0
        self._stack = ExitStack()
        self._staged = Path()

    def __enter__(self) -> Self:
        try:
            self._enter()
        except OSError as error:
            self._stack.close()
            why = (error.strerror or type(error).__name__).lower()
            raise ChatctlError(f"{self.folder} cannot be restored ({why}); nothing was changed") from None
        except BaseException:
            self._stack.close()
            raise
        return self

    def _enter(self) -> None:
        if (held := holder(self.folder)) is not None:
            raise StartError(f"The data folder {self.folder} is in use by {held}: stop it first, then restore")
        archive = self._stack.enter_context(Archive(self._file))
        made = not self.folder.exists()
        self.folder = prepare(self.folder)
        if made:
            self._stack.callback(self._remove_if_empty)
        self._stack.enter_context(lock(self.folder))
        self.replaces = any(name in PARTS for name in os.listdir(self.folder))
        if free_bytes(self.folder) < archive.bytes_needed + SPARE_BYTES:
            needed = (archive.bytes_needed + SPARE_BYTES) >> 20
            raise ChatctlError(f"There is too little room for {self.folder}: free {needed} MB, then restore")
        for left in self.folder.glob(f"{_STAGED}*"):  # by a restore that was killed: we hold the lock
            shutil.rmtree(left, ignore_errors=True)
        self._staged = Path(tempfile.mkdtemp(prefix=_STAGED, dir=self.folder))
        self._stack.callback(shutil.rmtree, self._staged, ignore_errors=True)
        archive.extract(self._staged)
        self.created = archive.manifest.created if archive.manifest is not None else None
        self._check()
        self._compare()
        self._keep_missing()

    def _check(self) -> None:
        """Look at all of the unpacked journal, and bring its tables up to date."""
        path = journal_file(self._staged)
        try:
            check(path)
            found = faults(path)
            if not found:
                open_writing(path).close()
                report = full_check(path, structure=False)
                found, self.messages, self.events = report.faults, report.messages, report.events
                with closing(open_quietly(path)) as connection:
                    self._seq, self.last_time = last_point(connection)
                if not found and not _is_believable(self._seq, self.last_time):
                    found = ["its numbers or times are out of range"]
        except DamagedJournalError as error:
            found = [error.fault]
        except StartError as error:
            fault = str(error).partition(": ")[0].removeprefix("The journal ")
            raise ArchiveError(self._file, fault.replace(str(path), "its journal")) from None
        except sqlite3.Error as error:
            raise ArchiveError(self._file, f"its journal cannot be read ({error})") from None
        if found:
            raise ArchiveError(self._file, f"its journal is damaged ({found[0]})")

    def _compare(self) -> None:
        """Determine what is lost, and continue above all seqs and times ever used ([new-incarnation])."""
        old = journal_file(self.folder)
        seq, latest = self._seq, self.last_time
        if old.exists():
            try:
                refuse_remains(old)
                with closing(open_quietly(old)) as connection:
                    point = last_point(connection)
                    self.lost = _lost(connection, journal_file(self._staged), None if self._is_other() else self._seq)
                if _is_believable(*point):
                    seq, latest = max(seq, point[0]), max(latest, point[1])
            except (sqlite3.Error, ValueError, ChatctlError) as error:
                self.lost = RestoreLosses(fault=str(error))
        connection = open_writing(journal_file(self._staged))
        try:
            with transaction(connection):
                for name, value in (("seq", seq + SEQ_GAP), ("time", latest)):
                    connection.execute("UPDATE marks SET value = max(value, ?) WHERE name = ?", (value, name))
        finally:
            connection.close()

    def _is_other(self) -> bool:
        """Return whether the folder holds another chat than the backup."""
        keys = [folder / CLOAK_KEY for folder in (self.folder, self._staged)]
        return all(key.is_file() for key in keys) and keys[0].read_bytes() != keys[1].read_bytes()

    def _keep_missing(self) -> None:
        """Take from the folder what the backup lacks ([same-server])."""
        kept = []
        for name in PARTS:
            target, source = self._staged / name, self.folder / name
            if name != JOURNAL and not target.exists() and source.is_file():
                make_file(target)
                target.write_bytes(source.read_bytes())
                kept.append(name)
        self.kept = tuple(kept)
        for path in self._staged.iterdir():
            sync(path)
        sync(self._staged)

    def finish(self) -> Path | None:
        """Move the restored files into place; return where the former ones are, None if there were none."""
        aside = None
        try:
            if self.replaces:
                aside = self._unused_name(self.folder.parent, f"{self.folder.name}.before-restore")
                if not self._replace_whole(aside):
                    aside = self._unused_name(self.folder, "before-restore")
                    self._move_aside(aside)
                    self._move_in()
            else:
                self._move_in()
        except OSError as error:
            why = (error.strerror or type(error).__name__).lower()
            there = f"; the former files are in {self.folder} and {aside}" if aside else ""
            raise ChatctlError(f"The restore of {self.folder} broke off ({why}){there}") from None
        return aside

    def _replace_whole(self, aside: Path) -> bool:
        """Rename the folder; False if it holds other files too, or cannot be renamed."""
        others = set(os.listdir(self.folder)) - {*OURS, self._staged.name}
        if others or os.path.ismount(self.folder):
            return False
        try:
            os.rename(self.folder, aside)
        except OSError:
            return False
        try:
            os.rename(aside / self._staged.name, self.folder)
        except OSError:
            os.rename(aside, self.folder)
            return False
        sync(self.folder.parent)
        return True

    def _move_aside(self, aside: Path) -> None:
        aside.mkdir(mode=0o700)
        names = [JOURNAL, *(name for name in OURS if name not in (JOURNAL, LOCK))]
        for name in names:
            if os.path.lexists(self.folder / name):
                os.rename(self.folder / name, aside / name)
        sync(aside)

    def _move_in(self) -> None:
        for path in sorted(self._staged.iterdir(), key=lambda path: path.name == JOURNAL):  # the journal at last
            os.rename(path, self.folder / path.name)
        sync(self.folder)

    @staticmethod
    def _unused_name(parent: Path, name: str) -> Path:
        stamp = time.strftime("%Y%m%d-%H%M%S")
        found = parent / f"{name}-{stamp}"
        number = 1
        while os.path.lexists(found):
            number += 1
            found = parent / f"{name}-{stamp}-{number}"
        return found

    def _remove_if_empty(self) -> None:
        """Leave no folder behind that this restore made and did not fill."""
        if self.folder.exists() and set(os.listdir(self.folder)) <= {LOCK}:
            with suppress(OSError):
                (self.folder / LOCK).unlink(missing_ok=True)
                self.folder.rmdir()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


def _is_believable(seq: int, latest: int) -> bool:
    return 0 <= seq < _MAX_SEQ and 0 <= latest < _MAX_TIME


def _lost(old: sqlite3.Connection, restored: Path, seq: int | None) -> RestoreLosses:
    """Compare a folder's journal with the one that is restored, whose last number is `seq`; None: another chat's."""
    messages, events = retention.count_all(old) if seq is None else retention.count_beyond(old, seq)
    before = {record_key(record): record for record in read_records(old)}
    with closing(open_quietly(restored)) as connection:
        after = {record_key(record): record for record in read_records(connection)}
    return RestoreLosses(messages, events, tuple(_differences(before, after)))


def _differences(before: Mapping[RecordKey, Record], after: Mapping[RecordKey, Record]) -> list[str]:
    said = []
    for kind, what in ((Account, "accounts"), (Ban, "bans")):
        old = {key: record for key, record in before.items() if isinstance(record, kind)}
        new = {key: record for key, record in after.items() if isinstance(record, kind)}
        for how, keys in (
            ("made since, lost now", old.keys() - new.keys()),
            ("removed since, back now", new.keys() - old.keys()),
            ("changed since, as before now", {key for key in old.keys() & new.keys() if old[key] != new[key]}),
        ):
            if keys:
                named = sorted(_name((old | new)[key]) for key in keys)
                more = f" and {len(named) - _MAX_NAMES} more" if len(named) > _MAX_NAMES else ""
                said.append(f"{what} {how}: {', '.join(named[:_MAX_NAMES])}{more}")
    return said


def _name(record: Record) -> str:
    return record.name if isinstance(record, Account) else record.target if isinstance(record, Ban) else record.key
