"""kill -9 in the middle of load: all that was said to be durable is there, in order, with no hole (journal/writer)."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chatctl.chat.entries.facts import Fact
from chatctl.journal import Retention, SqliteJournal, lock
from chatctl.journal.maintenance.integrity_check import faults
from chatctl.journal.store.data_folder import holder, journal_file, prepare
from tests.journal.journals import Owner, fact
from tests.journal.test_writer import kept
from tests.logs import ListLog

pytestmark = pytest.mark.e2e

ROUNDS = 6


def _said(seq: int, part: int) -> Fact:
    return fact(seq, f"word{seq}", part=part, place=f"#room{seq % 7}")


def serve(folder: Path, retention: int) -> None:
    """Append as fast as it goes, and print every seq that is durable: what the world has seen."""
    with lock(prepare(folder)):
        journal = SqliteJournal(journal_file(folder), ListLog(), retention=Retention(messages=retention))
        owner = Owner()
        journal.attach(owner)
        journal.start(owner.call_soon)
        first = journal.last_seq() + 1
        os.write(1, f"start {first}\n".encode())
        for seq in itertools.count(first):
            journal.append([_said(seq, part) for part in range(3)])
            if seq % 5 == 0:
                reached = owner.reached
                owner.until(lambda reached=reached: owner.reached > reached)  # type: ignore[misc]
                os.write(1, f"{owner.reached}\n".encode())


@pytest.mark.parametrize("retention", [0, 400])
def test_kill_9_under_load_loses_nothing_durable(tmp_path: Path, retention: int) -> None:
    folder = tmp_path / "data"
    seen = 0
    for number in range(ROUNDS):
        command = [sys.executable, "-m", "tests.journal.test_crash", str(folder), str(retention)]
        first = _last(folder) + 1
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as server:
            assert server.stdout
            assert server.stdout.readline() == f"start {first}\n".encode()
            for _ in range(40 + 37 * number):
                seen = int(server.stdout.readline())
            server.send_signal(signal.SIGKILL)
            seen = max([seen, *map(int, server.stdout.read().split())])
        assert holder(folder) is None
        _sound(journal_file(folder), tmp_path / f"copy{number}", seen, whole=not retention)


def _last(folder: Path) -> int:
    path = journal_file(folder)
    return max((fact.seq for fact in kept(path)), default=0) if path.exists() else 0


def _sound(path: Path, copy: Path, seen: int, *, whole: bool) -> None:
    """Look at a copy, as the next start would find it, and leave the original to that start."""
    shutil.copytree(path.parent, copy)
    found = kept(copy / path.name)
    first, last = found[0].seq, found[-1].seq
    assert last >= seen
    assert first == 1 or not whole
    meant = [_said(seq, part) for seq in range(first, last + 1) for part in range(3)]
    assert found == meant[len(meant) - len(found) :]
    assert len(meant) - len(found) < 3  # the oldest entry may be half pruned
    assert faults(copy / path.name) == []


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
