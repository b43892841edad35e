"""The snapshot of a room that a joining session receives: topic, members, metadata, recent messages."""

from __future__ import annotations

from chatctl.chat.commands import metadata, rooms
from chatctl.chat.commands.base import CommandContext
from chatctl.chat.delivery.fanout import Fanout
from chatctl.chat.delivery.session import Session
from chatctl.chat.engine.reply_sender import ReplySender
from chatctl.chat.history.history_batch import played, shown
from chatctl.chat.model.room import Room
from chatctl.protocol import capabilities as caps


class RoomSnapshots:
    """Sends room snapshots to sessions of this machine."""

    def __init__(self, context: CommandContext, fanout: Fanout, replies: ReplySender) -> None:
        self._context = context
        self._fanout = fanout
        self._replies = replies

    def send(self, session: Session, room: Room, since: int) -> None:
        """Send the snapshot of `room`.

        Args:
            session: The recipient, which has just joined.
            room: The room.
            since: Time (ms since 1970 UTC) up to which the user has received the room's messages.
        """
        context = self._context
        replies = [
            *rooms.snapshot_replies(context, session, room),
            *metadata.synced(context, session, room, session.subscriptions),
        ]
        self._replies.send_snapshot(session, room.key, replies)
        if session.caps & (caps.SERVER_TIME | caps.CHATHISTORY) == caps.SERVER_TIME:
            self._replay(session, room, since)

    def _replay(self, session: Session, room: Room, since: int) -> None:
        """Send the recent messages that are newer than `since`.

        Messages that are not durable yet may still be refused, so they are sent like new ones, once they are durable.
        """
        facts = [fact for fact in self._context.recent.of(room.key) if fact.time > since]
        released = self._fanout.released_seq
        known = [fact for fact in facts if fact.seq <= released]
        if known:
            batch = played(known, session.caps, "chathistory", (room.name,), self._context.reference())
            self._replies.send_snapshot(session, room.key, batch)
        for fact in facts[len(known) :]:
            for message in shown(fact, session.caps, {}, self._context.reference()):
                self._replies.send_history_line(session, message, fact.seq, room.key)
