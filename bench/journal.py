"""The cost of the journal: CPU per message to append and to index, and history and search with a million messages.

Run by hand: ``python bench/journal.py [--messages 1000000] [--rooms 20]``. Works in a new folder under --folder (the
system's temporary one), on its disk, and removes it. A counting thread stands for the busy loop; CPU is that of the
journal's thread alone (`time.thread_time`).
"""

from __future__ import annotations

import argparse
import itertools
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
from bisect import bisect
from collections.abc import Callable
from pathlib import Path

from chatctl.chat.entries.facts import Fact
from chatctl.chat.entries.queries import AnyQuery, HistoryQuery, Mark, SearchQuery, TargetsQuery
from chatctl.journal import SqliteJournal
from chatctl.journal.index import place_index, text_index
from chatctl.journal.index.history_reader import read
from chatctl.journal.maintenance import retention
from chatctl.journal.sqlite_store import SqliteStore, StoreBatch
from chatctl.journal.store.schema import open_reading

BATCH = 200
WORDS = 50_000
CHECKPOINT = 5_000  # messages between two checkpoints
START = 1_700_000_000_000


class Talk:
    """Messages as people write them, roughly: ten words each, a few words very common (Zipf)."""

    def __init__(self, rooms: int) -> None:
        self.random = random.Random(1)
        letters = "abcdefghijklmnopqrst"
        self.words = ["".join(self.random.choices(letters, k=self.random.randint(2, 9))) for _ in range(WORDS)]
        self._weights = list(itertools.accumulate(1 / (rank + 1) for rank in range(WORDS)))
        self._rooms = rooms

    def word(self) -> str:
        return self.words[bisect(self._weights, self.random.random() * self._weights[-1])]

    def batch(self, first: int, count: int) -> list[Fact]:
        return [self.fact(seq) for seq in range(first, first + count)]

    def fact(self, seq: int) -> Fact:
        room, user = self.random.randrange(self._rooms), self.random.randrange(50)
        text = " ".join(self.word() for _ in range(10))
        place, source = f"#room{room}", f"user{user}!user{user}@cloak{user}.example"
        return Fact(seq, 0, START + seq * 7, f"bootname-{seq}", "PRIVMSG", place, place, source, "", text, {})


class Busy:
    """A thread that never lets go of the interpreter's lock by itself."""

    def __init__(self) -> None:
        self._go = True
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        count = 0
        while self._go:
            count += 1

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._go = False
        self._thread.join()


class Meter:
    """Measure CPU and wall time of the block."""

    def __init__(self) -> None:
        self.cpu = self.wall = 0.0
        self.walls: list[float] = []

    def __call__(self, work: Callable[[], object]) -> None:
        wall, cpu = time.perf_counter(), time.thread_time()
        work()
        self.cpu += time.thread_time() - cpu
        self.walls.append(time.perf_counter() - wall)
        self.wall += self.walls[-1]


def append_beside_busy(store: SqliteStore, talk: Talk, done: int) -> int:
    """Append a slice's worth of messages beside a busy thread, and index them; returns how many there are then."""
    append, place = Meter(), Meter()
    count = place_index.SLICE // BATCH + 1
    batches = [talk.batch(done + 1 + at * BATCH, BATCH) for at in range(count)]
    with Busy():
        for batch in batches:
            append(lambda batch=batch: store.commit(StoreBatch(batch)))  # type: ignore[misc]
        place(lambda: place_index.follow(store))
    print(
        f"  after {done:9,}: {append.cpu / count / BATCH * 1e6:.2f} us of CPU a message; index by place"
        f" {place.cpu / place_index.SLICE * 1e6:.2f}, in a slice of {place.wall * 1e3:.0f} ms; a batch takes"
        f" {statistics.median(append.walls) * 1e3:.1f} ms in the middle, {max(append.walls) * 1e3:.1f} at the worst"
    )
    return done + count * BATCH


def grow(store: SqliteStore, talk: Talk, messages: int) -> None:
    """Append up to `messages`, printing what each decade cost."""
    print("\nAppending alone, batches of 200; the indexes behind, in slices; us of CPU a message")
    print("    messages   append   by place   checkpoint   full-text   median ms/batch   worst ms/slice")
    append, place, copy, index = Meter(), Meter(), Meter(), Meter()
    done = since = 0
    for step in [10**3, 10**4, 10**5, 3 * 10**5, 10**6, messages]:
        while done < min(step, messages):
            batch = StoreBatch(talk.batch(done + 1, BATCH))
            append(lambda batch=batch: store.commit(batch))  # type: ignore[misc]
            done += BATCH
            if place_index.count_unindexed(store.connection, place_index.SLICE) == place_index.SLICE:
                place(lambda: place_index.follow(store))
            if done % CHECKPOINT == 0:
                copy(store.checkpoint)
                while text_index.count_unindexed(store.connection, text_index.SLICE) >= text_index.SLICE:
                    index(lambda: text_index.follow(store))
        new = done - since
        if not new:
            continue
        print(
            f"{done:12,}{append.cpu / new * 1e6:9.2f}{place.cpu / new * 1e6:11.2f}{copy.cpu / new * 1e6:13.2f}"
            f"{index.cpu / new * 1e6:12.2f}{statistics.median(append.walls) * 1e3:18.2f}"
            f"{max(index.walls + place.walls, default=0) * 1e3:17.1f}"
        )
        append, place, copy, index, since = Meter(), Meter(), Meter(), Meter(), done


def ask(path: Path, talk: Talk, messages: int) -> None:
    """Measure how long queries take: the first, and the median of 50."""
    words = talk.words
    half = Mark(f"bootname-{messages // 2}")
    rooms = tuple(f"#room{room}" for room in range(20))
    questions: list[tuple[str, AnyQuery]] = [
        ("LATEST 50", HistoryQuery("#room7", 50, messages)),
        ("LATEST 50, all kinds", HistoryQuery("#room7", 50, messages, kinds=())),
        ("BEFORE message id", HistoryQuery("#room7", 50, messages, before=half)),
        ("AROUND time", HistoryQuery("#room7", 50, messages, around=Mark(time=START + messages * 3))),
        ("TARGETS of 20 rooms", TargetsQuery(rooms, "alice", 0, START * 2, 50, messages)),
        ("search: common word", SearchQuery(words[0], 50, messages)),
        ("search: two common words", SearchQuery(f"{words[0]} {words[1]}", 50, messages)),
        ("search: common word in a room", SearchQuery(words[0], 50, messages, ("#room7",))),
        ("search: common word of a nick", SearchQuery(words[0], 50, messages, (), "user7")),
        ("search: rare word", SearchQuery(words[49_000], 50, messages)),
        ("search: common and rare word", SearchQuery(f"{words[0]} {words[49_000]}", 50, messages)),
        ("search: common phrase", SearchQuery(f'"{words[0]} {words[1]}"', 50, messages)),
        ("search: rare phrase", SearchQuery(f'"{words[3]} {words[2000]}"', 50, messages)),
        ("search: phrase that is nowhere", SearchQuery(f'"{words[4000]} {words[4001]}"', 50, messages)),
        ("search: word that is nowhere", SearchQuery("zzzzzz", 50, messages)),
    ]
    print(f"\nQuestions at {messages:,} messages, as many as there can be not yet indexed by place")
    print("  ms: first on a new connection, and median of 50")
    for name, query in questions:
        connection = open_reading(path)
        meter = Meter()
        for _ in range(50):
            meter(lambda query=query, connection=connection: read(connection, query))  # type: ignore[misc]
        page = read(connection, query)
        connection.close()
        found = len(page.facts) or len(page.targets)
        print(f"  {name:34}{meter.walls[0] * 1e3:8.2f}{statistics.median(meter.walls) * 1e3:8.2f}   {found} found")


class Quiet:
    """A log that discards everything."""

    def debug(self, event: str, **fields: object) -> None:
        """Nothing."""

    info = warning = error = debug


def open_and_prune(path: Path, messages: int) -> None:
    """Measure how long opening takes, and what a prune of a tenth costs."""
    meter = Meter()
    for _ in range(5):
        began = time.perf_counter()
        journal = SqliteJournal(path, Quiet())
        meter.walls.append(time.perf_counter() - began)
        assert journal.last_seq() == messages
        journal.stop(10)
    print(f"\nOpening: {meter.walls[0] * 1e3:.1f} ms, then {min(meter.walls) * 1e3:.1f} ms")
    store = SqliteStore(path)
    store.open()
    pruned, meter = retention.PruneProgress(), Meter()
    work = retention.prune(store, START + messages * 7 // 10, pruned)
    ended: list[object] = []
    while not ended:
        meter(lambda: ended.append(work) if next(work, work) is work else None)
        if store.wal_frames > 1000:
            store.checkpoint()
    slices = len(meter.walls)
    print(
        f"Pruning {pruned.facts:,}: {meter.cpu:.2f} s of CPU in {slices} slices, "
        f"median {statistics.median(meter.walls) * 1e3:.1f} ms, worst {max(meter.walls) * 1e3:.1f} ms"
    )
    store.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=10**6)
    parser.add_argument("--rooms", type=int, default=20)
    parser.add_argument("--folder", default=None)
    parser.add_argument("--switch", type=float, default=0.0005, help="Seconds, as `chatctl serve` sets it.")
    options = parser.parse_args()
    sys.setswitchinterval(options.switch)
    folder = Path(tempfile.mkdtemp(dir=options.folder))
    try:
        talk = Talk(options.rooms)
        store = SqliteStore(folder / "journal.db")
        store.open()
        grow(store, talk, options.messages)
        store.checkpoint(whole=True)
        print("\nAppending beside a busy thread, batches of 200")
        fresh = SqliteStore(folder / "fresh.db")
        fresh.open()
        append_beside_busy(fresh, talk, 0)
        fresh.close()
        while place_index.follow(store):
            pass
        options.messages = append_beside_busy(store, talk, options.messages)
        unplaced = place_index.SLICE - BATCH
        store.commit(StoreBatch(talk.batch(options.messages + 1, unplaced)))
        options.messages += unplaced
        while text_index.follow(store) == text_index.SLICE:
            store.checkpoint()
        store.checkpoint(whole=True)
        store.close()
        size = store.path.stat().st_size
        print(f"  on disk: {size / 2**20:.0f} MiB, {size / options.messages:.0f} bytes a message")
        ask(store.path, talk, options.messages)
        open_and_prune(store.path, options.messages)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
