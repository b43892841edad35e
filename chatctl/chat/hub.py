"""The chat of one machine: lines of its sessions in, bytes for its sessions out, the rules in between.

The rules of this file:

1. The owner calls :meth:`Hub.receive` with lines, then :meth:`Hub.work`, then :meth:`Hub.end_tick`, all on one thread.
   Whatever :attr:`Fanout.dirty` lists then goes to the connections.
2. Sessions take turns: a few lines each, so that a long paste holds nobody up, and `work` stops when told that time is
   up; what is left comes in the next tick.
3. A session's own order: while a proposal of it has no place yet, its next lines wait, except that messages follow
   messages.
4. A handler that fails ends its session alone. It is logged with the session's id, and counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from chatctl.chat import deliveries as d
from chatctl.chat import proposals as p
from chatctl.chat.apply import apply
from chatctl.chat.cloak import cloak
from chatctl.chat.commands import about, rooms
from chatctl.chat.commands.kinds import Close, Job, Line, Probe, Reply, Result, View
from chatctl.chat.commands.table import COMMANDS, HTTP, MESSAGES
from chatctl.chat.fanout import Fanout
from chatctl.chat.history import Page
from chatctl.chat.jobs import Jobs
from chatctl.chat.keeping import REFUSABLE, Keeper
from chatctl.chat.playback import played
from chatctl.chat.ports import Journal, Log, Order
from chatctl.chat.replies import reply_line
from chatctl.chat.rules import Rules
from chatctl.chat.session import Session
from chatctl.chat.state import State
from chatctl.chat.tails import Tails
from chatctl.protocol import numerics as n
from chatctl.protocol.capabilities import CHATHISTORY, SERVER_TIME
from chatctl.protocol.framing import BadLine
from chatctl.protocol.message import Message, parse

TURN = 32
"""Lines of one session before the next one has its turn."""

_BAD_LINE_FAILS = {
    BadLine.NOT_UTF8: ("INVALID_UTF8", "That line is not valid UTF-8 and was not handled; please use UTF-8"),
    BadLine.HAS_NUL: ("INVALID_LINE", "That line holds a NUL byte and was not handled"),
    BadLine.HAS_CR: ("INVALID_LINE", "That line holds a carriage return inside and was not handled"),
}


class Hub:
    """Sessions, order, state, fan-out, journal, joined. Pure but for what the ports do."""

    def __init__(self, rules: Rules, order: Order, journal: Journal, clock: Callable[[], int], log: Log) -> None:
        self.rules = rules
        self.state = State(rules)
        self.sessions: dict[int, Session] = {}
        self.fanout = Fanout()
        self.ended: list[Session] = []
        """Sessions that are over: they get what is in `out`, and are closed. The owner empties it."""
        self.probes: list[int] = []
        """Sessions whose silence somebody wants broken. The owner empties it."""
        self.failures = 0
        self._order = order
        self._clock = clock
        self._log = log
        self.tails = Tails(rules.replay_on_join)
        self.keeper = Keeper(self.state, self.fanout, self.tails, journal, clock, log, self._not_stored)
        self._view = View(self.state, rules, self.sessions, clock, self.tails)
        self._ready: deque[Session] = deque()
        self._jobs = Jobs(self.fanout, journal, self.sessions, self._answered)
        self._ending: list[Session] = []
        order.attach(self._ordered)

    # From the connections.

    def connect(self, id: int, address: str) -> Session:
        """A connection was accepted. Ids are never used again."""
        session = Session(id, address, cloak(self.rules.cloak_key, address), self._clock())
        self.sessions[id] = session
        return session

    def disconnect(self, session: Session, reason: str) -> None:
        """The connection is gone, or must go: the others read `reason`."""
        session.inbox.clear()
        if session.registered or session.registering:
            session.registering = False
            self._propose(session, p.Quit(session.id, "", reason))
        else:
            self._end(session, reason)

    def leave(self, session: Session, reason: str) -> None:
        """The other side is gone, and nothing can be told to it; what it had said before is still said."""
        session.leaving = reason
        if not session.queued:
            session.queued = True
            self._ready.append(session)

    def receive(self, session: Session, lines: Iterable[str | BadLine]) -> None:
        """Lines that arrived, to be handled in this session's turn."""
        session.inbox.extend(lines)
        if not session.queued:
            session.queued = True
            self._ready.append(session)

    def work(self, out_of_time: Callable[[], bool]) -> bool:
        """Handle what arrived, turn by turn. True where something is left for the next tick."""
        ready = self._ready
        while ready:
            session = ready.popleft()
            if self._turn(session):
                ready.append(session)
            else:
                session.queued = False
            if out_of_time():
                break
        return bool(ready)

    def end_tick(self) -> None:
        """Everything of this tick goes to the journal and is parked; what is durable goes out."""
        self.keeper.end_tick()
        self.release()

    def release(self) -> None:
        """What has become durable goes out; sessions whose last line is among it are over."""
        self.fanout.release()
        self._jobs.begin()
        if self._ending:
            parked = self.fanout.has_parked
            self.ended += [session for session in self._ending if session.dropped or not parked(session)]
            self._ending = [session for session in self._ending if not session.dropped and parked(session)]

    def farewell(self, reason: str) -> None:
        """The server stops: everybody is told, nobody is told of the others."""
        for session in list(self.sessions.values()):
            self._end(session, reason)

    def now(self) -> int:
        """The clock's time, ms since 1970 UTC."""
        return self._clock()

    @property
    def busy(self) -> bool:
        """Whether the next tick has something to do at once: input to handle, or output that no tick has seen."""
        return bool(self._ready or self.fanout.gathering)

    @property
    def idle(self) -> bool:
        """Whether nothing is waiting at all: nothing parked or being asked either."""
        return not (self.busy or self.fanout.parked or self._jobs.waiting)

    # One line.

    def _turn(self, session: Session) -> bool:
        """Handle up to TURN lines; True where the session has more that need not wait."""
        inbox = session.inbox
        for _ in range(TURN):
            if session.closing:
                return False
            if not inbox:
                if session.leaving and not session.in_flight:
                    self.disconnect(session, session.leaving)
                return False
            item = inbox[0]
            message = parse(item) if isinstance(item, str) else None
            if session.in_flight and not (
                message is not None and session.messages_only and message.command in MESSAGES
            ):
                return False  # resumed when its proposal has its place
            inbox.popleft()
            try:
                if message is not None:
                    self._handle(session, message)
                elif isinstance(item, BadLine):
                    self._refuse_line(session, item)
            except Exception as error:  # noqa: BLE001  # rule 4
                self._failed(session, error)
        return bool(inbox or session.leaving)

    def _handle(self, session: Session, message: Message) -> None:
        row = COMMANDS.get(message.command)
        if row is None:
            if message.command in HTTP and not session.registered:
                self._end(session, "This is a chat server, not a web server")
            else:
                self._reply(session, Line(n.ERR_UNKNOWNCOMMAND, (message.command,)))
            return
        if not session.registered and not row.before and not session.registering:
            self._reply(session, Line(n.ERR_NOTREGISTERED, ()))
            return
        if len(message.params) < row.least:
            self._reply(session, Line(n.ERR_NEEDMOREPARAMS, (message.command,)))
            return
        caps = session.caps
        result = row.handler(self._view, session, message)
        if session.caps != caps:
            self.fanout.reshape(session)
        self._do(session, result, message.command)

    def _do(self, session: Session, result: Result, command: str) -> None:
        """What a handler, or a job that came back, asks for."""
        if result is None:
            return
        if isinstance(result, p.Proposal):
            reason = self.keeper.refusing(result)
            if reason:
                self._not_stored(session.id, command, reason)
            else:
                self._propose(session, result)
        elif isinstance(result, Job):
            self._jobs.add(session, result, command)
        else:
            for reply in result:
                self._reply(session, reply)

    def _answered(self, session: Session, job: Job, command: str, page: Page) -> None:
        session.in_flight -= 1
        try:
            self._do(session, job.then(self._view, session, page), command)
        except Exception as error:  # noqa: BLE001  # rule 4
            self._failed(session, error)
        self._requeue(session)

    def _not_stored(self, id: int, command: str, reason: str) -> None:
        session = self.sessions.get(id)
        if session is not None:
            text = f"This was not sent: {reason}"
            self.fanout.direct(session, self._bytes(session, Message("FAIL", (command, "NOT_STORED", text))))

    def _refuse_line(self, session: Session, bad: BadLine) -> None:
        if bad is BadLine.TOO_LONG:
            self._reply(session, Line(n.ERR_INPUTTOOLONG, ()))
        else:
            code, text = _BAD_LINE_FAILS[bad]
            self._reply(session, Message("FAIL", ("*", code, text), self.rules.server_name))

    def _failed(self, session: Session, error: Exception) -> None:
        self.failures += 1
        self._log.error("session failed", session=session.id, error=type(error).__name__, where=_where(error))
        self.disconnect(session, "The server failed on a command of this user")

    # Through the order.

    def _propose(self, session: Session, proposal: p.Proposal) -> None:
        is_message = isinstance(proposal, p.Say)
        session.messages_only = is_message and (session.messages_only or not session.in_flight)
        session.in_flight += 1
        self._order.propose(proposal)

    def _ordered(self, entries: Sequence[p.Entry]) -> None:
        for entry in entries:
            outcome = apply(self.state, entry)
            self.keeper.entry(outcome)
            session = self.sessions.get(entry.proposal.session)
            shown_if_kept = entry.seq if isinstance(entry.proposal, REFUSABLE) else 0
            for delivery in outcome.deliveries:
                _DELIVER[type(delivery)](self, delivery, shown_if_kept)
            for fact in outcome.facts:
                self.tails.add(fact)
            if session is not None:
                self._placed(session, bool(outcome.facts))

    def _placed(self, session: Session, kept: bool) -> None:
        session.in_flight -= 1
        if kept:
            self.fanout.caused(session)
        self._requeue(session)

    def _requeue(self, session: Session) -> None:
        if (session.inbox or session.leaving) and not session.queued:
            session.queued = True
            self._ready.append(session)

    # Deliveries to this machine's sessions. `seq` is the entry that must be kept for them to be shown, or 0.

    def _to_room(self, delivery: d.ToRoom, seq: int) -> None:
        speaker = self.sessions.get(delivery.speaker) if delivery.speaker else None
        self.fanout.to_room(delivery.room, delivery.message, delivery.stamp, speaker, delivery.needs, seq)

    def _to_users(self, delivery: d.ToUsers, seq: int) -> None:
        here = (self.sessions.get(id) for id in delivery.users)
        needs = delivery.needs
        wanted = [session for session in here if session is not None and session.caps & needs == needs]
        if wanted:
            self.fanout.to_sessions(wanted, delivery.message, delivery.stamp, seq)

    def _tell(self, delivery: d.Tell, seq: int) -> None:
        session = self.sessions.get(delivery.user)
        if session is not None:
            self._reply(session, Line(delivery.numeric, delivery.params, delivery.text))

    def _tell_fail(self, delivery: d.TellFail, seq: int) -> None:
        session = self.sessions.get(delivery.user)
        if session is not None:
            params = (delivery.command, delivery.code, *delivery.context, delivery.text)
            self._reply(session, Message("FAIL", params, self.rules.server_name))

    def _entered(self, delivery: d.Entered, seq: int) -> None:
        session = self.sessions.get(delivery.user)
        if session is not None:
            self.fanout.enter(session, delivery.room)

    def _described(self, delivery: d.Described, seq: int) -> None:
        session = self.sessions.get(delivery.user)
        if session is not None:
            room = self.state.rooms[delivery.room]
            for reply in rooms.described(self._view, session, room):
                self._reply(session, reply)
            # All that was said before this entry: what of it is not durable yet is parked before this, in order.
            if session.caps & (SERVER_TIME | CHATHISTORY) == SERVER_TIME and (facts := self.tails.of(room.key)):
                for message in played(facts, session.caps, "chathistory", (room.name,), self._view.reference()):
                    self._reply(session, message)

    def _left(self, delivery: d.Left, seq: int) -> None:
        session = self.sessions.get(delivery.user)
        if session is not None:
            self.fanout.leave(session, delivery.room)

    def _welcomed(self, delivery: d.Welcomed, seq: int) -> None:
        session = self.sessions.get(delivery.user)
        if session is None:
            return
        session.registering = False
        session.registered = True
        session.password = ""
        self._log.info("user registered", session=session.id, users=len(self.state.users))
        for reply in about.welcome(self._view, session):
            self._reply(session, reply)

    def _rejected(self, delivery: d.Rejected, seq: int) -> None:
        session = self.sessions.get(delivery.user)
        if session is None:
            return
        session.registering = False
        session.nick = ""
        if delivery.closing:
            self._end(session, delivery.closing)

    def _closed(self, delivery: d.Closed, seq: int) -> None:
        session = self.sessions.get(delivery.user)
        if session is not None:
            session.dropped = delivery.drop
            self._end(session, delivery.reason)

    def _probed(self, delivery: d.Probed, seq: int) -> None:
        self.probes += [id for id in delivery.users if id in self.sessions]

    # Replies.

    def _end(self, session: Session, reason: str) -> None:
        """The session's last line, in its place after all that it was sent; then it is over."""
        if self.sessions.pop(session.id, None) is None:
            return
        for key in list(session.rooms):
            self.fanout.leave(session, key)
        session.inbox.clear()
        session.closing = reason
        self.fanout.direct(session, Message("ERROR", (reason,)).line)
        self._ending.append(session)

    def _reply(self, session: Session, reply: Reply) -> None:
        if isinstance(reply, Close):
            self._end(session, reply.reason)
        elif isinstance(reply, Probe):
            self.probes += [id for id in reply.users if id in self.sessions]
        else:
            self.fanout.answer(session, self._bytes(session, reply))

    def _bytes(self, session: Session, reply: Line | Message) -> bytes:
        return reply_line(self.rules.server_name, self._view.called(session), reply)


def _where(error: BaseException) -> str:
    """The innermost place of a traceback, without anything anybody said."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace is not None else "?"


_DELIVER: dict[type[d.Delivery], Callable[..., None]] = {
    d.ToRoom: Hub._to_room,
    d.ToUsers: Hub._to_users,
    d.Tell: Hub._tell,
    d.TellFail: Hub._tell_fail,
    d.Entered: Hub._entered,
    d.Described: Hub._described,
    d.Left: Hub._left,
    d.Welcomed: Hub._welcomed,
    d.Rejected: Hub._rejected,
    d.Closed: Hub._closed,
    d.Probed: Hub._probed,
}
