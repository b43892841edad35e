"""The simulation of a small disk finds no fault, and finds those that are built in (disk_space.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from chatctl.journal.maintenance import compaction, disk_relief
from chatctl.journal.maintenance.chores import Chores
from chatctl.journal.store.spare_file import SpareFile
from tests.simulation.disk_space import DISK_KIB, run
from tests.small_disk import small_disk

pytestmark = pytest.mark.e2e

SEEDS = range(1, 26)
ENOUGH = range(1, 41)
"""Seeds among which every fault that is built in is found."""


def _run_all(seeds: Iterable[int], folder: Path) -> None:
    with small_disk(folder / "disk", DISK_KIB) as disk:
        for seed in seeds:
            run(seed, disk)


def test_small_disk_keeps_what_was_stored_and_makes_room_when_pruned(tmp_path: Path) -> None:
    _run_all(SEEDS, tmp_path)


def _pages_are_not_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "shrink", lambda store, kept=None: iter(()))
    monkeypatch.setattr(disk_relief, "shrink", lambda store, kept=None: iter(()))


def _spare_file_is_not_released(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SpareFile, "release", lambda self: False)


def _spare_file_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    make = Chores._make_spare

    def once(self: Chores) -> None:
        make(self)
        monkeypatch.setattr(Chores, "_make_spare", lambda self: setattr(self, "_spare_at", float("inf")))

    monkeypatch.setattr(Chores, "_make_spare", once)


def _prunes_wait_for_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command hangs while chores fail."""
    work = Chores.slice

    def last(self: Chores, *, waiting: bool) -> None:
        if self._plan()[0] > 0 and not waiting:
            work(self, waiting=waiting)

    monkeypatch.setattr(Chores, "slice", last)


@pytest.mark.parametrize(
    "build_in",
    [_pages_are_not_returned, _spare_file_is_not_released, _spare_file_is_made_once, _prunes_wait_for_quiet],
    ids=lambda build_in: build_in.__name__.strip("_"),
)
def test_built_in_fault_is_found(
    build_in: Callable[[pytest.MonkeyPatch], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_in(monkeypatch)
    with pytest.raises(AssertionError):
        _run_all(ENOUGH, tmp_path)
