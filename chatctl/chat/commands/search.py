"""Search over the wire: SEARCH <attributes>, under ``soju.im/search`` (soju, doc/ext/search.md).

``SEARCH from=nick;in=#room;after=TIME;before=TIME;text=words;limit=N``: all optional, escaped as message tags
are. Without ``in`` it searches the sender's rooms and private conversations. :mod:`.history` says who may read what.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chatctl.chat.commands import conversations
from chatctl.chat.commands.base import Command, CommandContext, QueryJob, Result, fail, line
from chatctl.chat.commands.history import as_batch, limit_of, milliseconds, readable_room
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries.queries import MAX_PAGE_MESSAGES, HistoryPage, SearchQuery
from chatctl.protocol import capabilities as caps
from chatctl.protocol import names
from chatctl.protocol import numerics as n
from chatctl.protocol.message import Message, parse_tags


def search(view: CommandContext, session: Session, message: Message) -> Result:
    """SEARCH <attributes>."""
    if not session.caps & caps.SEARCH:
        return [line(n.ERR_UNKNOWNCOMMAND, "SEARCH")]
    attributes = parse_tags(message.params[0])
    times: list[int] = []
    for key in ("after", "before"):
        time = milliseconds(attributes[key]) if key in attributes else 0
        if time is None:
            return fail(
                "SEARCH", "INVALID_PARAMS", key, text="That is not a valid time, such as 2026-11-22T15:41:13.123Z"
            )
        times.append(time)
    limit = limit_of(attributes.get("limit", str(MAX_PAGE_MESSAGES)))
    if limit is None:
        return fail("SEARCH", "INVALID_PARAMS", "limit", text="The limit must be a positive number")
    where = attributes.get("in", "")
    text, source = attributes.get("text", ""), names.fold(attributes.get("from", ""))
    query = SearchQuery(text, limit, 0, tuple(view.user(session).rooms), source, times[0], times[1])
    if where:
        return _search_one(view, session, message, query, where)

    def everywhere(view: CommandContext, session: Session, page: HistoryPage) -> Result:
        private = (place for place, _ in page.targets if not place.startswith("#"))
        looked_at = (*query.places, *private)
        return (
            _search_in(message, replace(query, places=looked_at)) if looked_at else _found(view, session, HistoryPage())
        )

    return conversations.latest(view.user(session).identity, everywhere)


def _search_one(view: CommandContext, session: Session, message: Message, query: SearchQuery, where: str) -> Result:
    """Search a room, or the conversations with a user; both only if this session may read them."""

    def search_places(places: Sequence[str]) -> Result:
        if not places:
            return fail("SEARCH", "INVALID_TARGET", where, text="There is nothing there that you may read")
        return _search_in(message, replace(query, places=tuple(places)))

    if where[:1] != "#":
        return conversations.find(view, session, where, search_places)
    room = readable_room(view, session, where)
    return search_places((room.key,) if room is not None else ())


def _search_in(message: Message, query: SearchQuery) -> QueryJob:
    """Run `query`, which `message` asks for; anew if the session left one of the rooms meanwhile."""

    def found(view: CommandContext, session: Session, page: HistoryPage) -> Result:
        if any(place[:1] == "#" and readable_room(view, session, place) is None for place in query.places):
            return search(view, session, message)
        return _found(view, session, page)

    return QueryJob(lambda upto: replace(query, upto=upto), found)


def _found(view: CommandContext, session: Session, page: HistoryPage) -> Result:
    if page.failed:
        return fail("SEARCH", "INTERNAL_ERROR", text="The search could not be run")
    return as_batch(view, session, page, "soju.im/search", ())


COMMANDS = (Command("SEARCH", search, least=1),)
