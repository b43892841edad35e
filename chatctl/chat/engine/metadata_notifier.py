"""Notifies sessions of metadata: when a user joins a room, and when a value changes
(ircv3.net/specs/extensions/metadata)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatctl.chat.commands import metadata
from chatctl.chat.commands.base import CommandContext, NumericReply, batched
from chatctl.chat.delivery.fanout import Fanout
from chatctl.chat.delivery.session import Session
from chatctl.chat.engine.reply_sender import ReplySender
from chatctl.chat.entries.deliveries import MetadataChanged
from chatctl.chat.model.room import Room
from chatctl.protocol import numerics as n

if TYPE_CHECKING:
    from chatctl.chat.delivery.sessions_by_user import SessionsByUser
    from chatctl.chat.model.ids import SessionId, UserId


class MetadataNotifier:
    """Sends METADATA to the sessions of this machine that subscribed to a key."""

    def __init__(
        self,
        context: CommandContext,
        fanout: Fanout,
        sessions: dict[SessionId, Session],
        by_user: SessionsByUser,
        replies: ReplySender,
    ) -> None:
        self._context = context
        self._fanout = fanout
        self._sessions = sessions
        self._by_user = by_user
        self._replies = replies

    def show_joined(self, id: UserId, room: Room, session: SessionId) -> None:
        """Show the metadata of a user who joined `room` by `session` to its members."""
        user = self._context.state.users[id]
        values = metadata.values_of(self._context, user)
        if values:
            changed: tuple[tuple[str, str | None], ...] = tuple(values.items())
            self.notify(MetadataChanged(session, user.nick, changed, room.key, (), cleared=False))

    def notify(self, delivery: MetadataChanged) -> None:
        """Notify all sessions that the delivery concerns, except the one that made the change."""
        context, actor = self._context, self._sessions.get(delivery.actor)
        if delivery.room:
            recipients = dict.fromkeys(self._fanout.members(delivery.room, 0))
        else:
            here = self._by_user.of_all(delivery.users)
            recipients = dict.fromkeys(session for session in here if session is not None)
            recipients.update(dict.fromkeys(context.monitors.watchers(delivery.target)))
        for session in recipients:
            if session is not actor and session.caps & metadata.METADATA:
                for key, value in delivery.changed:
                    if key in session.subscriptions:
                        self._fanout.order_after(session)  # so that it waits for the record, as everything does
                        news = metadata.news(session, delivery.target, key, value, context.rules.server_name)
                        self._replies.reply(session, news)
        if actor is not None and delivery.cleared:
            gone = [NumericReply(n.RPL_KEYNOTSET, (delivery.target, key)) for key, _ in delivery.changed]
            self._replies.reply_all(actor, batched(context, "metadata", (delivery.target,), gone))
