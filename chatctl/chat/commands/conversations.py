"""Private conversations, found by the other user's name.

History belongs to identities (:attr:`chatctl.chat.model.user.User.identity`), and a guest has a new one with each
connection. Clients know names only. So of the conversations that a user took part in, all those with guests of one name
are one, together with that of the account of this name. Conversations with several accounts stay apart: these are
different people. This shows a user nothing but what they were sent or sent themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chatctl.chat.commands.base import CommandContext, HistoryRead, Steps, read_history
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries.facts import Fact
from chatctl.chat.entries.queries import HistoryPage, HistoryQuery, Mark, TargetsQuery, point_of, private_place
from chatctl.chat.model.records import SEPARATOR
from chatctl.chat.model.user import User
from chatctl.chat.model.user_data import ACCOUNT
from chatctl.protocol import names
from chatctl.protocol.message import nick_of

CONVERSATIONS = 500
"""Conversations of one user that are looked through, the latest first."""

MAX_PLACES = 8
"""Conversations with others of one name that are read together, the latest first."""

END_OF_TIME = 1 << 62


def other_nick(me: User, fact: Fact) -> str:
    """Return the nick of the other user in a private message of `me`."""
    source = nick_of(fact.source)
    mine = names.fold(source) == me.key or (me.account and fact.account == me.account)
    return fact.target if mine else source


def latest(identity: str) -> Steps[HistoryPage]:
    """Find the latest conversations of `identity`."""
    return read_history(HistoryRead(TargetsQuery((), identity, 0, END_OF_TIME, CONVERSATIONS, 0, newest=True)))


def find(context: CommandContext, session: Session, nick: str) -> Steps[Sequence[str]]:
    """Find the places of the conversations with users of the name `nick`; none if there is no such user or talk."""
    me, other, folded = context.user(session), context.state.user_or_service(nick), names.fold(nick)
    present = [private_place(me.identity, other.identity)] if other is not None else []
    page = yield from latest(me.identity)
    with_nick = [place for place, fact in reversed(page.targets) if names.fold(other_nick(me, fact)) == folded]
    places = list(dict.fromkeys([*present, *with_nick]))
    guests = [place for place in places[1:] if not _is_with_account(place, me)]
    return (*places[:1], *guests[: MAX_PLACES - 1])


def _is_with_account(place: str, me: User) -> bool:
    one, _, other = place.partition(SEPARATOR)
    return (other if one == me.identity else one).startswith(ACCOUNT)


def read(places: Sequence[str], query: HistoryQuery) -> Steps[HistoryPage]:
    """Ask `query` of each of `places`, and return the pages as one."""
    facts: list[Fact] = []
    for place in places:
        page = yield from read_history(HistoryRead(replace(query, place=place)))
        if page.failed or page.unknown or len(places) == 1:
            return page
        facts.extend(page.facts)
    return HistoryPage(merged(query, facts))


def merged(query: HistoryQuery, facts: Sequence[Fact]) -> list[Fact]:
    """Return what `query` means of facts of several places: facts of one time are not divided."""
    facts = sorted(facts, key=lambda fact: (fact.time, fact.seq, fact.part))
    if query.around is not None:
        half = query.limit // 2
        middle = _count_before(facts, query.around)
        start, end = max(0, middle - half), middle + query.limit - half
    elif query.newest:
        start, end = max(0, len(facts) - query.limit), len(facts)
    else:
        start, end = 0, query.limit
    while 0 < start < len(facts) and facts[start - 1].time == facts[start].time:
        start -= 1
    while 0 < end < len(facts) and facts[end - 1].time == facts[end].time:
        end += 1
    return facts[start:end]


def _count_before(facts: Sequence[Fact], mark: Mark) -> int:
    if not mark.message_id:
        return sum(fact.time < mark.time for fact in facts)
    found = (number for number, fact in enumerate(facts) if fact.message_id == mark.message_id)
    point = point_of(mark.message_id)
    return next(found, sum((fact.seq, fact.part) < point for fact in facts))
