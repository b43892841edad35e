"""Deliveries and answers to this machine's sessions: who of them gets what, and what of it answers a labelled command.

The rules of this file:

1. Deliveries are handled in order, right after their entry was applied, so that the state seen here is the entry's.
2. While a labelled command is answered, whatever its session is sent because of it is gathered
   (:mod:`chatctl.chat.responses`), and sent when all of it is there, as one.
3. A response to which an entry contributed is parked like everything that follows from the entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chatctl.chat import deliveries as d
from chatctl.chat.commands import about, metadata, rooms
from chatctl.chat.commands.kinds import Close, Line, Note, Probe, Reply, View, batched
from chatctl.chat.fanout import Fanout
from chatctl.chat.playback import played
from chatctl.chat.ports import Log
from chatctl.chat.render import tags_of
from chatctl.chat.replies import reply_message
from chatctl.chat.responses import Piece, Response
from chatctl.chat.room import Room
from chatctl.chat.session import Session
from chatctl.protocol import capabilities as caps
from chatctl.protocol import names
from chatctl.protocol import numerics as n
from chatctl.protocol.message import Message, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatctl.chat.bans import Ban


class Delivering:
    """Hands deliveries and answers to the fan-out. `sessions` are this machine's, by id; a session that ends leaves."""

    def __init__(self, view: View, fanout: Fanout, sessions: dict[int, Session], log: Log) -> None:
        self.probes: list[int] = []
        """Sessions whose silence somebody wants broken. The owner empties it."""
        self.ended: list[Session] = []
        """Sessions that are over: they get what is in `out`, and are closed. The owner empties it."""
        self.unwelcome: list[tuple[Session, Ban]] = []
        """Sessions that have to go, and why. The hub empties it."""
        self._ending: list[Session] = []
        self._view = view
        self._fanout = fanout
        self._sessions = sessions
        self._log = log
        self._response: Response | None = None
        self._asked = (0, 0)
        """Of the entry whose deliveries are handled: the user it is of, and the session that asked."""

    # Labelled commands.

    @contextmanager
    def answering(self, session: Session, label: str, seq: int = 0) -> Iterator[None]:
        """What `session` is sent meanwhile answers its command `label`. `seq`: as in Fanout.to_room."""
        response = self._response = Response(session, label)
        try:
            yield
        finally:
            self._response = None
        spot = response.single.spot if response.single is not None else None
        data = response.encoded(self._view.rules.server_name, self._view.reference)
        if spot is not None and self._fanout.splice(spot, session, data):
            return
        if response.caused:
            self._fanout.direct(session, data, seq)
        else:
            self._fanout.answer(session, data)

    def _answers(self, session: Session) -> Response | None:
        """The response that what `session` is sent now belongs to."""
        response = self._response
        return response if response is not None and response.session is session else None

    # Answers.

    def reply_all(self, session: Session, replies: Iterable[Reply], label: str = "") -> None:
        """Several replies to one command; with a label they are one response."""
        if label:
            with self.answering(session, label):
                self.reply_all(session, replies)
        else:
            for reply in replies:
                self.reply(session, reply)

    def reply(self, session: Session, reply: Reply) -> None:
        """One reply to what `session` sent."""
        if isinstance(reply, Close):
            self.end(session, reply.reason)
        elif isinstance(reply, Probe):
            self.probes += [id for id in reply.users if id in self._sessions]
        elif isinstance(reply, Note):
            self._log.info(reply.event, session=session.id, address=session.address, **reply.fields)
        else:
            message = reply_message(self._view.rules.server_name, self._view.called(session), reply)
            response = self._answers(session)
            if response is not None:
                response.add_message(message)
            else:
                self._fanout.answer(session, _encoded(message))

    def refuse(self, id: int, command: str, reason: str, label: str) -> None:
        """A command of session `id` was refused, after others of it or instead of them, since nothing can be kept."""
        session = self._sessions.get(id)
        if session is not None:
            message = Message("FAIL", (command, "NOT_STORED", f"This was not sent: {reason}"))
            message.source = self._view.rules.server_name
            message.tags = {"label": label} if label else {}
            self._fanout.direct(session, _encoded(message))

    def end(self, session: Session, reason: str) -> None:
        """The session's last line, in its place after all that it was sent; then it is over."""
        if self._sessions.pop(session.id, None) is None:
            return
        for key in list(session.rooms):
            self._fanout.leave(session, key)
        self._view.watches.clear(session)
        session.inbox.clear()
        self._view.batches.pop(session.id, None)
        session.closing = reason
        message = Message("ERROR", (reason,))
        response = self._answers(session)
        if response is not None:
            response.add_message(message)
            response.caused = True
        else:
            self._fanout.direct(session, message.line)
        self._ending.append(session)

    def collect_ended(self) -> None:
        """After a release: sessions whose last line is out are over."""
        if self._ending:
            parked = self._fanout.has_parked
            self.ended += [session for session in self._ending if session.dropped or not parked(session)]
            self._ending = [session for session in self._ending if not session.dropped and parked(session)]

    # Deliveries. `seq` is the entry that must be kept for them to be shown, or 0.

    def outcome(self, outcome: d.Outcome, seq: int) -> None:
        """All that follows from an entry."""
        for event, fields in outcome.notes:
            self._log.info(event, **fields)
        proposal = outcome.entry.proposal
        label = proposal.label
        self._asked = (proposal.session, proposal.origin)
        session = self._sessions.get(proposal.origin) if label else None
        if session is None:
            for delivery in outcome.deliveries:
                _DELIVER[type(delivery)](self, delivery, seq)
            return
        with self.answering(session, label, seq):
            response = self._response
            assert response is not None
            response.caused = bool(outcome.facts)
            for delivery in outcome.deliveries:
                _DELIVER[type(delivery)](self, delivery, seq)

    def _all_of(self, users: Iterable[int]) -> Iterable[Session | None]:
        """The sessions of `users` that this machine serves."""
        if not self._view.state.attached:
            return map(self._sessions.get, users)
        return [session for id in users for session in self._of(id)]

    def _of(self, id: int) -> Sequence[Session]:
        """The sessions that are user `id`; before registration, the session itself."""
        state = self._view.state
        user = state.users.get(id) if state.attached else None
        ids = user.ids if user is not None else (id,)
        return [session for session in map(self._sessions.get, ids) if session is not None]

    def _asking(self, id: int) -> Session | None:
        """The session of user `id` that caused what is handled; of others, the first."""
        user, origin = self._asked
        return self._sessions.get(origin if id == user else id)

    def _told(self, id: int) -> Sequence[Session]:
        """Who reads a reply to user `id`: of the one who asked, the session that did."""
        if id != self._asked[0]:
            return self._of(id)
        session = self._asking(id)
        return (session,) if session is not None else ()

    def _to_room(self, delivery: d.ToRoom, seq: int) -> None:
        speaker = self._asking(delivery.speaker) if delivery.speaker else None
        message, stamp, needs = delivery.message, delivery.stamp, delivery.needs
        response = self._response
        answered = response.session if response is not None and delivery.room in response.session.rooms else None
        if answered is not None and not _hears(answered, speaker, needs):
            answered = None
        if delivery.passing:
            self._fanout.passing(self._listeners(delivery, speaker, answered), message, stamp)
            spot = None
        else:
            spot = self._fanout.to_room(delivery.room, message, stamp, speaker, needs, seq, answered)
        if response is not None and answered is not None:
            response.pieces.append(Piece(tags_of(stamp, answered.shape), message.line, "", spot))
            response.caused = response.caused or not delivery.passing

    def _lines_to_room(self, delivery: d.LinesToRoom, seq: int) -> None:
        def stamps() -> list[d.Stamp]:
            facts, bot = delivery.facts, delivery.bot
            return [d.Stamp(fact.time, fact.message_id, None, fact.account, bot=bot) for fact in facts]

        self._fanout.lines_to_room(delivery.room, delivery.lines, stamps, self._asking(delivery.speaker), seq)

    def _listeners(self, delivery: d.ToRoom, speaker: Session | None, answered: Session | None) -> Iterator[Session]:
        for session in self._fanout.members(delivery.room, delivery.needs):
            if session is not answered and (session is not speaker or session.caps & caps.ECHO_MESSAGE):
                yield session

    def _to_users(self, delivery: d.ToUsers, seq: int) -> None:
        here = self._all_of(delivery.users)
        needs, message, stamp = delivery.needs, delivery.message, delivery.stamp
        wanted = [session for session in here if session is not None and session.caps & needs == needs]
        response = self._response
        if response is not None and delivery.answers and response.session in wanted:
            wanted.remove(response.session)
            response.pieces.append(Piece(tags_of(stamp, response.session.shape), message.line))
            response.caused = response.caused or not delivery.passing
        if wanted and delivery.passing:
            self._fanout.passing(wanted, message, stamp)
        elif wanted:
            self._fanout.to_sessions(wanted, message, stamp, seq)

    def _in_forms(self, delivery: d.InForms, seq: int) -> None:
        here = self._all_of(delivery.users)
        wanted = dict.fromkeys(session for session in here if session is not None)
        if delivery.room:
            wanted.update(dict.fromkeys(self._fanout.members(delivery.room, 0)))
        if delivery.watched:
            watchers = self._view.watches.watchers(delivery.watched)
            wanted.update(dict.fromkeys(each for each in watchers if each.caps & caps.EXTENDED_MONITOR))
        for id in (delivery.but, delivery.speaker):
            session = self._asking(id) if id else None
            if session is not None and not (id == delivery.speaker and session.caps & caps.ECHO_MESSAGE):
                wanted.pop(session, None)
        response = self._response
        if response is not None and delivery.answers and response.session in wanted:
            del wanted[response.session]
            self._answer_in_form(response, delivery.forms)
        self._fanout.in_forms(wanted, delivery.forms, seq)

    @staticmethod
    def _answer_in_form(response: Response, forms: Iterable[d.Form]) -> None:
        session = response.session
        form = next((form for form in forms if session.caps & form.needs == form.needs), None)
        if form is not None and form.lines:
            response.caused = True
            for message, stamp in form.lines:
                batch = message.params[0] if message.command == "BATCH" else ""
                response.pieces.append(Piece(tags_of(stamp, session.shape), message.line, batch))

    def _tell(self, delivery: d.Tell, seq: int) -> None:
        for session in self._told(delivery.user):
            self.reply(session, Line(delivery.numeric, delivery.params, delivery.text))

    def _tell_fail(self, delivery: d.TellFail, seq: int) -> None:
        for session in self._told(delivery.user):
            self.reply(session, Message("FAIL", (delivery.command, delivery.code, *delivery.context, delivery.text)))

    def _entered(self, delivery: d.Entered, seq: int) -> None:
        for session in self._of(delivery.user):
            self._fanout.enter(session, delivery.room)

    def _described(self, delivery: d.Described, seq: int) -> None:
        room = self._view.state.rooms[delivery.room]
        for session in self._of(delivery.user):
            self._describe(session, room)
        self._introduce(delivery.user, room)

    def _describe(self, session: Session, room: Room) -> None:
        """What somebody who just entered is told."""
        self.reply_all(session, rooms.described(self._view, session, room))
        self.reply_all(session, metadata.synced(self._view, session, room, session.subscriptions))
        # All that was said before this entry: what of it is not durable yet is parked before this, in order.
        asks = session.caps & (caps.SERVER_TIME | caps.CHATHISTORY)
        if asks == caps.SERVER_TIME and (facts := self._view.tails.of(room.key)):
            for message in played(facts, session.caps, "chathistory", (room.name,), self._view.reference()):
                self.reply(session, message)

    def _introduce(self, id: int, room: Room) -> None:
        """Those in `room` learn what somebody who came in says of themselves."""
        user = self._view.state.users[id]
        values = metadata.values_of(self._view, user)
        if values:
            changed: tuple[tuple[str, str | None], ...] = tuple(values.items())
            self._metadata_changed(d.MetadataChanged(user.id, user.nick, changed, room.key, (), cleared=False), 0)

    def _metadata_changed(self, delivery: d.MetadataChanged, seq: int) -> None:
        view, actor = self._view, self._asking(delivery.actor)
        if delivery.room:
            told = dict.fromkeys(self._fanout.members(delivery.room, 0))
        else:
            here = self._all_of(delivery.users)
            told = dict.fromkeys(session for session in here if session is not None)
            told.update(dict.fromkeys(view.watches.watchers(delivery.target)))
        for session in told:
            if session is not actor and session.caps & metadata.METADATA:
                for key, value in delivery.changed:
                    if key in session.subscriptions:
                        self._fanout.caused(session)  # so that it waits for the record, as everything does
                        news = metadata.news(session, delivery.target, key, value, view.rules.server_name)
                        self.reply(session, news)
        if actor is not None and delivery.cleared:
            gone = [Line(n.RPL_KEYNOTSET, (delivery.target, key)) for key, _ in delivery.changed]
            self.reply_all(actor, batched(view, "metadata", (delivery.target,), gone))

    def _renamed(self, delivery: d.Renamed, seq: int) -> None:
        room = self._view.state.rooms[delivery.key]
        self._fanout.rename(delivery.old_key, delivery.key)
        known = d.Form(caps.CHANNEL_RENAME, delivery.form.lines)
        self._in_forms(d.InForms((known,), delivery.key), seq)
        if delivery.old_key == delivery.key:
            return  # another spelling only: whoever does not know RENAME need not be told (channel-rename, "Fallback")
        for session in list(self._fanout.members(delivery.key, 0)):
            if not session.caps & caps.CHANNEL_RENAME:
                self._fanout.caused(session)  # so that it waits for the fact, as everything does
                prefix = self._view.user(session).prefix
                reason = (delivery.reason,) if delivery.reason else ()
                self.reply(session, Message("PART", (delivery.old_name, *reason), prefix))
                self.reply(session, Message("JOIN", (room.name,), prefix))
                self.reply_all(session, rooms.described(self._view, session, room))

    def _left(self, delivery: d.Left, seq: int) -> None:
        for session in self._of(delivery.user):
            self._fanout.leave(session, delivery.room)

    def _appeared(self, delivery: d.Appeared, seq: int) -> None:
        for session in self._view.watches.watchers(delivery.nick):
            self.reply(session, Line(n.RPL_MONONLINE, (), delivery.prefix))

    def _vanished(self, delivery: d.Vanished, seq: int) -> None:
        for session in self._view.watches.watchers(delivery.nick):
            self.reply(session, Line(n.RPL_MONOFFLINE, (), delivery.nick))

    def _logged_in(self, delivery: d.LoggedIn, seq: int) -> None:
        for session in self._of(delivery.user):
            session.account = delivery.account

    def _account_gone(self, delivery: d.AccountGone, seq: int) -> None:
        self.account_gone(delivery.key)

    def account_gone(self, key: str) -> None:
        """Nobody comes in with this account any more."""
        for session in self._sessions.values():
            if session.account and names.fold(session.account) == key:
                session.account = ""

    def _welcomed(self, delivery: d.Welcomed, seq: int) -> None:
        session = self._sessions.get(delivery.user)
        if session is not None:
            self._welcome(session)

    def _welcome(self, session: Session) -> None:
        session.registering = False
        session.registered = True
        session.password = ""
        self._log.info("user registered", session=session.id, users=len(self._view.state.users))
        self.reply_all(session, about.welcome(self._view, session))

    def _attached(self, delivery: d.Attached, seq: int) -> None:
        session = self._sessions.get(delivery.session)
        user = self._view.state.users.get(delivery.user)
        if session is None or user is None:
            return
        self._welcome(session)
        extended = session.caps & caps.EXTENDED_JOIN
        for room in user.rooms.values():
            self._fanout.enter(session, room.key)
            more = (user.account or "*", user.realname) if extended else ()
            self._fanout.answer(session, Message("JOIN", (room.name, *more), user.prefix).line)
            self._describe(session, room)

    def _rejected(self, delivery: d.Rejected, seq: int) -> None:
        session = self._sessions.get(delivery.user)
        if session is None:
            return
        session.registering = False
        session.nick = ""
        if delivery.closing:
            self.end(session, delivery.closing)

    def _closed(self, delivery: d.Closed, seq: int) -> None:
        session = self._sessions.get(delivery.user)
        if session is not None:
            session.dropped = delivery.drop
            self.end(session, delivery.reason)

    def _rules_changed(self, delivery: d.RulesChanged, seq: int) -> None:
        self._view.rules = self._view.state.rules

    def _unwelcome(self, delivery: d.Unwelcome, seq: int) -> None:
        bans, now = self._view.state.accounts.bans, self._view.clock()
        found = ((session, bans.of_address(session.address, now)) for session in self._sessions.values())
        self.unwelcome += [(session, ban) for session, ban in found if ban is not None]

    def _probed(self, delivery: d.Probed, seq: int) -> None:
        self.probes += [session.id for id in delivery.users for session in self._of(id)]


def _hears(session: Session, speaker: Session | None, needs: int) -> bool:
    """Whether a member is sent a line at all: who spoke, only with echo-message."""
    if session is speaker:
        needs |= caps.ECHO_MESSAGE
    return session.caps & needs == needs


def _encoded(message: Message) -> bytes:
    return encode(message.command, message.params, message.source, message.tags) if message.tags else message.line


_DELIVER: Mapping[type[d.Delivery], Callable[..., None]] = {
    d.ToRoom: Delivering._to_room,
    d.LinesToRoom: Delivering._lines_to_room,
    d.ToUsers: Delivering._to_users,
    d.InForms: Delivering._in_forms,
    d.Tell: Delivering._tell,
    d.TellFail: Delivering._tell_fail,
    d.Entered: Delivering._entered,
    d.Described: Delivering._described,
    d.Left: Delivering._left,
    d.Renamed: Delivering._renamed,
    d.MetadataChanged: Delivering._metadata_changed,
    d.Appeared: Delivering._appeared,
    d.Vanished: Delivering._vanished,
    d.LoggedIn: Delivering._logged_in,
    d.AccountGone: Delivering._account_gone,
    d.Welcomed: Delivering._welcomed,
    d.Attached: Delivering._attached,
    d.Rejected: Delivering._rejected,
    d.Closed: Delivering._closed,
    d.RulesChanged: Delivering._rules_changed,
    d.Probed: Delivering._probed,
    d.Unwelcome: Delivering._unwelcome,
}
