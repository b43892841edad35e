"""History: CHATHISTORY.

Source: ircv3.net/specs/extensions/chathistory (draft), with event-playback. Errors are standard replies, as it asks.

Invariants:

- [members-only] The history of a room is for its members and for sessions on a short visit there. A private
  conversation is for its two participants (`queries`).
- [nick-grants-nothing] A nick alone grants nothing: the messages of its earlier owner stay theirs.
- [no-disclosure] To all other sessions a room answers like one that does not exist, so secret rooms are not disclosed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chatctl.chat.commands import conversations
from chatctl.chat.commands.base import (
    Command,
    CommandContext,
    HistoryRead,
    Long,
    Result,
    Steps,
    batched,
    fail,
    line,
    read_history,
)
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries.facts import Fact
from chatctl.chat.entries.queries import (
    MAX_PAGE_MESSAGES,
    MESSAGES,
    HistoryPage,
    HistoryQuery,
    Mark,
    TargetsQuery,
    point_of,
)
from chatctl.chat.history.history_batch import in_slices, line_count
from chatctl.chat.model.room import Room
from chatctl.protocol import capabilities as caps
from chatctl.protocol import names
from chatctl.protocol import numerics as n
from chatctl.protocol.message import Message
from chatctl.protocol.timestamps import timestamp

LONG = 1000
"""Lines of an answer that is given at once."""

_NOT_FOUND = "Messages could not be retrieved"
_SELECTORS = {"BEFORE": 1, "AFTER": 1, "LATEST": 1, "AROUND": 1, "BETWEEN": 2}


def chathistory(context: CommandContext, session: Session, message: Message) -> Result:
    """CHATHISTORY <subcommand> <target> <selectors> <limit>."""
    subcommand = message.params[0].upper()
    params = message.params[1:]
    if not session.caps & caps.CHATHISTORY:
        return [line(n.ERR_UNKNOWNCOMMAND, "CHATHISTORY")]
    if subcommand == "TARGETS":
        return _targets(context, session, params)
    selectors = _SELECTORS.get(subcommand)
    if selectors is None:
        return fail("CHATHISTORY", "INVALID_PARAMS", message.params[0], text="Unknown command")
    if len(params) != selectors + 2:
        text = "Insufficient parameters" if len(params) < selectors + 2 else "Too many parameters"
        return fail("CHATHISTORY", "INVALID_PARAMS", subcommand, text=text)
    marks: list[Mark | None] = []
    for word in params[1:-1]:
        mark = _mark(word)
        if isinstance(mark, str):
            about = (params[0], word) if mark == "INVALID_MSGREFTYPE" else (word,)
            text = f"{word} is not a valid reference; use timestamp= or msgid="
            return fail("CHATHISTORY", mark, subcommand, *about, text=text)
        if mark is None and subcommand != "LATEST":
            return fail("CHATHISTORY", "INVALID_PARAMS", subcommand, word, text="* is for LATEST only")
        marks.append(mark)
    limit = limit_of(params[-1])
    if limit is None:
        return fail("CHATHISTORY", "INVALID_PARAMS", subcommand, params[-1], text="The limit must be a positive number")
    query = _query(subcommand, marks, limit, events=bool(session.caps & caps.EVENT_PLAYBACK))
    return _read(context, session, subcommand, params[0], query)


def _mark(word: str) -> Mark | str | None:
    """Return a selector: None for ``*``, the failure code for an invalid one."""
    if word == "*":
        return None
    kind, equals, value = word.partition("=")
    if not equals or not value:
        return "INVALID_PARAMS"
    if kind == "msgid":
        return Mark(message_id=value)
    if kind != "timestamp":
        return "INVALID_MSGREFTYPE"
    time = milliseconds(value)
    return "INVALID_PARAMS" if time is None else Mark(time=time)


def milliseconds(text: str) -> int | None:
    """``2026-11-22T15:41:13.123Z`` as ms since 1970 UTC; None for anything else."""
    try:
        moment = datetime.fromisoformat(text) if text.endswith("Z") and text.isascii() else None
        return round(moment.timestamp() * 1000) if moment is not None else None
    except (ValueError, OverflowError):
        return None


def limit_of(word: str) -> int | None:
    """Return a number of messages, MAX_PAGE_MESSAGES at most; None if it is not valid."""
    number = int(word) if word.isascii() and word.isdigit() and len(word) < len("1000000") else 0
    return min(number, MAX_PAGE_MESSAGES) if number > 0 else None


def _read(
    context: CommandContext, session: Session, subcommand: str, target: str, query: HistoryQuery
) -> Steps[Result]:
    """Read `query` in the room `target`, or in the conversations with users of that name."""
    shown = target
    places: Sequence[str] = ()
    if target[:1] == "#":
        room = readable_room(context, session, target)
        if room is not None:
            places, shown = (room.key,), room.name
    elif context.state.user_or_service(target) is not None or names.problem(target) is None:
        places = yield from conversations.find(context, session, target)
    if not places:
        return fail("CHATHISTORY", "INVALID_TARGET", subcommand, target, text=_NOT_FOUND)
    page = yield from conversations.read(places, query)
    # The session may have been kicked, or the room renamed, while the reader was busy.
    if places[0][:1] == "#" and readable_room(context, session, places[0]) is None:
        return fail("CHATHISTORY", "INVALID_TARGET", subcommand, target, text=_NOT_FOUND)
    if page.failed or page.unknown:
        return fail("CHATHISTORY", "MESSAGE_ERROR", subcommand, shown, text=_NOT_FOUND)
    return as_batch(context, session, page, "chathistory", (shown,))


def joined_room(context: CommandContext, session: Session, name: str) -> Room | None:
    """Return the room called `name` if this session is a member, else None."""
    return context.user(session).rooms.get(names.room_fold(name))


def readable_room(context: CommandContext, session: Session, name: str) -> Room | None:
    """Return the room called `name` if this session may read its history, else None.

    Members may, and sessions on a short visit there unless they have been banned since.
    """
    key, user = names.room_fold(name), context.user(session)
    if key in user.rooms:
        return user.rooms[key]
    room = context.state.short_visits.of(session.id).get(key)
    banned = room is not None and room.lists is not None and room.lists.bans(user)
    return None if banned else room


def _query(subcommand: str, marks: list[Mark | None], limit: int, *, events: bool) -> HistoryQuery:
    first = marks[0]
    every = HistoryQuery("", limit, 0, kinds=() if events else MESSAGES, whole=True, nearest=True)
    if subcommand == "BEFORE":
        return replace(every, before=first)
    if subcommand == "AFTER":
        return replace(every, after=first, newest=False)
    if subcommand == "AROUND":
        return replace(every, around=first)
    if subcommand == "BETWEEN":
        # Counted from the first selector towards the second, whichever way that is.
        second = marks[1]
        backwards = _later(first, second)
        low, high = (second, first) if backwards else (first, second)
        return replace(every, after=low, before=high, newest=backwards)
    return replace(every, after=first)


def _later(one: Mark | None, other: Mark | None) -> bool:
    """Return whether `one` is later than `other`; two of different kinds are taken as they stand."""
    if one is None or other is None or bool(one.message_id) != bool(other.message_id):
        return False
    if one.message_id:
        return point_of(one.message_id) > point_of(other.message_id)
    return one.time > other.time


def as_batch(context: CommandContext, session: Session, page: HistoryPage, kind: str, params: Sequence[str]) -> Result:
    """Return a page as a batch of type `kind`; in slices if messages of many lines make it long."""
    slices = in_slices(page.facts, session.caps, kind, params, context.reference())
    return Long(slices) if line_count(page.facts) > LONG else [line for part in slices for line in part]


def _targets(context: CommandContext, session: Session, params: Sequence[str]) -> Result:
    if len(params) != 3:
        return fail("CHATHISTORY", "INVALID_PARAMS", "TARGETS", text="Two timestamps and a limit are needed")
    times: list[int] = []
    for word in params[:2]:
        mark = _mark(word)
        if not isinstance(mark, Mark) or mark.message_id:
            return fail("CHATHISTORY", "INVALID_PARAMS", "TARGETS", word, text="That is not a valid timestamp")
        times.append(mark.time)
    limit = limit_of(params[2])
    if limit is None:
        return fail("CHATHISTORY", "INVALID_PARAMS", "TARGETS", params[2], text="The limit must be a positive number")
    me = context.user(session)
    newest = times[0] > times[1]  # counted from the first, as in BETWEEN
    query = TargetsQuery(tuple(me.rooms), me.identity, min(times), max(times), limit, 0, newest)
    return _list_targets(context, session, query)


def _list_targets(context: CommandContext, session: Session, query: TargetsQuery) -> Steps[Result]:
    me = context.user(session)
    page = yield from read_history(HistoryRead(query))
    if page.failed:
        return fail("CHATHISTORY", "MESSAGE_ERROR", "TARGETS", text=_NOT_FOUND)
    latest: dict[str, Fact] = {}
    for place, fact in page.targets:
        name = fact.target if place.startswith("#") else conversations.other_nick(me, fact)
        latest.pop(name, None)
        latest[name] = fact
    lines = [Message("CHATHISTORY", ("TARGETS", name, timestamp(fact.time))) for name, fact in latest.items()]
    return batched(context, "draft/chathistory-targets", (), lines) if session.caps & caps.BATCH else lines


COMMANDS = (Command("CHATHISTORY", chathistory, least=1),)
