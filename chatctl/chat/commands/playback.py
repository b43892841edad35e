"""Private messages that were stored while a user was offline, for clients that cannot request history.

Clients with draft/chathistory ask for them (CHATHISTORY TARGETS). Others with server-time are sent them after their
rooms, in a batch for each conversation if they know batches.
"""

from __future__ import annotations

from chatctl.chat.commands import conversations
from chatctl.chat.commands.base import CommandContext, HistoryRead, Long, Reply, Result, Steps, read_history
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries.queries import HistoryQuery, Mark, TargetsQuery
from chatctl.chat.history.history_batch import played
from chatctl.protocol import capabilities as caps
from chatctl.protocol.message import nick_of

MAX_CONVERSATIONS = 50
"""Conversations that are replayed, the latest ones."""

MAX_MESSAGES = 500
"""Messages of one conversation that are replayed, the latest ones."""

_SLICE = 200


def wants_playback(session: Session) -> bool:
    """Return whether a session is sent what it missed: with times, and unless it can request history itself."""
    return session.caps & (caps.SERVER_TIME | caps.CHATHISTORY) == caps.SERVER_TIME


def playback(view: CommandContext, session: Session, since: int, seq: int) -> Steps[Result]:
    """Send the private messages that are later than `since` (ms since 1970 UTC) and earlier than the entry `seq`."""
    me = view.state.user_of(session.id)
    if me is None:
        return None
    identity = me.identity
    query = TargetsQuery((), identity, since, conversations.END_OF_TIME, MAX_CONVERSATIONS, 0, newest=True)
    found = yield from read_history(HistoryRead(query, settled=True))
    lines: list[Reply] = []
    for place, latest in found.targets:
        page = yield from read_history(HistoryRead(HistoryQuery(place, MAX_MESSAGES, 0, after=Mark(time=since))))
        own = bool(session.caps & caps.ECHO_MESSAGE)
        missed = [fact for fact in page.facts if fact.seq < seq and (own or nick_of(fact.source) != me.nick)]
        if missed:
            target = conversations.other_nick(me, latest)
            lines += played(missed, session.caps, "chathistory", (target,), view.reference())
    user = view.state.user_of(session.id)
    if user is None or user.identity != identity:  # it ended, or logged in to another account meanwhile
        return None
    if len(lines) <= _SLICE:
        return lines
    return Long(lines[start : start + _SLICE] for start in range(0, len(lines), _SLICE))
