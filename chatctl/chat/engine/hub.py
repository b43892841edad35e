"""The hub, the chat of one machine: lines of sessions in, bytes for sessions out, the rules in between.

The owner calls :meth:`Hub.receive` with lines, then :meth:`Hub.work`, then :meth:`Hub.end_tick`, all on one thread.
Sessions in :attr:`Fanout.dirty` then have output to be written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from chatctl.chat.apply import apply
from chatctl.chat.apply.members import expiry_time
from chatctl.chat.commands import batches, connection, offered_capabilities
from chatctl.chat.commands.administration import reread_proposal
from chatctl.chat.commands.base import Answer, CommandContext, NumericReply
from chatctl.chat.commands.playback import replay
from chatctl.chat.delivery.fanout import Fanout
from chatctl.chat.delivery.session import Session
from chatctl.chat.delivery.sessions_by_user import SessionsByUser
from chatctl.chat.engine.admin_requests import AdminRequests
from chatctl.chat.engine.commit_gate import CommitGate
from chatctl.chat.engine.dispatcher import Dispatcher
from chatctl.chat.engine.pending_queries import PendingQueries, WaitingHandler
from chatctl.chat.engine.rate_limit import RateLimiter
from chatctl.chat.engine.reply_sender import ReplySender
from chatctl.chat.engine.router import Router
from chatctl.chat.engine.scheduler import Scheduler
from chatctl.chat.engine.streamed_replies import StreamedReplies
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.tasks import Done, ReadSettings
from chatctl.chat.history.recent_messages import RecentMessages
from chatctl.chat.model.cloak import cloak
from chatctl.chat.model.hosts import is_loopback, origin
from chatctl.chat.model.ids import NO_SESSION, SessionId
from chatctl.chat.model.policy import Rules
from chatctl.chat.model.server_bans import Ban
from chatctl.chat.model.state import State
from chatctl.chat.ports import Journal, LogPort, Order, WorkerPort
from chatctl.protocol import numerics as n
from chatctl.protocol.capabilities import CAP_NOTIFY
from chatctl.protocol.framing import BadLine


class Hub:
    """The parts of the engine, connected. Pure but for what the ports do.

    Methods that the parts call back begin with `_on_`. In `work`, for each line::

        receive --> Scheduler --> Dispatcher --proposal--> Order --> _on_ordered --> Router --> Fanout
                        ^         |  |     |                         apply(State)
                        |         |  |     +--reply--> ReplySender ----------------------------> Fanout
                        |         |  +--long answer--> StreamedReplies --> ReplySender
                        |         +--query or task--> PendingQueries --> Journal, workers
                        +--resume-- _on_answer <-------------+

    In `_on_ordered` the outcome of an entry goes to three parts: its facts to the CommitGate, its deliveries to the
    Router, its verdict to AdminRequests if the operator of the machine asked for it. In `end_tick`::

        Fanout.release --> CommitGate.take_commit --> Fanout.end_tick --> CommitGate.submit --> Journal
        (durable output)   (facts of the tick)        (parks output)

    The journal answers the CommitGate, which tells the Fanout what may be released. If a commit failed, the CommitGate
    calls `Router.route_undo` with the deliveries of the undo, and `_on_refused` for each command to refuse.
    """

    def __init__(
        self,
        rules: Rules,
        order: Order,
        journal: Journal,
        clock: Callable[[], int],
        log: LogPort,
        workers: WorkerPort,
        rate_limiter: RateLimiter | None = None,
    ) -> None:
        self.state = State(rules)
        self.sessions: dict[SessionId, Session] = {}
        self._by_user = SessionsByUser()
        self.fanout = Fanout()
        self._order = order
        self._workers = workers
        self._rate_limiter = rate_limiter
        self._clock = clock
        self._log = log
        self.recent = RecentMessages(rules.replay_on_join)
        self._context = CommandContext(
            self.state, rules, self.sessions, clock, self.recent, cap_values=offered_capabilities.values(rules)
        )
        self._context.offered = offered_capabilities.mask(rules)
        self._offered_by = rules
        self._replies = ReplySender(self._context, self.fanout, self.sessions, self._by_user, log)
        self._router = Router(self._context, self.fanout, self.sessions, self._by_user, self._replies, log)
        self._playbacks = self._router.playbacks
        self.commit_gate = CommitGate(
            self.state, self.fanout, self.recent, journal, clock, log, self._on_refused, self._router.route_undo
        )
        self.admin_requests = AdminRequests(order, self.commit_gate, lambda: self.fanout.released_seq)
        decided = self.commit_gate.call_when_decided
        self._queries = PendingQueries(
            self.fanout, journal, workers, decided, self.sessions, self._on_answer, self._failed
        )
        self.streamed = StreamedReplies(self._context, self.fanout, self._replies.reply_all)
        self._dispatcher = Dispatcher(
            self._context,
            order,
            self.commit_gate,
            self._replies,
            self.fanout,
            self._queries,
            self.streamed,
            log,
            rate_limiter,
        )
        self._scheduler = Scheduler(self._dispatcher, clock, rate_limiter)
        order.attach(self._on_ordered)

    @property
    def rules(self) -> Rules:
        """The rules in force."""
        return self.state.rules

    def reread_settings(self) -> None:
        """Read the settings again, as REHASH does, for the operator of the machine."""

        def done(found: Done) -> None:
            assert isinstance(found, ReadSettings)
            self._order.propose(reread_proposal(NO_SESSION, "", found))

        self._workers.ask("", ReadSettings(), done)

    @property
    def failures(self) -> int:
        """Handlers that failed since the start, each of which ended a session."""
        return self._dispatcher.failures

    @property
    def ended(self) -> list[Session]:
        """Ended sessions: their remaining output is written, then they are closed. The owner empties it."""
        return self._replies.ended

    @property
    def probes(self) -> list[SessionId]:
        """Sessions that should be probed for being alive. The owner empties it."""
        return self._replies.probes

    @property
    def sts_port(self) -> int:
        """The port at which clients are told to insist on TLS (IRCv3 sts); 0 while they are not."""
        return self._context.sts_port

    @sts_port.setter
    def sts_port(self, port: int) -> None:
        self._context.sts_port = port

    # From the connections.

    def connect(self, id: int, address: str, *, encrypted: bool = False, console: bool = False) -> Session:
        """Begin the session of an accepted connection. No two connections may have one `id`.

        Args:
            encrypted: It came over TLS.
            console: It came through the control socket (see Session).
        """
        host, local = cloak(self.rules.cloak_key, origin(address)), self.rules.local and is_loopback(address)
        local = local or console
        session = Session(
            SessionId(id), address, host, self._clock(), encrypted=encrypted, local=local, console=console
        )
        self.sessions[session.id] = session
        return session

    def ban_sentence(self, address: str) -> str:
        """Return why connections from this address are refused; ``""`` if they are not."""
        ban = self.state.accounts.bans.of_address(address, self._clock())
        return ban.sentence if ban is not None else ""

    def end_if_banned(self, session: Session) -> None:
        """Handle lines of an unregistered connection: if its address is banned, it ends, now that it can read why."""
        ban = self.state.accounts.bans.of_address(session.address, self._clock())
        if ban is not None and not session.closing and not session.console:
            self._turn_away(session, ban)

    def _turn_away(self, session: Session, ban: Ban) -> None:
        """Send 465 with the reason and the end of the ban, and end the session (modern.ircdocs.horse)."""
        self._replies.reply(session, NumericReply(n.ERR_YOUREBANNEDCREEP, (), ban.sentence))
        self._replies.log_event(session, "turned away", {"ban": ban.target})
        self.disconnect(session, ban.parting)

    def disconnect(self, session: Session, reason: str, silent_ms: int = 0) -> None:
        """End a session whose connection is gone, or must go: the others read `reason`. `silent_ms`: see Quit."""
        try:
            self._dispatcher.disconnect(session, reason, silent_ms)
        except Exception as error:  # noqa: BLE001  # as a handler that fails, it ends this session alone
            self._failed(session, error)

    def leave(self, session: Session, reason: str) -> None:
        """End a session whose connection is lost. Input that other users would see is still handled."""
        session.leaving = reason
        session.unreachable = True
        self._scheduler.add(session)

    def end_input(self, session: Session, reason: str) -> None:
        """End a session whose peer has ended its input and may still read. Its lines are handled and answered first."""
        session.leaving = reason
        self._scheduler.add(session)

    def charge(self, session: Session, fragments: int) -> float:
        """Charge for input that completed no line; return for how many seconds the session must not be read."""
        if self._rate_limiter is None or not session.registered:
            return 0.0
        return self._rate_limiter.charge_fragments(session, fragments, self._clock()) / 1000

    def end_if_disconnected(self, id: SessionId) -> None:
        """End session `id` at once if its connection is lost, because another client wants its nick or place.

        Otherwise its queued lines would keep both until all of them are handled.
        """
        session = self.sessions.get(id)
        if session is not None and session.leaving:
            self.disconnect(session, session.leaving)

    def receive(self, session: Session, lines: list[str | BadLine]) -> None:
        """Queue lines that arrived for the session's turn. The session owns the list from here on."""
        self._scheduler.receive(session, lines)

    def work(self, out_of_time: Callable[[], bool]) -> bool:
        """Handle queued lines, turn by turn; return whether some are left for the next tick."""
        if self.streamed:
            for session in self.streamed.go_on(self._failed):
                self._scheduler.resume(session)
        self._scheduler.work(out_of_time)
        return bool(self._scheduler)

    def end_tick(self) -> None:
        """End the tick: release durable output, then park the output of the tick and submit its facts."""
        if self._context.batches:
            self._expire_batches()
        if self.state.presence or self.state.offline:
            self._propose_due_changes()
        if self._router.banned_sessions:
            self._end_banned_sessions()
        if self._context.rules is not self._offered_by:
            self._offered_by = self._context.rules
            self.offer(offered_capabilities.mask(self._offered_by))
        output_was_released = self.release()
        commit = self.commit_gate.take_commit(output_was_released=output_was_released)
        if commit is not None:  # otherwise the facts and their output wait for more ([batching] in commit_gate.py)
            self.fanout.end_tick(commit.seq)
            self.commit_gate.submit(commit)
        self.release()  # a journal in memory has answered already

    def _end_banned_sessions(self) -> None:
        """End the sessions that a new ban applies to. They were collected while its entry was applied."""
        banned_sessions, self._router.banned_sessions = self._router.banned_sessions, []
        for session, ban in banned_sessions:
            if not session.closing:
                self._turn_away(session, ban)

    def offer(self, mask: int) -> None:
        """Offer these capabilities from now on. Sessions with cap-notify are told what was added and removed; removed
        ones are disabled for all (capability-negotiation, "cap-notify")."""
        context = self._context
        gone, new = context.offered & ~mask, mask & ~context.offered
        if not gone | new:
            return
        context.offered = mask
        for session in self.sessions.values():
            told = session.caps & CAP_NOTIFY
            session.caps &= ~gone
            self.fanout.reshape(session)
            if told:
                self._replies.reply_all(session, connection.changed(context, session, gone, new))

    def next_deadline(self) -> int | None:
        """Return the time of the next timed work (ms since 1970 UTC), or None."""
        times = [batches.next_deadline(self._context)]
        times.append(self.commit_gate.retry_at())
        if self.state.presence or self.state.offline:
            times += (self._presence_deadline(), expiry_time(self.state))
        if self._rate_limiter is not None and (awake := self._rate_limiter.next_ready_at()) is not None:
            times.append(math.ceil(awake))
        return min((time for time in times if time is not None), default=None)

    def _propose_due_changes(self) -> None:
        """Propose the changes of members that are due: announcing presence, and expiring members."""
        presence, expiry, now = self._presence_deadline(), expiry_time(self.state), self._clock()
        if presence is not None and presence <= now:
            self._order.propose(p.ExpireDeadlines(NO_SESSION, ""))
        if expiry is not None and expiry <= now:
            self._order.propose(p.ExpireMembers(NO_SESSION, ""))

    def _presence_deadline(self) -> int | None:
        """Return when a changed presence is to be announced ([late-presence] in members.py)."""
        return next((due for due, _ in self.state.presence.values()), None)

    def _expire_batches(self) -> None:
        """Refuse client batches that were open for too long."""
        now = self._clock()
        for session in list(self._context.batches.values()):
            batch = session.batch
            if batch is not None and not batch.failed and batches.deadline(batch) <= now:
                try:
                    self._dispatcher.do(session, batches.expire(batch), "BATCH", batch.label)
                except Exception as error:  # noqa: BLE001  # as a handler that fails, it ends this session alone
                    self._failed(session, error)

    def release(self) -> bool:
        """Release durable output; return whether there was any. Sessions whose last line is in it end."""
        shown = self.fanout.release(self._clock())
        if self.commit_gate.follow_ups:
            due, self.commit_gate.follow_ups = self.commit_gate.follow_ups, []
            for proposal in due:
                self._order.propose(proposal)
        self._queries.begin()
        self._replies.collect_ended()
        self.admin_requests.release()
        return shown

    def end_all_sessions(self, reason: str) -> None:
        """End all sessions because the server stops. They are not told about each other."""
        for session in list(self.sessions.values()):
            self._replies.end(session, reason)

    def now(self) -> int:
        """Return the clock's time, ms since 1970 UTC."""
        return self._clock()

    @property
    def busy(self) -> bool:
        """Whether the next tick has work at once: input, or output and facts that wait only for the end of a tick."""
        gathered = not self.fanout.parked and (self.fanout.has_unparked or self.commit_gate.has_unsubmitted)
        return bool(self._scheduler or self.fanout.dirty or gathered or self.streamed or self._router.banned_sessions)

    @property
    def idle(self) -> bool:
        """Whether there is no work, no parked output and no pending query."""
        return not (self.busy or self.fanout.parked or self._queries.waiting)

    # Calls back from the parts.

    def _on_ordered(self, entries: Sequence[p.Entry]) -> None:
        """Apply entries, and pass their outcomes on."""
        for entry in entries:
            outcome = apply(self.state, entry)
            self.commit_gate.add_outcome(outcome)
            session = self.sessions.get(entry.proposal.session)
            stored = outcome.facts or outcome.records
            shown_if_stored = entry.seq if stored and isinstance(entry.proposal, p.Refusable) else 0
            self._router.route(outcome, shown_if_stored)
            if self._playbacks:
                self._begin_playbacks()
            if not entry.proposal.session:
                self.admin_requests.ordered(entry, outcome)
            if outcome.facts:
                self.recent.add(outcome.facts)
            if session is not None:
                session.in_flight -= 1
                if outcome.facts:
                    self.fanout.order_after(session)
                self._scheduler.resume(session)

    def _begin_playbacks(self) -> None:
        due = self._playbacks[:]
        self._playbacks.clear()
        for each in due:
            self._dispatcher.do(each.session, replay(self._context, each), "CHATHISTORY", "")

    def _on_answer(self, handler: WaitingHandler, answer: Answer) -> None:
        self._dispatcher.resume(handler, answer)
        self._scheduler.resume(handler.session)

    def _failed(self, session: Session, error: Exception) -> None:
        self._dispatcher.failed(session, error)

    def _on_refused(self, id: SessionId, command: str, reason: str, label: str, subject: str) -> None:
        """Tell session `id`, or the operator of the machine, that a command could not be stored."""
        if id or not self.admin_requests.refused(label, reason):
            self._replies.refuse(id, command, reason, label, subject)
