"""Replay of messages that a user missed while offline, for clients that cannot request history.

Clients with draft/chathistory ask for it (CHATHISTORY TARGETS). Others with server-time are sent private messages after
their rooms, in a batch for each conversation if they know batches; and the messages of rooms that were not in memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chatctl.chat.commands import conversations
from chatctl.chat.commands.base import CommandContext, HistoryRead, Long, Reply, Result, Steps, read_history
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries.facts import Fact
from chatctl.chat.entries.queries import HistoryQuery, Mark, TargetsQuery
from chatctl.chat.history.history_batch import played
from chatctl.chat.model.replay_positions import PRIVATE
from chatctl.chat.model.user import User
from chatctl.protocol import capabilities as caps
from chatctl.protocol.message import nick_of

MAX_CONVERSATIONS = 50
"""Conversations that are replayed, the latest ones."""

MAX_MESSAGES = 500
"""Messages of one conversation that are replayed, the latest ones."""

_SLICE = 200


@dataclass(frozen=True, slots=True)
class Playback:
    """A replay that is due: to `session`, of facts that are later than the times in `since` (ms since 1970 UTC, by room
    key and PRIVATE) and earlier than the entry `seq`. `rooms`: those whose messages were not in memory."""

    session: Session
    since: Mapping[str, int]
    seq: int
    rooms: Sequence[str]


def due(context: CommandContext, session: Session, user: User, since: Mapping[str, int], seq: int) -> Playback | None:
    """Return the replay for a session that was attached to `user` by the entry `seq`, if it needs one."""
    if session.caps & (caps.SERVER_TIME | caps.CHATHISTORY) != caps.SERVER_TIME:
        return None
    rooms = [key for key in user.rooms if not context.recent.knows(key)]
    return Playback(session, since, seq, rooms) if rooms or since.get(PRIVATE) else None


def replay(context: CommandContext, playback: Playback) -> Steps[Result]:
    """Read and send what a session missed."""
    session = playback.session
    user = context.state.user_of(session.id)
    if user is None:
        return None
    identity = user.identity
    lines: list[Reply] = []
    for key in playback.rooms:
        lines += yield from _missed_in_room(context, playback, key)
    if playback.since.get(PRIVATE):
        lines += yield from _missed_in_private(context, playback, user)
    user = context.state.user_of(session.id)
    if user is None or user.identity != identity:  # it ended, or logged in to another account meanwhile
        return None
    if len(lines) <= _SLICE:
        return lines
    return Long(lines[start : start + _SLICE] for start in range(0, len(lines), _SLICE))


def _missed_in_room(context: CommandContext, playback: Playback, key: str) -> Steps[Sequence[Reply]]:
    if not context.recent.knows(key):
        read = HistoryRead(HistoryQuery(key, context.recent.length, 0), settled=True)
        page = yield from read_history(read)
        context.recent.load(key, page.facts, read.upto)
    user, since = context.state.user_of(playback.session.id), playback.since.get(key, 0)
    room = user.rooms.get(key) if user is not None else None
    missed = [fact for fact in context.recent.of(key) if since < fact.time and fact.seq < playback.seq]
    return _batch(context, playback.session, missed, room.name) if room is not None else []


def _missed_in_private(context: CommandContext, playback: Playback, me: User) -> Steps[Sequence[Reply]]:
    since, session = playback.since[PRIVATE], playback.session
    query = TargetsQuery((), me.identity, since, conversations.END_OF_TIME, MAX_CONVERSATIONS, 0, newest=True)
    found = yield from read_history(HistoryRead(query, settled=True))
    lines: list[Reply] = []
    for place, latest in found.targets:
        page = yield from read_history(HistoryRead(HistoryQuery(place, MAX_MESSAGES, 0, after=Mark(time=since))))
        own = bool(session.caps & caps.ECHO_MESSAGE)
        missed = [fact for fact in page.facts if fact.seq < playback.seq and (own or nick_of(fact.source) != me.nick)]
        lines += _batch(context, session, missed, conversations.other_nick(me, latest))
    return lines


def _batch(context: CommandContext, session: Session, facts: Sequence[Fact], target: str) -> Sequence[Reply]:
    return played(facts, session.caps, "chathistory", (target,), context.reference()) if facts else []
