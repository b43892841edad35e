"""Messages have distinct times, so that paging by time loses none (chat/entries/order.py, outcome.py, [whole-times] in
queries.py): in memory and in SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatctl.chat.entries.facts import AnyFact
from chatctl.chat.entries.order import LocalOrder
from chatctl.chat.entries.outcome import MAX_AHEAD_MS
from chatctl.chat.entries.proposals import Entry, Proposal, Quit
from chatctl.chat.entries.queries import AnyQuery, HistoryPage
from chatctl.chat.history.memory_journal import MemoryJournal
from chatctl.chat.model.accounts import NONE, Changes
from chatctl.chat.model.ids import SessionId
from chatctl.chat.model.records import RoomRecord
from chatctl.journal.index.history_reader import read
from chatctl.journal.sqlite_store import SqliteStore, StoreBatch
from chatctl.protocol.message import Message
from chatctl.protocol.timestamps import timestamp
from tests.chat.world import START, Person, World
from tests.journal.journals import fact, opened

pytestmark = pytest.mark.e2e

CAPS = "batch server-time message-tags echo-message draft/chathistory draft/multiline draft/read-marker"


class StoredJournal(MemoryJournal):
    """SQLite without threads."""

    def __init__(self, store: SqliteStore) -> None:
        super().__init__()
        self.store = store

    def append(
        self,
        facts: Sequence[AnyFact],
        rooms: Sequence[RoomRecord] = (),
        gone: Sequence[str] = (),
        records: Changes = NONE,
    ) -> None:
        self.store.commit(StoreBatch(list(facts)))
        super().append(facts, rooms, gone, records)

    def ask(self, query: AnyQuery, done: Callable[[HistoryPage], None]) -> None:
        done(read(self.store.connection, query))

    def last_seq(self) -> int:
        return self.store.last()[0]

    def last_time(self) -> int:
        return self.store.last()[1]


@contextmanager
def journal_of(kind: str) -> Iterator[MemoryJournal]:
    if kind == "memory":
        yield MemoryJournal()
    else:
        with opened() as store:
            yield StoredJournal(store)


both = pytest.mark.parametrize("kind", ["memory", "sqlite"])


def page(person: Person, line: str) -> list[Message]:
    """The messages of the one batch that answers, each once: of a message of several lines the line with the time."""
    _, *inside, _ = person.forget().send(line).read()
    return [message for message in inside if "time" in message.tags]


def backwards(person: Person, limit: int, room: str = "#tea") -> list[Message]:
    """All of the history, from the end to the beginning, as clients do that page by time."""
    got = page(person, f"CHATHISTORY LATEST {room} * {limit}")
    pages = []
    while got:
        pages.append(got)
        assert len(pages) < 5000
        got = page(person, f"CHATHISTORY BEFORE {room} timestamp={got[0].tags['time']} {limit}")
    return [message for got in reversed(pages) for message in got]


def forwards(person: Person, limit: int, how: str = "AFTER #tea {}") -> list[Message]:
    """The same from the beginning on."""
    since, found = timestamp(1000), []
    while got := page(person, f"CHATHISTORY {how.format(f'timestamp={since}')} {limit}"):
        found += got
        assert len(found) < 20_000
        since = got[-1].tags["time"]
    return found


BETWEEN = "BETWEEN #tea {} timestamp=2099-01-01T00:00:00.000Z"


def burst(world: World, *people: Person) -> None:
    """All that can be said at once: runs of lines, from several, tagged lines, notices, a message of several lines."""
    for number, person in enumerate(people):
        lines = [f"PRIVMSG #tea :{number} {line}" for line in range(40)]
        lines += ["@+x=y PRIVMSG #tea :tagged", "NOTICE #tea :notice", "@+x=y PRIVMSG #tea,bob :twice"]
        lines += ["BATCH +1 draft/multiline #tea", "@batch=1 PRIVMSG #tea :a", "@batch=1 PRIVMSG #tea :b", "BATCH -1"]
        world.hub.receive(person.session, [*lines])
    world.tick()


@both
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 31, 32, 33, 200])
def test_paging_by_time_loses_nothing_of_a_burst(kind: str, limit: int) -> None:
    with journal_of(kind) as journal:
        world = World(journal=journal)
        ann, bob = (world.person(nick, "#tea", caps=CAPS) for nick in ("ann", "bob"))
        burst(world, ann, bob)
        whole = [each for each in world.facts if each.place == "#tea" and each.kind in ("PRIVMSG", "NOTICE")]
        assert len(whole) == 2 * 44
        assert len({each.time for each in whole}) == len(whole)
        meant = [each.message_id for each in whole]
        for found in (backwards(bob, limit), forwards(bob, limit), forwards(bob, limit, BETWEEN)):
            assert [message.tags["msgid"] for message in found] == meant


@both
@pytest.mark.parametrize("limit", [1, 3, 200])
def test_paging_by_time_with_events_loses_nothing(kind: str, limit: int) -> None:
    with journal_of(kind) as journal:
        world = World(journal=journal)
        ann = world.person("ann", "#tea", caps=f"{CAPS} draft/event-playback")
        nicks = [f"p{number}" for number in range(12)]
        for nick in nicks:
            world.person(nick, "#tea", "#other")
        ann.send(
            "PRIVMSG #tea :hi", f"KICK #tea {','.join(nicks[:6])} :out", "TOPIC #tea :new", "MODE #tea +v-v ann ann"
        )
        world.order.propose(Quit(world.hub.state.user_named("p8").session, "", "bye"))  # type: ignore[union-attr]
        world.tick()
        meant = [each.message_id for each in world.facts if each.place == "#tea"]
        assert len(meant) > 20
        for found in (backwards(ann, limit), forwards(ann, limit)):
            assert [message.tags["msgid"] for message in found] == meant


def test_shown_time_equals_the_stored_time() -> None:
    world = World()
    ann, bob = (world.person(nick, "#tea", "#two", caps=CAPS) for nick in ("ann", "bob"))
    burst(world, ann)
    ann.send("QUIT :bye")
    shown = [message for message in bob.read() if message.tags.get("msgid")]
    kept = {each.message_id: timestamp(each.time) for each in world.facts}
    assert len(shown) == 46
    assert all(message.tags["time"] == kept[message.tags["msgid"]] for message in shown)
    assert [message.tags["time"] for message in shown] == sorted(message.tags["time"] for message in shown)
    assert {timestamp(each.time) for each in world.facts if each.kind == "QUIT"} == {shown[-1].tags["time"]}


@pytest.mark.parametrize("order_knows", [True, False])
def test_start_continues_after_the_last_time(order_knows: bool) -> None:
    with journal_of("sqlite") as journal:
        world = World(journal=journal)
        burst(world, world.person("ann", "#tea", caps=CAPS))
        before = world.facts[-1]
        assert before.time > world.now
        order = LocalOrder(lambda: START, "again", journal.last_seq(), journal.last_time() if order_knows else 0)
        World(journal=journal, order=order).person("ann", "#tea").send("PRIVMSG #tea :hi")
        times = [each.time for each in journal.facts if each.seq > before.seq]
        assert before.time < times[0] < times[1]


def test_read_marker_may_be_as_late_as_the_last_message() -> None:
    world = World()
    ann = world.person("ann", "#tea", caps=CAPS)
    burst(world, ann)
    last = timestamp(world.facts[-1].time)
    answer = ann.forget().send(f"MARKREAD #tea timestamp={last}").one("MARKREAD")
    assert answer.params == ["#tea", f"timestamp={last}"]
    later = ann.send("MARKREAD #tea timestamp=2030-01-01T00:00:00.000Z").one("MARKREAD").params[1]
    ann.send("PRIVMSG #tea :after")
    assert later <= f"timestamp={timestamp(world.facts[-1].time)}"


@both
def test_burst_over_1000_a_second_shares_times(kind: str) -> None:
    """The clock stands: times get no further ahead than AHEAD, several share one, and pages hold all of them."""
    with journal_of(kind) as journal:
        world = World(journal=journal)
        ann = world.person("ann", "#tea", caps=CAPS)
        for number in range(0, MAX_AHEAD_MS + 200, 20):
            ann.forget().send(*(f"PRIVMSG #tea :{number + line}" for line in range(20)))
        times = [each.time for each in world.facts]
        assert times == sorted(times)
        assert START + MAX_AHEAD_MS // 2 < times[-1] <= START + MAX_AHEAD_MS
        assert len(set(times)) < len(times)
        meant = [each.message_id for each in world.facts if each.kind == "PRIVMSG"]
        for limit in (7, 200):
            for found in (backwards(ann, limit), forwards(ann, limit), forwards(ann, limit, BETWEEN)):
                assert [message.tags["msgid"] for message in found] == meant
        world.now += 10 * MAX_AHEAD_MS
        ann.forget().send("PRIVMSG #tea :later")
        assert world.facts[-1].time == world.now


@both
@settings(max_examples=30, deadline=None)
@given(
    times=st.lists(st.integers(0, 3), min_size=1, max_size=60),
    limit=st.integers(1, 12),
    events=st.booleans(),
    others=st.lists(st.booleans(), min_size=60, max_size=60),
)
def test_facts_with_shared_times_are_paged_whole(
    kind: str, times: list[int], limit: int, events: bool, others: list[bool]
) -> None:
    """Older data folders and imports hold many facts of one time."""
    with journal_of(kind) as journal:
        time, facts = START - 1000, []
        for number, step in enumerate(times):
            time += step // 2
            what = "NOTICE" if step == 1 else "JOIN" if step == 2 else "PRIVMSG"
            facts.append(fact(number + 1, kind=what, time=time, place="#two" if others[number] else "#tea"))
        journal.append(facts)
        order = LocalOrder(lambda: START, "boot", facts[-1].seq, time)
        world = World(journal=journal, order=order)
        world.hub.fanout.released_seq = facts[-1].seq
        ann = world.person("ann", "#tea", caps=CAPS + (" draft/event-playback" if events else ""))
        known = ("PRIVMSG", "NOTICE", "JOIN") if events else ("PRIVMSG", "NOTICE")
        meant = [each.message_id for each in facts if each.place == "#tea" and each.kind in known]
        for found in (backwards(ann, limit), forwards(ann, limit), forwards(ann, limit, BETWEEN)) if meant else ():
            assert [message.tags["msgid"] for message in found if message.nick != "ann"] == meant


@both
def test_extension_of_a_page_stays_within_the_query(kind: str) -> None:
    with journal_of(kind) as journal:
        facts = [fact(number, time=START - 1000 + number // 20) for number in range(1, 60)]
        journal.append(facts)
        world = World(journal=journal, order=LocalOrder(lambda: START, "boot", 59, START - 900))
        world.hub.fanout.released_seq = 59
        ann = world.person("ann", "#lobby", caps=CAPS)
        for question, first, last in (
            ("BETWEEN #lobby msgid=boot1-35 msgid=boot1-22 5", 23, 34),
            ("BETWEEN #lobby msgid=boot1-22 msgid=boot1-35 5", 23, 34),
            ("BEFORE #lobby msgid=boot1-50 15", 20, 49),
            ("LATEST #lobby msgid=boot1-50 2", 51, 59),
            ("AROUND #lobby msgid=boot1-30 4", 20, 39),
        ):
            found = page(ann, f"CHATHISTORY {question}")
            assert [message.tags["msgid"] for message in found] == [f"boot1-{at}" for at in range(first, last + 1)]


class TestOrder:
    def order(self, last: int = 0) -> list[int]:
        """Times of entries, at each of the clock's times."""
        self.now = 0
        times: list[int] = []
        self.local = LocalOrder(lambda: self.now, "boot", 0, last)
        self.local.attach(lambda entries: times.extend(entry.time for entry in entries))
        return times

    def at(self, *clock: int) -> None:
        for self.now in clock:
            self.local.propose(Proposal(SessionId(1), ""))

    def test_time_follows_the_clock(self) -> None:
        times = self.order()
        self.at(5, 5, 6, 1000)
        assert times == [5, 5, 6, 1000]

    def test_time_continues_when_the_clock_is_set_back(self) -> None:
        times = self.order()
        self.at(1000, 10, 10, 11, 12, 500, 1002, 1004, 2000)
        assert times == [1000, 1001, 1001, 1002, 1003, 1004, 1005, 1006, 2000]

    def test_time_continues_after_an_earlier_start(self) -> None:
        times = self.order(last=1000)
        self.at(10, 11)
        assert times == [1001, 1002]


def test_time_depends_on_entries_only() -> None:
    """Any machine that applies the same entries gives the same times."""
    worlds = [World(), World()]
    taken: list[Entry] = []
    first = worlds[0].order
    assert isinstance(first, LocalOrder)
    apply = first._ordered

    def ordered(entries: Sequence[Entry]) -> None:
        taken.extend(entries)
        apply(entries)

    first.attach(ordered)
    ann = worlds[0].person("ann", "#tea", caps=CAPS)
    burst(worlds[0], ann)
    worlds[1].connect()
    worlds[1].now += 12_345
    worlds[1].hub._on_ordered(taken)
    worlds[1].tick()
    assert worlds[1].facts == worlds[0].facts
