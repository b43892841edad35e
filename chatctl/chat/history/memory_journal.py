"""The journal that keeps nothing beyond the server's own life: bounded, in memory, durable the moment it is told."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from chatctl.chat.entries.facts import AnyFact, Fact, each_fact, renamed
from chatctl.chat.entries.queries import (
    MAX_SAME_TIME_FACTS,
    REDACT,
    REDACTED,
    RENAME,
    AnyQuery,
    HistoryPage,
    HistoryQuery,
    Mark,
    Point,
    SearchQuery,
    TargetsQuery,
    point_of,
)
from chatctl.chat.model.accounts import NONE, Changes, Record
from chatctl.chat.model.records import RoomRecord
from chatctl.chat.ports import JournalListener
from chatctl.protocol import names
from chatctl.protocol.message import nick_of


class MemoryJournal:
    """Keeps the last `keep` facts, of all places together."""

    def __init__(self, keep: int = 10_000) -> None:
        self.facts: deque[Fact] = deque(maxlen=keep)
        self._listener: JournalListener | None = None

    def attach(self, listener: JournalListener) -> None:
        """Say who hears of durable facts."""
        self._listener = listener

    def start(self, call_soon: Callable[[Callable[[], None]], None]) -> None:
        """Do nothing: there is no thread."""

    def append(
        self,
        facts: Sequence[AnyFact],
        rooms: Sequence[RoomRecord] = (),
        gone: Sequence[str] = (),
        records: Changes = NONE,
    ) -> None:
        """Keep `facts`; in memory, that is as durable as it gets. The chat's own state holds the rooms already."""
        for fact in each_fact(facts):
            self.facts.append(fact)
            self._amend(fact)
        last = max(facts[-1].seq if facts else 0, records.last)
        if self._listener is not None and last:
            self._listener.durable(last)

    def _amend(self, fact: Fact) -> None:
        """Do what a fact says of others."""
        if fact.kind == REDACT:
            self._take_back(fact.text.partition(" ")[0])
        elif fact.kind == RENAME:
            self.facts = deque(renamed(fact, self.facts), self.facts.maxlen)

    def _take_back(self, message_id: str) -> None:
        for at, fact in enumerate(self.facts):
            if fact.message_id == message_id:
                self.facts[at] = replace(fact, kind=REDACTED, text="", tags={})

    def ask(self, query: AnyQuery, done: Callable[[HistoryPage], None]) -> None:
        """Answer at once."""
        done(answer(self.facts, query))

    def last_seq(self) -> int:
        """Return 0: a memory journal has no earlier start."""
        return 0

    def last_time(self) -> int:
        """Return 0: a memory journal has no earlier start."""
        return 0

    def rooms(self) -> Sequence[RoomRecord]:
        """Return 0: a memory journal has no earlier start."""
        return ()

    def records(self) -> Sequence[Record]:
        """Return 0: a memory journal has no earlier start."""
        return ()

    def stop(self, timeout: float) -> bool:
        """Do nothing: there is no thread."""
        return True

    def status(self) -> dict[str, object]:
        """Return how many facts are held."""
        return {"kind": "memory", "facts": len(self.facts)}


def answer(facts: Iterable[Fact], query: AnyQuery) -> HistoryPage:
    """Return the facts that the query asks for, from `facts` in the order of their points."""
    known = [fact for fact in facts if fact.seq <= query.upto]
    if isinstance(query, HistoryQuery):
        return _page(known, query)
    if isinstance(query, TargetsQuery):
        return _targets(known, query)
    return _found(known, query)


def point(fact: Fact) -> Point:
    """Return the point of a fact."""
    return fact.seq, fact.part


def _point(facts: Sequence[Fact], mark: Mark, query: HistoryQuery, *, end: bool) -> Point | None:
    """Return the point of a mark, None for an id that is not stored. A time stands for the gap before the first fact
    that is not older, or, for a mark that ends a range from below (`end`), after the last fact that is not newer."""
    if mark.message_id:
        stored = next((point(fact) for fact in facts if fact.message_id == mark.message_id), None)
        return stored or (_free_point(facts, mark, query) if query.nearest else None)
    if end:
        newer = next((fact for fact in facts if fact.time > mark.time), None)
        return (newer.seq, newer.part - 1) if newer is not None else (1 << 62, 0)
    later = next((fact for fact in facts if fact.time >= mark.time), None)
    return point(later) if later is not None else (1 << 62, 0)


def _free_point(facts: Sequence[Fact], mark: Mark, query: HistoryQuery) -> Point | None:
    """Return the point that a message id names, if it is a valid one and nothing else is stored there."""
    named = point_of(mark.message_id)
    taken = any(point(fact) == named for fact in facts)
    return named if 0 < named[0] <= query.upto and not taken else None


def _page(facts: Sequence[Fact], query: HistoryQuery) -> HistoryPage:
    wanted = [fact for fact in facts if fact.place == query.place and (not query.kinds or fact.kind in query.kinds)]
    if query.around is not None:
        at = _point(facts, query.around, query, end=False)
        if at is None:
            return HistoryPage(unknown=query.around.message_id)
        older = [fact for fact in wanted if point(fact) < at]
        newer = [fact for fact in wanted if point(fact) >= at]
        before = query.limit // 2
        return HistoryPage(
            _cut(older, before, query, newest=True) + _cut(newer, query.limit - before, query, newest=False)
        )
    for mark, end in ((query.after, True), (query.before, False)):
        if mark is None:
            continue
        at = _point(facts, mark, query, end=end)
        if at is None:
            return HistoryPage(unknown=mark.message_id)
        wanted = [fact for fact in wanted if (point(fact) > at if end else point(fact) < at)]
    return HistoryPage(_cut(wanted, query.limit, query, newest=query.newest))


def _cut(facts: list[Fact], limit: int, query: HistoryQuery, *, newest: bool) -> list[Fact]:
    """Return the newest or oldest `limit`, and the facts of the same time ([whole-times] in queries.py)."""
    if not 0 < limit < len(facts):
        return facts if limit > 0 else []
    last = -limit if newest else limit - 1
    rest = facts[:last][::-1] if newest else facts[last + 1 :]
    time = facts[last].time if query.whole else None
    more = len(list(itertools.takewhile(lambda fact: fact.time == time, rest[:MAX_SAME_TIME_FACTS])))
    return facts[last - more :] if newest else facts[: limit + more]


def _targets(facts: Sequence[Fact], query: TargetsQuery) -> HistoryPage:
    latest: dict[str, Fact] = {}
    for fact in facts:
        private = not fact.place.startswith("#")
        mine = query.identity in fact.place.split("\x1f") if private else fact.place in query.rooms
        if mine and fact.kind in ("PRIVMSG", "NOTICE"):
            latest[fact.place] = fact
    found = [(place, fact) for place, fact in latest.items() if query.after < fact.time < query.before]
    found.sort(key=lambda pair: point(pair[1]))
    return HistoryPage(targets=found[max(0, len(found) - query.limit) :] if query.newest else found[: query.limit])


def _found(facts: Sequence[Fact], query: SearchQuery) -> HistoryPage:
    words = names.fold(query.text).replace('"', " ").split()
    found = (
        fact
        for fact in reversed(facts)
        if fact.kind in ("PRIVMSG", "NOTICE")
        and (not query.places or fact.place in query.places)
        and (not query.source or names.fold(nick_of(fact.source)) == query.source)
        and (not query.after or query.after < fact.time)
        and (not query.before or fact.time < query.before)
        and all(word in names.fold(fact.text) for word in words)
    )
    return HistoryPage(list(itertools.islice(found, query.limit))[::-1])
