"""The WAL is filled up ahead (chatctl/journal/store/wal_prealloc.py), and nothing that is kept minds."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatctl.journal.sqlite_store import SqliteStore, StoreBatch
from chatctl.journal.store import wal_prealloc
from chatctl.journal.store.wal_prealloc import ROOM
from tests.journal.journals import fact, opened


def _wal(store: SqliteStore) -> Path:
    return store.path.with_name(store.path.name + "-wal")


def _keep(store: SqliteStore, seq: int) -> None:
    store.commit(StoreBatch([fact(seq)], first=seq, last=seq))


def _after_a_crash(store: SqliteStore) -> list[int]:
    """The seqs that a copy of the files holds, as they lie there."""
    with opened() as other:
        path = other.path
        other.close()
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{store.path}{suffix}", f"{path}{suffix}")
        other.open()
        assert other.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [id >> 20 for (id,) in other.connection.execute("SELECT id FROM facts ORDER BY id")]


@pytest.mark.e2e
@settings(max_examples=25, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_commits_between_preallocation_slices_are_stored(steps: list[bool]) -> None:
    """True: a slice is written; False: a fact is kept."""
    with opened() as store:
        filling = wal_prealloc.reserve(store)
        seq = 0
        for slice in steps:
            if slice:
                next(filling, None)
            else:
                seq += 1
                _keep(store, seq)
        assert _after_a_crash(store) == list(range(1, seq + 1))
        for _ in filling:
            pass
        assert _wal(store).stat().st_size >= ROOM
        assert _after_a_crash(store) == list(range(1, seq + 1))


def test_commit_into_preallocated_space_does_not_grow_the_file() -> None:
    with opened() as store:
        for _ in wal_prealloc.reserve(store):
            pass
        size = _wal(store).stat().st_size
        for seq in range(1, 51):
            _keep(store, seq)
        assert _wal(store).stat().st_size == size == ROOM
        assert _after_a_crash(store) == list(range(1, 51))


def test_nothing_is_preallocated_on_a_nearly_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wal_prealloc, "ENOUGH", 1 << 60)
    with opened() as store:
        size = _wal(store).stat().st_size
        assert not list(wal_prealloc.reserve(store))
        assert _wal(store).stat().st_size == size


def test_failing_disk_ends_the_preallocation(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with opened() as store:
        monkeypatch.setattr(os, "pwrite", full)
        assert not list(wal_prealloc.reserve(store))
        _keep(store, 1)
        assert _after_a_crash(store) == [1]
