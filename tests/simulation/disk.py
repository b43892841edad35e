"""The simulation's disk, and a journal on it that commits, fails and dies when it is told to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from chatctl.chat.entries.facts import AnyFact, Fact, each_fact
from chatctl.chat.history.memory_journal import MemoryJournal
from chatctl.chat.model.accounts import NONE, Changes, Record, RecordKey
from chatctl.chat.model.records import RoomRecord
from chatctl.journal.sqlite_store import span


class Disk:
    """The data that survives a crash."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.rooms: dict[str, RoomRecord] = {}
        self.records: dict[RecordKey, Record] = {}
        self.full = False
        self.moved = False
        """Whether the files were moved away: a write succeeds, and nothing of it is there after a restart."""


class SimulatedJournal(MemoryJournal):
    """A journal whose commits end when and how the scheduler says. A failure includes all that was appended before its
    owner was told."""

    def __init__(self, disk: Disk) -> None:
        super().__init__(keep=100_000)
        self.disk = disk
        self.queue: deque[tuple[Sequence[AnyFact], Sequence[RoomRecord], Sequence[str], Changes]] = deque()
        self.answers: deque[Callable[[], None]] = deque()
        self.facts.extend(disk.facts)

    def append(
        self,
        facts: Sequence[AnyFact],
        rooms: Sequence[RoomRecord] = (),
        gone: Sequence[str] = (),
        records: Changes = NONE,
    ) -> None:
        if facts or records.last:
            self.queue.append((facts, rooms, gone, records))

    def write(self) -> int:
        """Put the first batch on the disk, all of it; its last seq. Nobody has heard of it yet."""
        facts, rooms, gone, records = self.queue.popleft()
        if self.disk.moved:
            return span(facts, records)[1]
        self.disk.facts += each_fact(facts)
        self.facts.extend(each_fact(facts))
        self.disk.rooms.update((record.key, record) for record in rooms)
        for key in gone:
            self.disk.rooms.pop(key, None)
        for name, record in records.records.items():
            if record is None:
                self.disk.records.pop(name, None)
            else:
                self.disk.records[name] = record
        return span(facts, records)[1]

    def notices(self) -> bool:
        """Look at the files before a commit, as FileWatch does; return whether they are missing."""
        return self.disk.moved

    def commit(self) -> None:
        """The first batch is kept, and its owner hears of it; or all fail, if the files are missing."""
        assert self._listener is not None
        if self.notices():
            self.fail()
            return
        self._listener.durable(self.write())

    def fail(self) -> None:
        """Fail everything that is queued."""
        assert self._listener is not None
        first, last = span(self.queue[0][0], self.queue[0][3])[0], span(self.queue[-1][0], self.queue[-1][3])[1]
        self.queue.clear()
        self._listener.failed(first, last, "the disk is full")

    def last_seq(self) -> int:
        return self.disk.facts[-1].seq if self.disk.facts else 0

    def last_time(self) -> int:
        return self.disk.facts[-1].time if self.disk.facts else 0

    def rooms(self) -> Sequence[RoomRecord]:
        return list(self.disk.rooms.values())

    def records(self) -> Sequence[Record]:
        return list(self.disk.records.values())
