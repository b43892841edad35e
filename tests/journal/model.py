"""A model of the history (queries.py), as simple as possible: a list, read from one end to the other.

Every journal is compared with it. It decides what the queries leave open:

- A time as ``after`` or ``before`` excludes facts of that very millisecond.
- ``around`` a time begins with the first fact that is not older; ``limit // 2`` come from before the mark, the rest
  from it on, and a shortage on one side is not made up.
- A message id that is not stored, or only beyond `upto`, is unknown; one of another place marks a point like any other.
- With `nearest`, a valid id that is not stored marks its point, unless another fact has that point.
- A page that must be `whole` is extended over facts of one time, at both ends.
- The targets are the oldest `limit`, or the newest.
- An empty search (only spaces) finds all that its limits allow; one without words (``?!``) finds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from chatctl.chat.entries.facts import Fact
from chatctl.chat.entries.queries import (
    MAX_SAME_TIME_FACTS,
    MESSAGES,
    AnyQuery,
    HistoryPage,
    HistoryQuery,
    Mark,
    SearchQuery,
    TargetsQuery,
    point_of,
)
from chatctl.chat.model.records import SEPARATOR


def answer(kept: Sequence[Fact], query: AnyQuery) -> HistoryPage:
    """The answers that any journal with the facts `kept`, in order, must give."""
    facts = [fact for fact in kept if fact.seq <= query.upto]
    if isinstance(query, TargetsQuery):
        return _targets(facts, query)
    if isinstance(query, SearchQuery):
        return _search(facts, query)
    for mark in [query.around] if query.around is not None else [query.after, query.before]:
        if mark is None or not mark.message_id or mark.message_id in {fact.message_id for fact in facts}:
            continue
        point = point_of(mark.message_id)
        if not query.nearest or not 0 < point[0] <= query.upto or point in {(fact.seq, fact.part) for fact in facts}:
            return HistoryPage(unknown=mark.message_id)
        facts = sorted([*facts, marker(mark.message_id)], key=lambda fact: (fact.seq, fact.part))
    return _page(facts, query)


def marker(message_id: str) -> Fact:
    """Make a fact that is in no place and older than any time, so that its point can be found like that of others."""
    return Fact(*point_of(message_id), -(1 << 60), message_id, "PRIVMSG", "", "", "", "", "", {})


def _page(facts: list[Fact], query: HistoryQuery) -> HistoryPage:
    here = [at for at, fact in enumerate(facts) if fact.place == query.place]
    here = [at for at in here if not query.kinds or facts[at].kind in query.kinds]
    limit = max(0, query.limit)
    if query.around is not None:
        middle = _first(facts, query.around)
        before = [at for at in here if at < middle]
        after = [at for at in here if at >= middle]
        chosen = _newest(facts, before, limit // 2, query) + _oldest(facts, after, limit - limit // 2, query)
    else:
        if query.after is not None:
            here = [at for at in here if _later(facts, at, query.after)]
        if query.before is not None:
            here = [at for at in here if at < _first(facts, query.before)]
        chosen = (_newest if query.newest else _oldest)(facts, here, limit, query)
    return HistoryPage([facts[at] for at in chosen])


def _oldest(facts: list[Fact], here: list[int], limit: int, query: HistoryQuery) -> list[int]:
    more = 0
    while query.whole and 0 < limit + more < len(here) and more < MAX_SAME_TIME_FACTS:
        if not limit or facts[here[limit + more]].time != facts[here[limit - 1]].time:
            break
        more += 1
    return here[: limit + more]


def _newest(facts: list[Fact], here: list[int], limit: int, query: HistoryQuery) -> list[int]:
    return _oldest(facts, here[::-1], limit, query)[::-1]


def _first(facts: list[Fact], mark: Mark) -> int:
    """Where the mark's fact is, or the first that is not older than its time."""
    for at, fact in enumerate(facts):
        if fact.message_id == mark.message_id if mark.message_id else fact.time >= mark.time:
            return at
    return len(facts)


def _later(facts: list[Fact], at: int, mark: Mark) -> bool:
    return at > _first(facts, mark) if mark.message_id else facts[at].time > mark.time


def _targets(facts: list[Fact], query: TargetsQuery) -> HistoryPage:
    latest: dict[str, Fact] = {}
    for fact in facts:
        theirs = SEPARATOR in fact.place and query.identity in fact.place.split(SEPARATOR)
        if fact.kind in MESSAGES and (fact.place in query.rooms or theirs):
            latest[fact.place] = fact
    found = [fact for fact in facts if latest.get(fact.place) is fact and query.after < fact.time < query.before]
    limit = max(0, query.limit)
    chosen = found[max(0, len(found) - limit) :] if query.newest else found[:limit]
    return HistoryPage(targets=[(fact.place, fact) for fact in chosen])


def _search(facts: list[Fact], query: SearchQuery) -> HistoryPage:
    """For words of ASCII letters and digits only; other scripts have tests of their own."""
    terms = [_words(term) for term in re.findall(r'"[^"]*"?|[^\s"]+', query.text)]
    if query.text.strip() and not any(terms):
        return HistoryPage()
    found = [
        fact
        for fact in facts
        if fact.kind in MESSAGES
        and (not query.places or fact.place in query.places)
        and (not query.source or fact.source.partition("!")[0].lower() == query.source)
        and (not query.after or fact.time > query.after)
        and (not query.before or fact.time < query.before)
        and all(_holds(_words(fact.text), term) for term in terms)
    ]
    return HistoryPage(found[max(0, len(found) - max(0, query.limit)) :])


def _words(text: str) -> list[str]:
    return re.findall("[a-z0-9]+", text.lower())


def _holds(words: list[str], term: list[str]) -> bool:
    return any(words[at : at + len(term)] == term for at in range(len(words) - len(term) + 1))
