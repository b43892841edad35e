"""A whole chat in memory, without a thread, a socket or a clock: people send lines and read lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chatctl.chat.delivery.session import Session
from chatctl.chat.engine.hub import Hub
from chatctl.chat.engine.rate_limit import RateLimiter
from chatctl.chat.entries.facts import AnyFact, Fact, each_fact
from chatctl.chat.entries.order import LocalOrder
from chatctl.chat.entries.proposals import Entry, Proposal
from chatctl.chat.entries.tasks import Done, ReadSettings, Task, perform
from chatctl.chat.history.memory_journal import MemoryJournal
from chatctl.chat.model.accounts import NONE, Changes, Record, RecordKey
from chatctl.chat.model.policy import Rules
from chatctl.chat.model.records import RoomRecord
from chatctl.chat.model.user import User
from chatctl.chat.ports import Journal, Order
from chatctl.protocol.framing import BadLine
from chatctl.protocol.message import Message, parse
from tests.logs import ListLog

START = 1_700_000_000_000


class HeldOrder:
    """An order that answers when it is told to: what several machines would see."""

    def __init__(self) -> None:
        self.waiting: list[Proposal] = []
        self._seq = 0
        self._ordered: Callable[[Sequence[Entry]], None] | None = None

    def attach(self, ordered: Callable[[Sequence[Entry]], None]) -> None:
        self._ordered = ordered

    def propose(self, proposal: Proposal) -> None:
        self.waiting.append(proposal)

    def let_go(self, count: int = 1000) -> None:
        """Give the first `count` their place."""
        assert self._ordered is not None
        entries = []
        for proposal in self.waiting[:count]:
            self._seq += 1
            entries.append(Entry(self._seq, START, "held", proposal))
        del self.waiting[:count]
        self._ordered(entries)


class HeldJournal(MemoryJournal):
    """A journal whose commits end when they are told to."""

    def __init__(self) -> None:
        super().__init__()
        self.committed = 0
        self.stored: dict[str, RoomRecord] = {}
        self.kept: dict[RecordKey, Record | None] = {}
        self.waiting: list[tuple[int, Sequence[Fact], Sequence[RoomRecord], Sequence[str], Changes]] = []
        """Appended batches that have not ended, with their last seq."""

    def append(
        self,
        facts: Sequence[AnyFact],
        rooms: Sequence[RoomRecord] = (),
        gone: Sequence[str] = (),
        records: Changes = NONE,
    ) -> None:
        each = list(each_fact(facts))
        self.facts.extend(each)
        if facts or records.last:
            last = max(facts[-1].seq if facts else 0, records.last)
            self.waiting.append((last, each, rooms, gone, records))

    def commit(self, upto: int | None = None) -> None:
        """Everything up to `upto` (or all) is durable."""
        assert self._listener is not None
        last = max([self.facts[-1].seq if self.facts else 0, *(item[0] for item in self.waiting)])
        seq = upto if upto is not None else last
        self.committed = max(self.committed, seq)
        while self.waiting and self.waiting[0][0] <= seq:
            _, facts, rooms, gone, records = self.waiting.pop(0)
            for fact in facts:
                self._amend(fact)
            self.kept.update(records.records)
            self.stored.update((record.key, record) for record in rooms)
            for key in gone:
                self.stored.pop(key, None)
        self._listener.durable(seq)

    def fail(self, reason: str = "the disk is full") -> None:
        """Nothing that is not durable yet will be."""
        assert self._listener is not None
        gone = [fact for item in self.waiting for fact in item[1]]
        lost = [fact.seq for fact in gone] + [seq for item in self.waiting for seq in (item[4].first, item[0]) if seq]
        if not lost:
            return
        self.waiting.clear()
        for fact in gone:
            self.facts.remove(fact)
        self.committed = max(lost)
        self._listener.failed(min(lost), max(lost), reason)


class QuickWorkers:
    """Workers that are done at once; with `held` set, when they are told to."""

    def __init__(self) -> None:
        self.held = False
        self.tasks: list[tuple[str, Task, Callable[[Done], None]]] = []
        self.settings = ReadSettings()
        """Return the result of reading the settings again."""

    def start(self, call_soon: Callable[[Callable[[], None]], None]) -> None:
        """There is nothing to start."""

    def ask(self, who: str, task: Task, done: Callable[[Done], None]) -> None:
        self.tasks.append((who, task, done))
        if not self.held:
            self.let_go()

    def let_go(self) -> None:
        """Run the queued tasks."""
        tasks, self.tasks = self.tasks, []
        for _, task, done in tasks:
            done(self.settings if isinstance(task, ReadSettings) else perform(task, bytes))

    def stop(self, timeout: float) -> None:
        """There is nothing to stop."""


class Person:
    """One connection, and what it has read."""

    def __init__(self, world: World, session: Session) -> None:
        self.world = world
        self.session = session

    @property
    def user(self) -> User:
        """Whose session it is."""
        user = self.world.hub.state.user_of(self.session.id)
        assert user is not None
        return user

    def send(self, *lines: str | BadLine) -> Person:
        """Send lines, all in one tick."""
        self.world.hub.receive(self.session, [*lines])
        self.world.tick()
        return self

    def lines(self) -> list[str]:
        """Return the lines that have arrived since the last call, without line ends."""
        text = self.session.take_output().decode()
        assert text == "" or text.endswith("\r\n"), text
        lines = text.split("\r\n")[:-1]
        for line in lines:
            assert "\r" not in line
            assert "\n" not in line
            body = line.partition(" ")[2] if line.startswith("@") else line
            assert len(body.encode()) <= 510, f"{len(body.encode())} bytes: {line}"
        return lines

    def read(self) -> list[Message]:
        """The same, parsed."""
        messages = [parse(line) for line in self.lines()]
        return [message for message in messages if message is not None]

    def commands(self) -> list[str]:
        """The commands and numerics that have arrived."""
        return [message.command for message in self.read()]

    def forget(self) -> Person:
        """Discard the output so far."""
        self.lines()
        return self

    def one(self, command: str) -> Message:
        """Return the only message with this command in the output."""
        read = self.read()
        found = [message for message in read if message.command == command]
        assert len(found) == 1, f"{command} in {read}"
        return found[0]


class World:
    """A hub with a clock that stands still until it is moved."""

    def __init__(
        self,
        rules: Rules | None = None,
        order: Order | None = None,
        journal: Journal | None = None,
        rate_limiter: RateLimiter | None = None,
    ) -> None:
        self.now = START
        self.log = ListLog()
        self.journal = journal or MemoryJournal()
        self.order = order or LocalOrder(lambda: self.now, "boot")
        rules = rules or Rules(listener_limit=1000, created=START)
        self.workers = QuickWorkers()
        self.hub = Hub(rules, self.order, self.journal, lambda: self.now, self.log, self.workers, rate_limiter)
        self._ids = 0

    @property
    def facts(self) -> list[Fact]:
        """Return the facts that the journal was given."""
        assert isinstance(self.journal, MemoryJournal)
        return list(self.journal.facts)

    def tick(self) -> None:
        """One turn of the loop, until nothing is left to do at once."""
        while True:
            self.hub.work(lambda: False)
            self.hub.end_tick()
            self.hub.fanout.dirty.clear()
            if not self.hub.busy:
                break

    def connect(self, address: str = "127.0.0.1", *, secure: bool = True) -> Person:
        """A connection that has said nothing yet."""
        self._ids += 1
        return Person(self, self.hub.connect(self._ids, address, encrypted=secure))

    def person(self, nick: str, *rooms: str, caps: str = "") -> Person:
        """Somebody who is in, has entered `rooms`, and has read everything so far. The others have too."""
        person = self.connect()
        if caps:
            person.send("CAP LS 302", f"CAP REQ :{caps}")
        person.send(f"NICK {nick}", "USER u 0 * :Real Name")
        if caps:
            person.send("CAP END")
        if rooms:
            person.send("JOIN " + ",".join(rooms))
        assert person.session.registered, person.lines()
        for session in self.hub.sessions.values():
            session.out = None
        return person

    def gone(self, person: Person, reason: str = "Connection closed") -> None:
        """A connection is lost."""
        self.hub.disconnect(person.session, reason)
        self.tick()
