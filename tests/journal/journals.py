"""Common parts of the journal tests: facts, a listener to wait for, a log, a failing store."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar

from chatctl.chat.entries.facts import Fact
from chatctl.chat.entries.queries import AnyQuery, HistoryPage
from chatctl.journal import SqliteJournal
from chatctl.journal.sqlite_store import SqliteStore, StoreBatch
from tests import deadline
from tests.logs import ListLog

T = TypeVar("T")
DEADLINE = deadline.DEADLINE
START = 1_700_000_000_000


def fact(
    seq: int,
    text: str = "hello",
    *,
    part: int = 0,
    time: int | None = None,
    boot: str = "boot1",
    kind: str = "PRIVMSG",
    place: str = "#lobby",
    source: str = "alice!a@cloak",
    account: str = "",
    tags: dict[str, str] | None = None,
    message_id: str = "",
) -> Fact:
    """A fact as apply makes them."""
    own = f"{boot}-{seq}.{part}" if part else f"{boot}-{seq}"
    when = START + seq * 10 if time is None else time
    return Fact(seq, part, when, message_id or own, kind, place, place, source, account, text, tags or {})


@contextmanager
def opened() -> Iterator[SqliteStore]:
    """A store of its own for each of many examples."""
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "j.db")
        store.open()
        try:
            yield store
        finally:
            store.close()


class Owner:
    """The owner's thread, played by the test: calls arrive while the test waits."""

    def __init__(self) -> None:
        self.calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.heard: list[tuple[object, ...]] = []
        self.thread = threading.current_thread()

    def call_soon(self, call: Callable[[], None]) -> None:
        assert threading.current_thread() is not self.thread
        self.calls.put(call)

    def turn(self) -> None:
        """Run pending calls, without waiting."""
        while not self.calls.empty():
            self.calls.get()()

    def until(self, done: Callable[[], object]) -> None:
        """Run calls until `done`; an assertion after the deadline."""
        while not done():
            try:
                self.calls.get(timeout=DEADLINE)()
            except Empty:
                raise AssertionError(f"waited in vain; heard {self.heard[-5:]}") from None

    # The Listener.

    def durable(self, seq: int) -> None:
        assert threading.current_thread() is self.thread
        self.heard.append(("durable", seq))

    def failed(self, first: int, last: int, reason: str) -> None:
        assert threading.current_thread() is self.thread
        self.heard.append(("failed", first, last, reason))

    def fatal(self, reason: str) -> None:
        self.heard.append(("fatal", reason))

    @property
    def reached(self) -> int:
        """The last seq that is durable."""
        return max((int(str(what[1])) for what in self.heard if what[0] == "durable"), default=0)

    def failures(self) -> list[tuple[object, ...]]:
        return [what[1:] for what in self.heard if what[0] == "failed"]


class Desk:
    """A journal under test, with its owner. A context manager: it is stopped at the end."""

    def __init__(self, path: Path, store: SqliteStore | None = None, **options: object) -> None:
        self.log = ListLog()
        self.owner = Owner()
        self.path = path
        self.journal = SqliteJournal(path, self.log, store=store, **options)  # type: ignore[arg-type]
        self.journal.attach(self.owner)

    def __enter__(self) -> Desk:
        self.journal.start(self.owner.call_soon)
        return self

    def __exit__(self, *error: object) -> None:
        assert self.journal.stop(DEADLINE)
        self.owner.turn()

    def keep(self, facts: Sequence[Fact]) -> None:
        """Append facts and wait until they are durable."""
        self.journal.append(facts)
        self.owner.until(lambda: self.owner.reached >= facts[-1].seq)

    def ask(self, query: AnyQuery) -> HistoryPage:
        answers: list[HistoryPage] = []
        self.journal.ask(query, answers.append)
        self.owner.until(lambda: answers)
        return answers[0]

    def do(self, job: Callable[[SqliteStore], T]) -> T:
        """Run something on the journal's thread."""
        results: list[T | Exception] = []
        self.journal.run(job, results.append)
        self.owner.until(lambda: results)
        result = results[0]
        if isinstance(result, Exception):
            raise result
        return result


class TestStore(SqliteStore):
    """A store whose commits wait for `gate`, and do what `plan` says: each takes one from it, or simply works."""

    __test__ = False

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.plan: list[Callable[[StoreBatch], None]] = []
        self.probes: list[Callable[[], None]] = []
        self.batches: list[int] = []

    def commit(self, batch: StoreBatch) -> None:
        self.entered.set()
        assert self.gate.wait(DEADLINE)
        self.batches.append(len(batch.facts))
        if self.plan:
            self.plan.pop(0)(batch)
        else:
            super().commit(batch)

    def probe(self) -> None:
        if self.probes:
            self.probes.pop(0)()
        super().probe()

    def really(self, batch: StoreBatch) -> None:
        """Commit, whatever the plan."""
        super().commit(batch)
