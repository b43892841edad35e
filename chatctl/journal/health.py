"""Whether the journal can be written at the moment, and when to try again.

Invariants:

- [refuse-while-failing] While `reason` says why, nothing is written but probes: once in PROBE_EVERY_SECONDS seconds,
  and when the owner asks.
- [settle-or-stop] If the outcome of a commit is unknown, the journal is opened again and looks. If it cannot, or its
  files are not where they were, the outcome stays unknown.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from chatctl.chat.ports import LogPort
from chatctl.errors import ChatctlError
from chatctl.journal.sqlite_store import NotStored, SqliteStore, StoreBatch
from chatctl.journal.store.folder_watch import IDLE_SECONDS, FileWatch

PROBE_EVERY_SECONDS = 1.0  # seconds
SETTLE_TRIES = 3
SETTLE_PAUSE = 0.3  # seconds between two tries


def unchangeable(reason: str) -> ChatctlError:
    """Return the error for a command that would write now."""
    return ChatctlError(f"The history could not be changed: {reason}")


class JournalHealth:
    """The state of an open store. Owned by the thread that owns the store, but for reading `reason`."""

    def __init__(self, store: SqliteStore, path: Path, log: LogPort) -> None:
        self.reason = ""
        """Why nothing is written; ``""`` if all is well."""
        self.lost = ""
        """The same, if the reason is that files are missing."""
        self.on_lost: Callable[[ChatctlError], None] = _nothing
        """Called with the error for waiting requests when files are found missing."""
        self._store = store
        self._log = log
        self._watch = FileWatch(path)
        self._watch.remember()
        self._probe_at = 0.0

    def wait_seconds(self, due: float) -> float:
        """Return how long the thread may sleep if its next chore is due in `due` seconds."""
        longest = IDLE_SECONDS if self.lost else min(IDLE_SECONDS, due)
        return min(longest, max(0.0, self._probe_at - time.monotonic())) if self.reason else longest

    def fail(self, reason: str) -> None:
        """Refuse new facts, for `reason`."""
        self.reason = reason
        self._probe_at = time.monotonic() + PROBE_EVERY_SECONDS

    def before_commit(self) -> None:
        """Look at the files if a look is due."""
        if not self.reason and self._watch.due():
            self.look()

    def when_idle(self, *, may_probe: bool) -> None:
        """Look at the files, or probe, if that is due."""
        if not self.reason:
            self.before_commit()
        elif time.monotonic() >= self._probe_at:
            self.probe(may_probe=may_probe)

    def look(self) -> None:
        """Look whether the files are where they were opened."""
        if reason := self._watch.look():
            self._lose(reason)

    def _lose(self, reason: str) -> None:
        if reason != self.lost:
            self._log.error("journal files lost", reason=reason)
            with suppress(sqlite3.Error, OSError):  # if only the WAL is gone, all of it is in the journal then
                self._store.checkpoint(patient=False)
            self.on_lost(unchangeable(reason))
        self.lost = reason
        self.fail(reason)

    def probe(self, *, may_probe: bool) -> None:
        """Look whether the journal works again. `may_probe`: a probe may write."""
        if not self.reason:
            return
        self._probe_at = time.monotonic() + PROBE_EVERY_SECONDS
        if reason := self._watch.look():
            self._lose(reason)
            return
        self.lost = ""
        if not may_probe:
            return
        try:
            self._store.probe()
        except NotStored as error:
            self.fail(error.reason)
        else:
            self.reason = ""
            self._log.info("journal works again")

    def settle(self, batch: StoreBatch) -> bool | None:
        """Return whether a batch of unknown outcome was kept; None if that stays unknown ([settle-or-stop])."""
        for attempt in range(SETTLE_TRIES):
            if attempt:
                time.sleep(SETTLE_PAUSE)
            if self._store.is_open and (reason := self._watch.look()):
                self._log.error("journal not readable", error="FileWatch", reason=reason)
                return None
            try:
                self._store.close()
                self._store.open()
                self._watch.remember()
                return self._store.settle(batch)
            except (sqlite3.Error, OSError, ChatctlError, NotStored) as error:
                self._log.error("journal not readable", error=type(error).__name__, reason=str(error))
        return None

    def close(self, before: Callable[[], None]) -> None:
        """Close the store and leave one file behind, if it can be opened again under its name. `before`: what else
        must have let go of it."""
        if not self._store.is_open:  # it could not be opened again, which has been said
            return
        if reason := self._watch.look():
            self._log.error("journal files lost", reason=reason)
            self._store.close()  # SQLite leaves a WAL that belongs to another file alone
            return
        try:
            before()
            self._store.checkpoint(whole=True, patient=False)
        except (sqlite3.Error, OSError) as error:  # what committed is safe in the WAL
            self._log.warning("last checkpoint failed", error=type(error).__name__, reason=str(error))
        self._store.close()


def _nothing(error: ChatctlError) -> None:
    """Do nothing."""
