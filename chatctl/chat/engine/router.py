"""The router: hands deliveries to the sessions of this machine that receive them.

Deliveries are handled in order, right after their entry was applied, so the state seen here is the entry's. If they
answer a labelled command, they are part of its response (:mod:`chatctl.chat.engine.reply_sender`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from chatctl.chat.commands import about, playback, rooms
from chatctl.chat.commands.base import CommandContext, NumericReply
from chatctl.chat.commands.playback import Playback
from chatctl.chat.delivery.fanout import Fanout
from chatctl.chat.delivery.render import tags_of
from chatctl.chat.delivery.session import Session
from chatctl.chat.engine.labeled_response import LabeledResponse, ResponsePart
from chatctl.chat.engine.metadata_notifier import MetadataNotifier
from chatctl.chat.engine.reply_sender import ReplySender
from chatctl.chat.engine.room_snapshots import RoomSnapshots
from chatctl.chat.entries import deliveries as d
from chatctl.chat.entries.outcome import Outcome
from chatctl.chat.model.ids import NO_SESSION
from chatctl.chat.ports import LogPort
from chatctl.protocol import capabilities as caps
from chatctl.protocol import numerics as n
from chatctl.protocol.message import Message
from chatctl.protocol.standard_replies import standard_reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatctl.chat.delivery.sessions_by_user import SessionsByUser
    from chatctl.chat.model.ids import Recipient, SessionId, UserId
    from chatctl.chat.model.server_bans import Ban


class Router:
    """Hands deliveries to the fan-out. `sessions` are this machine's, by id, and `by_user` the registered ones of
    them."""

    def __init__(
        self,
        context: CommandContext,
        fanout: Fanout,
        sessions: dict[SessionId, Session],
        by_user: SessionsByUser,
        replies: ReplySender,
        log: LogPort,
    ) -> None:
        self.banned_sessions: list[tuple[Session, Ban]] = []
        """Sessions that a new ban applies to. The hub empties it."""
        self.playbacks: list[Playback] = []
        """Replays that are due. The hub empties it."""
        self._context = context
        self._fanout = fanout
        self._sessions = sessions
        self._by_user = by_user
        self._replies = replies
        self._snapshots = RoomSnapshots(context, fanout, replies)
        self._metadata = MetadataNotifier(context, fanout, sessions, by_user, replies)
        self._log = log
        self._proposer = NO_SESSION  # the session that proposed the entry whose deliveries are handled

    # `seq`: the entry that must be stored for deliveries to be shown, or 0.

    def route(self, outcome: Outcome, seq: int) -> None:
        """Route all deliveries of an entry. Its notes are logged when it is stored (commit_gate.py), if it must be."""
        if outcome.notes and not seq:
            for event, fields in outcome.notes:
                self._log.info(event, **fields)
        self._replies.shown_if_stored = seq
        proposal = outcome.entry.proposal
        label = proposal.label
        self._proposer = proposal.session
        session = self._sessions.get(proposal.session) if label else None
        if session is None:
            for delivery in outcome.deliveries:
                _DELIVER[type(delivery)](self, delivery, seq)
            self._replies.shown_if_stored = 0
            return
        with self._replies.gather_response(session, label, seq):
            response = self._replies.response
            assert response is not None
            response.depends_on_commit = bool(outcome.facts)
            for delivery in outcome.deliveries:
                _DELIVER[type(delivery)](self, delivery, seq)
        self._replies.shown_if_stored = 0

    def route_undo(self, deliveries: Iterable[d.Delivery]) -> None:
        """Carry out the deliveries of an undo, which restore the subscriptions of sessions."""
        for delivery in deliveries:
            _DELIVER[type(delivery)](self, delivery, 0)

    def _sessions_of(self, to: Recipient) -> Sequence[Session]:
        """Return the sessions of a recipient that this machine serves."""
        if isinstance(to, str):
            return self._by_user.of(to)
        session = self._sessions.get(to)
        return (session,) if session is not None else ()

    def _reply_targets(self, to: Recipient) -> Sequence[Session]:
        """Return the sessions that are sent a reply: of the user whose session proposed the entry, that session."""
        asking = self._sessions.get(self._proposer)
        if asking is not None and asking.user_id == to:
            return (asking,)
        return self._sessions_of(to)

    def _to_room(self, delivery: d.ToRoom, seq: int) -> None:
        sender = self._sessions.get(delivery.sender) if delivery.sender else None
        message, stamp, needs = delivery.message, delivery.stamp, delivery.needs
        response = self._replies.response
        answered = response.session if response is not None and delivery.room in response.session.rooms else None
        if answered is not None and not _receives(answered, sender, needs):
            answered = None
        if delivery.ephemeral:
            self._fanout.send_ephemeral(self._recipients(delivery, sender, answered), message, stamp)
            spot = None
        else:
            departed, seq = delivery.departed_sessions, seq or delivery.entry
            spot = self._fanout.to_room(delivery.room, message, stamp, sender, needs, seq, answered, departed=departed)
        if response is not None and answered is not None:
            response.pieces.append(ResponsePart(tags_of(stamp, answered.shape), message.line, "", spot))
            response.depends_on_commit = response.depends_on_commit or not delivery.ephemeral

    def _lines_to_room(self, delivery: d.LinesToRoom, seq: int) -> None:
        sender = self._sessions.get(delivery.sender)
        self._fanout.lines_to_room(delivery.room, delivery.lines, delivery.stamps, sender, seq)

    def _recipients(self, delivery: d.ToRoom, sender: Session | None, answered: Session | None) -> Iterator[Session]:
        for session in self._fanout.members(delivery.room, delivery.needs):
            if session is not answered and (session is not sender or session.caps & caps.ECHO_MESSAGE):
                yield session

    def _to_users(self, delivery: d.ToUsers, seq: int) -> None:
        needs, message, stamp = delivery.needs, delivery.message, delivery.stamp
        here = self._by_user.of_all(delivery.users)
        wanted = [session for session in here if session is not None and session.caps & needs == needs]
        response = self._replies.response
        if response is not None and delivery.answers and response.session in wanted:
            wanted.remove(response.session)
            response.pieces.append(ResponsePart(tags_of(stamp, response.session.shape), message.line))
            response.depends_on_commit = response.depends_on_commit or not delivery.ephemeral
        if wanted and delivery.ephemeral:
            self._fanout.send_ephemeral(wanted, message, stamp)
        elif wanted:
            self._fanout.to_sessions(wanted, message, stamp, seq or delivery.entry)

    def _to_session(self, delivery: d.ToSession, seq: int) -> None:
        session = self._sessions.get(delivery.session)
        if session is None or session.caps & delivery.needs != delivery.needs:
            return
        response = self._replies.response
        if response is not None and response.session is session:
            response.pieces.append(ResponsePart(tags_of(delivery.stamp, session.shape), delivery.message.line))
            response.depends_on_commit = True
        else:
            self._fanout.to_sessions((session,), delivery.message, delivery.stamp, seq)

    def _in_forms(self, delivery: d.InForms, seq: int) -> None:
        some = delivery.users or delivery.watched or delivery.but or delivery.sender
        if not some and self._fanout.are_grouped(delivery.forms):
            self._forms_to_room(delivery, seq)
            return
        here = self._by_user.of_all(delivery.users)
        wanted = dict.fromkeys(session for session in here if session is not None)
        if delivery.room:
            wanted.update(dict.fromkeys(self._fanout.members(delivery.room, 0)))
        if delivery.watched:
            watchers = self._context.monitors.watchers(delivery.watched)
            wanted.update(dict.fromkeys(each for each in watchers if each.caps & caps.EXTENDED_MONITOR))
        for session in self._sessions_of(delivery.but) if delivery.but else ():
            wanted.pop(session, None)
        sender = self._sessions.get(delivery.sender) if delivery.sender else None
        if sender is not None and not sender.caps & caps.ECHO_MESSAGE:
            wanted.pop(sender, None)
        response = self._replies.response
        if response is not None and delivery.answers and response.session in wanted:
            del wanted[response.session]
            self._add_form_to_response(response, delivery.forms)
        self._fanout.in_forms(wanted, delivery.forms, seq)

    def _forms_to_room(self, delivery: d.InForms, seq: int) -> None:
        """Send an event with several forms to all members of a room, as a message is sent."""
        response = self._replies.response
        answered = None
        if response is not None and delivery.answers and delivery.room in response.session.rooms:
            answered = response.session
            self._add_form_to_response(response, delivery.forms)
        self._fanout.forms_to_room(delivery.room, delivery.forms, answered, seq)

    @staticmethod
    def _add_form_to_response(response: LabeledResponse, forms: Iterable[d.Form]) -> None:
        session = response.session
        form = next((form for form in forms if session.caps & form.needs == form.needs), None)
        if form is not None and form.lines:
            response.depends_on_commit = True
            for message, stamp in form.lines:
                batch = message.params[0] if message.command == "BATCH" else ""
                response.pieces.append(ResponsePart(tags_of(stamp, session.shape), message.line, batch))

    def _send_numeric(self, delivery: d.SendNumeric, seq: int) -> None:
        for session in self._reply_targets(delivery.to):
            self._replies.reply(session, NumericReply(delivery.numeric, delivery.params, delivery.text))

    def _send_fail(self, delivery: d.SendFail, seq: int) -> None:
        for session in self._reply_targets(delivery.to):
            fail = standard_reply("FAIL", delivery.command, delivery.code, *delivery.context, text=delivery.text)
            self._replies.reply(session, fail)

    def _subscribe(self, delivery: d.Subscribed, seq: int) -> None:
        for session in self._by_user.of(delivery.user):
            self._fanout.subscribe(session, delivery.room)

    def _send_snapshot(self, delivery: d.RoomSnapshot, seq: int) -> None:
        room = self._context.state.rooms[delivery.room]
        for session in self._by_user.of(delivery.user):
            self._snapshots.send(session, room, delivery.since)
        self._metadata.show_joined(delivery.user, room, self._proposer)

    def _notify_metadata(self, delivery: d.MetadataChanged, seq: int) -> None:
        self._metadata.notify(delivery)

    def _rename_room(self, delivery: d.RoomRenamed, seq: int) -> None:
        room = self._context.state.rooms[delivery.key]
        self._fanout.rename(delivery.old_key, delivery.key)
        known = d.Form(caps.CHANNEL_RENAME, delivery.form.lines)
        self._in_forms(d.InForms((known,), delivery.key), seq)
        if delivery.old_key == delivery.key:
            # the same name in another spelling: clients without RENAME need not be told (channel-rename, "Fallback")
            return
        for session in list(self._fanout.members(delivery.key, 0)):
            if not session.caps & caps.CHANNEL_RENAME:
                self._fanout.order_after(session)  # so that it waits for the fact, as everything does
                prefix = self._context.user(session).prefix
                reason = (delivery.reason,) if delivery.reason else ()
                self._replies.reply(session, Message("PART", (delivery.old_name, *reason), prefix))
                self._replies.reply(session, Message("JOIN", (room.name,), prefix))
                self._replies.reply_all(session, rooms.snapshot_replies(self._context, session, room))

    def _move_room(self, delivery: d.RoomMoved, seq: int) -> None:
        self._fanout.rename(delivery.old_key, delivery.key)

    def _unsubscribe(self, delivery: d.Unsubscribed, seq: int) -> None:
        for session in self._by_user.of(delivery.user):
            self._fanout.unsubscribe(session, delivery.room)

    def _begin_visit(self, delivery: d.VisitBegan, seq: int) -> None:
        session = self._sessions.get(delivery.session)
        if session is None:
            return
        room, user = self._context.state.rooms[delivery.room], self._context.user(session)
        if delivery.hears:
            self._fanout.subscribe(session, room.key)
        self._replies.reply(session, rooms.own_join(session, user, room))
        self._replies.reply_all(session, rooms.snapshot_replies(self._context, session, room))

    def _end_visit(self, delivery: d.VisitEnded, seq: int) -> None:
        session = self._sessions.get(delivery.session)
        if session is None:
            return
        self._fanout.unsubscribe(session, delivery.room)
        if delivery.message is not None:
            self._replies.reply(session, delivery.message)

    def _notify_online(self, delivery: d.CameOnline, seq: int) -> None:
        self._fanout.end_departures()
        if delivery.quiet:
            return
        for session in self._context.monitors.watchers(delivery.nick):
            self._replies.reply(session, NumericReply(n.RPL_MONONLINE, (), delivery.prefix))

    def _notify_offline(self, delivery: d.WentOffline, seq: int) -> None:
        for session in self._context.monitors.watchers(delivery.nick):
            self._replies.reply(session, NumericReply(n.RPL_MONOFFLINE, (), delivery.nick))

    def _log_in(self, delivery: d.LoggedIn, seq: int) -> None:
        for session in self._sessions_of(delivery.to):
            session.account_id = delivery.account_id

    def _register(self, delivery: d.Registered, seq: int) -> None:
        session = self._sessions.get(delivery.session)
        if session is not None:
            self._welcome(session, delivery.user)

    def _welcome(self, session: Session, user: UserId) -> None:
        self._by_user.add(session, user)
        if session.sasl is not None:  # the client has registered instead of completing the exchange (sasl-3.1)
            session.sasl = None
            self._replies.reply(session, NumericReply(n.ERR_SASLABORTED, ()))
        session.registering = False
        session.registered = True
        session.password = ""
        self._log.info("user registered", session=session.id, user=user, users=self._context.state.places_taken)
        self._replies.reply_all(session, about.welcome(self._context, session))

    def _attach(self, delivery: d.Attached, seq: int) -> None:
        session = self._sessions.get(delivery.session)
        user = self._context.state.users.get(delivery.user)
        if session is None or user is None:
            return
        self._welcome(session, user.id)

    def _move_session(self, delivery: d.SessionMoved, seq: int) -> None:
        session = self._sessions.get(delivery.session)
        if session is None:
            return
        for room in list(session.rooms):
            self._fanout.unsubscribe(session, room)
        if delivery.message is not None:
            self._replies.reply(session, delivery.message)
        self._by_user.remove(session)
        self._by_user.add(session, delivery.user)
        session.account_id = delivery.account_id

    def _send_snapshots(self, delivery: d.RoomsShown, seq: int) -> None:
        session = self._sessions.get(delivery.session)
        user = self._context.state.users.get(delivery.user)
        if session is None or user is None:
            return
        due = playback.due(self._context, session, user, delivery.since, delivery.seq)
        self._replies.shown_if_stored = delivery.seq
        for room in user.rooms.values():
            self._fanout.subscribe(session, room.key)
            self._replies.send_snapshot(session, "", [rooms.own_join(session, user, room)])
            self._snapshots.send(session, room, delivery.since.get(room.key, 0))
        self._replies.shown_if_stored = 0
        if due is not None:
            self.playbacks.append(due)

    def _reject(self, delivery: d.Rejected, seq: int) -> None:
        session = self._sessions.get(delivery.session)
        if session is None:
            return
        session.registering = False
        session.nick = ""
        if delivery.closing:
            self._replies.end(session, delivery.closing)

    def _close_session(self, delivery: d.SessionClosed, seq: int) -> None:
        session = self._sessions.get(delivery.session)
        if session is not None:
            session.dropped = delivery.drop
            self._replies.end(session, delivery.reason)

    def _replace_rules(self, delivery: d.RulesChanged, seq: int) -> None:
        self._context.rules = self._context.state.rules

    def _collect_banned(self, delivery: d.BanApplied, seq: int) -> None:
        bans, now = self._context.state.accounts.bans, self._context.clock()
        found = ((session, bans.of_address(session.address, now)) for session in self._sessions.values())
        self.banned_sessions += [(session, ban) for session, ban in found if ban is not None and not session.console]

    def _probe_users(self, delivery: d.ProbeUsers, seq: int) -> None:
        self._replies.probe(delivery.users)


def _receives(session: Session, sender: Session | None, needs: int) -> bool:
    """Return whether a member is sent a line: the sender only with echo-message."""
    if session is sender:
        needs |= caps.ECHO_MESSAGE
    return session.caps & needs == needs


_DELIVER: Mapping[type[d.Delivery], Callable[..., None]] = {
    d.ToRoom: Router._to_room,
    d.LinesToRoom: Router._lines_to_room,
    d.ToUsers: Router._to_users,
    d.ToSession: Router._to_session,
    d.InForms: Router._in_forms,
    d.SendNumeric: Router._send_numeric,
    d.SendFail: Router._send_fail,
    d.Subscribed: Router._subscribe,
    d.RoomSnapshot: Router._send_snapshot,
    d.Unsubscribed: Router._unsubscribe,
    d.VisitBegan: Router._begin_visit,
    d.VisitEnded: Router._end_visit,
    d.RoomRenamed: Router._rename_room,
    d.RoomMoved: Router._move_room,
    d.MetadataChanged: Router._notify_metadata,
    d.CameOnline: Router._notify_online,
    d.WentOffline: Router._notify_offline,
    d.LoggedIn: Router._log_in,
    d.Registered: Router._register,
    d.Attached: Router._attach,
    d.SessionMoved: Router._move_session,
    d.RoomsShown: Router._send_snapshots,
    d.Rejected: Router._reject,
    d.SessionClosed: Router._close_session,
    d.RulesChanged: Router._replace_rules,
    d.ProbeUsers: Router._probe_users,
    d.BanApplied: Router._collect_banned,
}
