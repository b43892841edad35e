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

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from chatctl.chat import offers
from chatctl.chat import proposals as p
from chatctl.chat.apply import apply
from chatctl.chat.cloak import cloak
from chatctl.chat.commands import batches, connection
from chatctl.chat.commands.administration import reread_proposal
from chatctl.chat.commands.kinds import Command, Held, Job, Line, Result, View, Work
from chatctl.chat.commands.table import COMMANDS, HTTP, MESSAGES
from chatctl.chat.delivering import Delivering
from chatctl.chat.desk import Desk
from chatctl.chat.fanout import Fanout
from chatctl.chat.jobs import Jobs
from chatctl.chat.keeping import REFUSABLE, Keeper
from chatctl.chat.pace import Pace
from chatctl.chat.ports import Journal, Log, Order, Workers
from chatctl.chat.responses import MAX_LABEL
from chatctl.chat.rules import Rules
from chatctl.chat.session import Session
from chatctl.chat.state import State
from chatctl.chat.tails import Tails
from chatctl.chat.work import Done, Reread
from chatctl.protocol import numerics as n
from chatctl.protocol.capabilities import BATCH, CAP_NOTIFY, LABELED_RESPONSE, STANDARD_REPLIES
from chatctl.protocol.framing import BadLine
from chatctl.protocol.message import Message, parse

TURN = 32
"""Lines of one session before the next one has its turn."""

_LABELS = LABELED_RESPONSE | BATCH
"""Labels need both (labeled-response, "Dependencies")."""

_BAD_LINE_FAILS = {
    BadLine.NOT_UTF8: ("INVALID_UTF8", "That line is not valid UTF-8 and was not handled; please use UTF-8"),
    BadLine.HAS_NUL: ("INVALID_LINE", "That line holds a NUL byte and was not handled"),
    BadLine.HAS_CR: ("INVALID_LINE", "That line holds a carriage return inside and was not handled"),
}


class Hub:
    """Sessions, order, state, fan-out, journal, joined. Pure but for what the ports do."""

    def __init__(
        self,
        rules: Rules,
        order: Order,
        journal: Journal,
        clock: Callable[[], int],
        log: Log,
        workers: Workers,
        pace: Pace | None = None,
    ) -> None:
        self.state = State(rules)
        self.sessions: dict[int, Session] = {}
        self.fanout = Fanout()
        self.failures = 0
        self._order = order
        self._workers = workers
        self._pace = pace
        self._clock = clock
        self._log = log
        self.tails = Tails(rules.replay_on_join)
        self._view = View(self.state, rules, self.sessions, clock, self.tails, cap_values=offers.values(rules))
        self._delivering = Delivering(self._view, self.fanout, self.sessions, log)
        self.keeper = Keeper(self.state, self.fanout, self.tails, journal, clock, log, self._not_kept)
        self.desk = Desk(order, self.keeper, lambda: self.fanout.released_seq)
        self._ready: deque[Session] = deque()
        self._jobs = Jobs(self.fanout, journal, workers, self.sessions, self._answered)
        order.attach(self._ordered)

    @property
    def rules(self) -> Rules:
        """What an operator set, as it is in force now."""
        return self.state.rules

    def reread(self) -> None:
        """Read the settings again, as REHASH does, for whoever runs the machine."""

        def done(found: Done) -> None:
            assert isinstance(found, Reread)
            self._order.propose(reread_proposal(0, "", found))

        self._workers.ask("", Reread(), done)

    @property
    def ended(self) -> list[Session]:
        """Sessions that are over: they get what is in `out`, and are closed. The owner empties it."""
        return self._delivering.ended

    @property
    def probes(self) -> list[int]:
        """Sessions whose silence somebody wants broken. The owner empties it."""
        return self._delivering.probes

    @property
    def sts_port(self) -> int:
        """The port at which clients are told to insist on TLS (IRCv3 sts); 0 while they are not."""
        return self._view.sts_port

    @sts_port.setter
    def sts_port(self, port: int) -> None:
        self._view.sts_port = port

    # From the connections.

    def connect(self, id: int, address: str, *, secure: bool = False) -> Session:
        """A connection was accepted; `secure`: over TLS. Ids are never used again."""
        session = Session(id, address, cloak(self.rules.cloak_key, address), self._clock(), secure=secure)
        self.sessions[id] = session
        return session

    def banned(self, address: str) -> str:
        """Why nobody from there may come in; ``""`` where they may."""
        ban = self.state.accounts.bans.of_address(address, self._clock())
        return ban.sentence if ban is not None else ""

    def disconnect(self, session: Session, reason: str) -> None:
        """The connection is gone, or must go: the others read `reason`."""
        session.inbox.clear()
        if session.registered or session.registering:
            session.registering = False
            self._propose(session, p.Quit(session.id, "", reason))
        else:
            self._delivering.end(session, reason)

    def leave(self, session: Session, reason: str) -> None:
        """The other side is gone, and nothing can be told to it; what it had said before is still said."""
        session.leaving = reason
        if not session.queued:
            session.queued = True
            self._ready.append(session)

    def receive(self, session: Session, lines: Iterable[str | BadLine]) -> None:
        """Lines that arrived, to be handled in this session's turn."""
        if session.inbox:
            session.inbox += lines
        else:
            session.inbox = list(lines)
        if not session.queued:
            session.queued = True
            self._ready.append(session)

    def work(self, out_of_time: Callable[[], bool]) -> bool:
        """Handle what arrived, turn by turn. True where something is left for the next tick."""
        ready = self._ready
        if self._pace is not None:
            for session in self._pace.awake(self._clock()):
                self._requeue(session)
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
        if self._view.batches:
            self._expire()
        if self._delivering.unwelcome:
            unwelcome, self._delivering.unwelcome = self._delivering.unwelcome, []
            for session, reason in unwelcome:
                self.disconnect(session, reason)
        self.keeper.end_tick()
        self.release()

    def offer(self, mask: int) -> None:
        """Offer these capabilities from here on. Who knows cap-notify is told of what came and what went; what went,
        nobody has any more (capability-negotiation, "cap-notify")."""
        view = self._view
        gone, new = view.offered & ~mask, mask & ~view.offered
        view.offered = mask
        for session in self.sessions.values():
            told = session.caps & CAP_NOTIFY
            session.caps &= ~gone
            self.fanout.reshape(session)
            if told:
                self._delivering.reply_all(session, connection.changed(view, session, gone, new))

    def due(self) -> int | None:
        """When something must be looked at though nothing arrives: ms since 1970 UTC."""
        times = [batches.next_deadline(self._view)]
        if self._pace is not None and (awake := self._pace.next()) is not None:
            times.append(math.ceil(awake))
        return min((time for time in times if time is not None), default=None)

    def _expire(self) -> None:
        """Batches that were open for too long."""
        now = self._clock()
        for session in list(self._view.batches.values()):
            batch = session.batch
            if batch is not None and not batch.failed and batches.deadline(batch) <= now:
                self._do(session, batches.expire(batch), "BATCH", batch.label)

    def release(self) -> None:
        """What has become durable goes out; sessions whose last line is among it are over."""
        self.fanout.release(self._clock())
        self._jobs.begin()
        self._delivering.collect_ended()
        self.desk.release()

    def farewell(self, reason: str) -> None:
        """The server stops: everybody is told, nobody is told of the others."""
        for session in list(self.sessions.values()):
            self._delivering.end(session, reason)

    def now(self) -> int:
        """The clock's time, ms since 1970 UTC."""
        return self._clock()

    @property
    def busy(self) -> bool:
        """Whether the next tick has something to do at once: input to handle, or output or facts no tick has seen."""
        return bool(self._ready or self.fanout.gathering or self.keeper.gathering)

    @property
    def idle(self) -> bool:
        """Whether nothing is waiting at all: nothing parked or asked either."""
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
            if self._pace is not None and session.registered and self._held_back(session, message):
                return False  # resumed when there is something left for it
            del inbox[0]
            try:
                if message is not None:
                    self._handle(session, message)
                elif isinstance(item, BadLine):
                    self._refuse_line(session, item)
            except Exception as error:  # noqa: BLE001  # rule 4
                self._failed(session, error)
        return bool(inbox or session.leaving)

    def _held_back(self, session: Session, message: Message | None) -> bool:
        """Whether the session goes too fast (:mod:`chatctl.chat.pace`)."""
        pace = self._pace
        assert pace is not None
        now = self._clock()
        if not pace.holds(session, message.command if message is not None else "", now):
            return False
        if pace.tell(session, now):
            self._log.info("slowed", session=session.id)
            text = f"You are faster than {pace.per_second:g} messages a second; the rest follows more slowly"
            if session.caps & STANDARD_REPLIES:
                told = Message("NOTE", ("*", "SLOWED", text))
            else:
                told = Message("NOTICE", (self._view.called(session), text))
            self._delivering.reply(session, told)
        return True

    def _handle(self, session: Session, message: Message) -> None:
        label = self._label(session, message) if message.tags else ""
        if label and len(label.encode()) > MAX_LABEL:
            text = f"A label has at most {MAX_LABEL} bytes; this command was not carried out"
            self._delivering.reply(session, Message("FAIL", (message.command, "LABEL_TOO_LONG", str(MAX_LABEL), text)))
            return
        row = COMMANDS.get(message.command)
        if row is None and message.command in HTTP and not session.registered:
            self._delivering.end(session, "This is a chat server, not a web server")
        elif "batch" in message.tags or (session.batch is not None and message.command in MESSAGES):
            self._batched(session, message)
        elif row is None:
            self._delivering.reply_all(session, (Line(n.ERR_UNKNOWNCOMMAND, (message.command,)),), label)
        elif not session.registered and not row.before and not session.registering:
            self._delivering.reply_all(session, (Line(n.ERR_NOTREGISTERED, ()),), label)
        elif len(message.params) < row.least:
            self._delivering.reply_all(session, (Line(n.ERR_NEEDMOREPARAMS, (message.command,)),), label)
        elif row.operator and not self._view.user(session).operator:
            self._delivering.reply_all(session, (Line(n.ERR_NOPRIVILEGES, ()),), label)
        else:
            result = self._run(row, session, message)
            if message.command == "BATCH" and session.batch is not None:
                session.batch.label = label
            self._do(session, result, message.command, label)

    def _run(self, row: Command, session: Session, message: Message) -> Result:
        caps = session.caps
        result = row.handler(self._view, session, message)
        if session.caps != caps:
            self.fanout.reshape(session)
        if self._pace is not None and isinstance(result, list):
            self._pace.answered(session, len(result), self._clock())
        return result

    def _batched(self, session: Session, message: Message) -> None:
        """A line of a client's batch: what comes of it carries the label of the whole."""
        batch = session.batch
        if batch is not None and batch.failed and not message.tags and message.command != "BATCH":
            # It was refused, and whoever sent it has gone on without ending it.
            batches.forget(self._view, session)
            self._handle(session, message)
        else:
            label = batch.label if batch is not None else self._label(session, message)
            self._do(session, batches.collect(self._view, session, message), "BATCH", label)

    @staticmethod
    def _label(session: Session, message: Message) -> str:
        """The label of a command, where its session negotiated labels."""
        if not message.tags or session.caps & _LABELS != _LABELS:
            return ""
        return message.tags.get("label", "")

    def _do(self, session: Session, result: Result, command: str, label: str) -> None:
        """What a handler, or a job that came back, asks for."""
        if isinstance(result, Held):
            return
        if isinstance(result, p.Proposal):
            reason = self.keeper.refusing(result)
            if reason:
                self._delivering.refuse(session.id, command, reason, label)
            else:
                result.label = label
                self._propose(session, result)
        elif isinstance(result, Job):
            self._jobs.add(session, result, command, label)
        elif isinstance(result, Work):
            self._jobs.work(session, result, command, label)
        elif result or label:
            self._delivering.reply_all(session, result or (), label)

    def _answered(self, session: Session, command: str, label: str, then: Callable[[View, Session], Result]) -> None:
        """A reader or a worker is done: what it found is an input like any other."""
        session.in_flight -= 1
        try:
            self._do(session, then(self._view, session), command, label)
        except Exception as error:  # noqa: BLE001  # rule 4
            self._failed(session, error)
        self._requeue(session)

    def _refuse_line(self, session: Session, bad: BadLine) -> None:
        if bad is BadLine.TOO_LONG:
            self._delivering.reply(session, Line(n.ERR_INPUTTOOLONG, ()))
        else:
            code, text = _BAD_LINE_FAILS[bad]
            self._delivering.reply(session, Message("FAIL", ("*", code, text)))

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
            session = self.sessions.get(entry.proposal.origin)
            shown_if_kept = entry.seq if isinstance(entry.proposal, REFUSABLE) else 0
            self._delivering.outcome(outcome, shown_if_kept)
            if not entry.proposal.origin:
                self.desk.ordered(entry, outcome)
            for fact in outcome.facts:
                self.tails.add(fact)
            if session is not None:
                self._placed(session, bool(outcome.facts))

    def _not_kept(self, id: int, command: str, reason: str, label: str) -> None:
        """What session `id` asked for, or the desk, is not kept."""
        if id or not self.desk.refused(label, reason):
            self._delivering.refuse(id, command, reason, label)

    def _placed(self, session: Session, kept: bool) -> None:
        session.in_flight -= 1
        if kept:
            self.fanout.caused(session)
        self._requeue(session)

    def _requeue(self, session: Session) -> None:
        if (session.inbox or session.leaving) and not session.queued:
            session.queued = True
            self._ready.append(session)


def _where(error: BaseException) -> str:
    """The innermost place of a traceback, without anything anybody said."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace is not None else "?"
