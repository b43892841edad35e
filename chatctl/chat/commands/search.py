"""Search over the wire: SEARCH <attributes>, under ``soju.im/search`` (soju, doc/ext/search.md).

``SEARCH from=nick;in=#room;after=TIME;before=TIME;text=words;limit=N``: all optional, escaped as message tags
are. Without ``in`` it searches the sender's rooms and private conversations. :mod:`.history` says who may read what.
"""

from __future__ import annotations

from dataclasses import replace

from chatctl.chat.commands import conversations
from chatctl.chat.commands.base import Command, CommandContext, HistoryRead, Result, Steps, fail, line, read_history
from chatctl.chat.commands.history import as_batch, limit_of, milliseconds, readable_room
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries.queries import MAX_PAGE_MESSAGES, HistoryPage, SearchQuery
from chatctl.protocol import capabilities as caps
from chatctl.protocol import names
from chatctl.protocol import numerics as n
from chatctl.protocol.message import Message, parse_tags


def search(context: CommandContext, session: Session, message: Message) -> Result:
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
    return _search(context, session, SearchQuery(text, limit, 0, (), source, times[0], times[1]), where)


def _search(context: CommandContext, session: Session, query: SearchQuery, where: str) -> Steps[Result]:
    """Run `query` in the places called `where`; run it again if the session left one of the rooms meanwhile."""
    while True:
        places = yield from _places(context, session, where)
        if not places and where:
            return fail("SEARCH", "INVALID_TARGET", where, text="There is nothing there that you may read")
        read = HistoryRead(replace(query, places=places))
        page = (yield from read_history(read)) if places else HistoryPage()
        if page.failed:
            return fail("SEARCH", "INTERNAL_ERROR", text="The search could not be run")
        if all(place[:1] != "#" or readable_room(context, session, place) is not None for place in places):
            return as_batch(context, session, page, "soju.im/search", ())


def _places(context: CommandContext, session: Session, where: str) -> Steps[tuple[str, ...]]:
    """Return the room `where`, or the conversations with users of that name; for ``""`` all that this session has."""
    if not where:
        page = yield from conversations.latest(context.user(session).identity)
        private = (place for place, _ in page.targets if not place.startswith("#"))
        return (*context.user(session).rooms, *private)
    if where[:1] != "#":
        return tuple((yield from conversations.find(context, session, where)))
    room = readable_room(context, session, where)
    return (room.key,) if room is not None else ()


COMMANDS = (Command("SEARCH", search, least=1),)
