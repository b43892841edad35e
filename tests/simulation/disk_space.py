"""A journal on a small disk under one seeded scheduler: messages, pruning, restarts, and other programs that take and
give back space.

It is the real store with its real chores, on a file system of a few MiB and with a clock that the scheduler owns. After
every step each stored and unpruned message is there, once and in order. A prune ends within MAX_SLICES steps: with its
count, or with a sentence if the disk is full and there is no spare file. At the end, with almost everything pruned on a
full disk, messages are stored again and the space has returned to the file system.

A failing seed is run again with ``python -m tests.simulation.disk_space SEED FOLDER`` (an empty small file system).
"""

from __future__ import annotations

import itertools
import os
import random
import sqlite3
import sys
from pathlib import Path

import pytest

from chatctl.errors import StartError
from chatctl.journal.maintenance import chores, retention
from chatctl.journal.maintenance.disk_relief import DiskFullError
from chatctl.journal.sqlite_store import NotStored, SqliteStore, StoreBatch
from chatctl.journal.store import rows, spare_file
from chatctl.journal.store.data_folder import SPARE, free_bytes, journal_file
from tests.journal.journals import START, fact
from tests.logs import ListLog

DISK_KIB = 12 * 1024
MAX_SLICES = 5_000
STEPS = 40
KEPT = 20
"""Messages that the last prune leaves."""
MAX_BYTES = 600 * 1024
"""Size of the journal and its WAL when only those are left and the chores have ended."""


class Simulation:
    """One run. `folder` is an empty file system of DISK_KIB."""

    def __init__(self, seed: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.random = random.Random(seed)
        self.folder = folder
        self.now = 1000.0
        self.last = 0
        self.stored: list[int] = []
        monkeypatch.setattr("chatctl.journal.maintenance.chores.time.monotonic", lambda: self.now)
        monkeypatch.setattr(spare_file, "ENOUGH_BYTES", 3 << 20)
        monkeypatch.setattr(spare_file, "SPARE_BYTES", 1 << 20)
        self._open()

    def run(self) -> None:
        """Take STEPS steps, then prune almost everything on the full disk."""
        steps = (
            [self.append] * 8 + [self.idle] * 3 + [self.prune] * 2 + [self.take_space, self.give_space, self.restart]
        )
        self.append()
        self.idle()  # makes the spare file
        for _ in range(STEPS):
            self.random.choice(steps)()
            self.check()
        self.finish()

    def _open(self) -> None:
        store = SqliteStore(journal_file(self.folder))
        try:
            store.open()
        except (StartError, sqlite3.Error, OSError):
            self.give_space()  # a server does not start on a full disk, and says so
            store.open()
        self.store = store
        self.chores = chores.Chores(store, ListLog(), lambda: START, retention.Retention())

    # Steps.

    def append(self) -> None:
        """Store messages; on a full disk none of them."""
        for _ in range(self.random.randint(1, 12)):
            seqs = range(self.last + 1, self.last + self.random.randint(2, 80))
            self.last = seqs[-1]
            batch = StoreBatch([fact(seq, f"word{seq % 97} " + "x" * self.random.randint(0, 400)) for seq in seqs])
            if self._commit(batch):
                self.stored += seqs
                self.chores.appended(len(seqs))
            self.chores.slice(waiting=self.random.random() < 0.5)
            self.now += 0.01

    def _commit(self, batch: StoreBatch) -> bool:
        try:
            self.store.commit(batch)
        except NotStored:
            return False
        except (sqlite3.Error, OSError):  # the outcome is unknown: it is settled when there is space
            self.give_space()
            self.store.open()
            return self.store.settle(batch)
        return True

    def idle(self) -> None:
        """Let the chores work for a while."""
        for _ in range(60):
            self.now += 2.0
            self.chores.slice(waiting=False)

    def prune(self, keep: int | None = None) -> bool:
        """Delete all but `keep` messages, at the most; return whether that was possible."""
        count = self.random.randint(0, len(self.stored)) if keep is None else keep
        kept = self.stored[len(self.stored) - count :]
        before = fact(kept[0]).time if kept else fact(self.last + 1).time
        has_spare, is_full = (self.folder / SPARE).exists(), free_bytes(self.folder) < spare_file.SPARE_BYTES
        done: list[int | Exception] = []
        self.chores.prune(before, done.append)
        for _ in range(MAX_SLICES):
            if done:
                break
            self.now += 0.01
            self.chores.slice(waiting=self.random.random() < 0.3)
        assert done, "the prune never ends"
        (result,) = done
        if isinstance(result, DiskFullError):
            assert is_full, result
            assert not has_spare, result
            held = self._held()
            assert held == self.stored[len(self.stored) - len(held) :]  # what was deleted before it failed
            self.stored = held
            return False
        assert result == len(self.stored) - count
        self.stored = kept
        return True

    def take_space(self) -> None:
        """Another program takes a part of what is left, or all of it."""
        left = free_bytes(self.folder)
        self._take(left if self.random.random() < 0.5 else self.random.randint(0, left))

    def _take(self, size: int) -> None:
        descriptor = os.open(self.folder / "other", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        try:
            for _ in range(-(-size // 4096)):
                os.write(descriptor, bytes(4096))
        except OSError:  # the disk is full, as it should be
            assert free_bytes(self.folder) < 4096
        finally:
            os.close(descriptor)

    def give_space(self) -> None:
        """The other program removes its file."""
        (self.folder / "other").unlink(missing_ok=True)

    def restart(self) -> None:
        """Stop the server without a word, and start it again."""
        self.store.close()
        self._open()

    # What must hold.

    def _held(self) -> list[int]:
        found = self.store.connection.execute("SELECT id FROM facts ORDER BY id").fetchall()
        return [rows.point(id)[0] for (id,) in found]

    def check(self) -> None:
        """The journal holds what was stored and not pruned, once and in order."""
        assert self._held() == self.stored

    def finish(self) -> None:
        """The promises of a full disk."""
        self.give_space()
        self.append()
        self.idle()
        assert (self.folder / SPARE).exists()
        self._take(free_bytes(self.folder))
        assert self.prune(KEPT)
        self.check()
        for _ in range(3):
            self.idle()
        assert self._commit(StoreBatch([fact(self.last + 1)])), "nothing is stored after the prune"
        self.stored.append(self.last + 1)
        for _ in range(10):
            self.idle()
        self.check()
        path = journal_file(self.folder)
        size = sum(each.stat().st_size for each in (path, path.with_name(f"{path.name}-wal")) if each.exists())
        assert size < MAX_BYTES, f"{size} bytes are not returned"
        assert self.store.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        self.store.close()


def run(seed: int, folder: Path) -> None:
    """Run one seed in an empty small file system, and empty it again."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        simulation = Simulation(seed, folder, monkeypatch)
        try:
            simulation.run()
        finally:
            simulation.store.close()
            for each in folder.iterdir():
                each.unlink()


if __name__ == "__main__":
    for number in itertools.islice(itertools.count(int(sys.argv[1])), int(sys.argv[3]) if len(sys.argv) > 3 else 1):
        run(number, Path(sys.argv[2]))
