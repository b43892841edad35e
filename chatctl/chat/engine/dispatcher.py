"""The dispatcher: turns one line of a session into replies, a proposal, or a query that is answered later.

Invariants:

- [decide-in-apply] Decisions about shared state are not made here but in `chat/apply`, when the proposal is ordered.
- [command-table] Every command is a row of the command table. Checks that all commands share are made here.
- [stored-answers] An answer about shared state that shows a change which is not stored yet is parked with it. If the
  commit fails, the answer is removed from the output like the change, and the command is answered again.
- [contain-failures] A handler that raises ends its own session only. It is logged with the session id and counted.
"""

from __future__ import annotations

from collections.abc import Generator

from chatctl.chat.commands import batches
from chatctl.chat.commands.base import (
    HELD,
    Answer,
    Command,
    CommandContext,
    CommitDecision,
    Held,
    Long,
    NumericReply,
    Reply,
    Result,
    Steps,
)
from chatctl.chat.commands.registry import COMMANDS, HTTP, MESSAGES
from chatctl.chat.delivery.fanout import Fanout
from chatctl.chat.delivery.session import Session
from chatctl.chat.engine.commit_gate import CommitGate
from chatctl.chat.engine.labeled_response import MAX_LABEL_BYTES
from chatctl.chat.engine.pending_queries import PendingQueries, WaitingHandler
from chatctl.chat.engine.rate_limit import RateLimiter
from chatctl.chat.engine.reply_sender import ReplySender
from chatctl.chat.engine.streamed_replies import StreamedReplies
from chatctl.chat.entries import proposals as p
from chatctl.chat.ports import LogPort, Order
from chatctl.errors import traceback_place
from chatctl.protocol import numerics as n
from chatctl.protocol.capabilities import BATCH, LABELED_RESPONSE, STANDARD_REPLIES
from chatctl.protocol.framing import BadLine, BadLineReason
from chatctl.protocol.message import Message, parse
from chatctl.protocol.standard_replies import standard_reply

_LABELS = LABELED_RESPONSE | BATCH
"""Labels need both (labeled-response, "Dependencies")."""

_BAD_LINE_FAILS = {
    BadLineReason.NOT_UTF8: ("INVALID_UTF8", "That line is not valid UTF-8 and was not handled; please use UTF-8"),
    BadLineReason.HAS_NUL: ("INVALID_LINE", "That line holds a NUL byte and was not handled"),
    BadLineReason.HAS_CR: ("INVALID_LINE", "That line holds a carriage return inside and was not handled"),
}


def _is_answer(result: Result) -> bool:
    """Return whether the result consists of replies, and is neither a proposal nor waits."""
    return not isinstance(result, (p.Proposal, Generator, Held))


class Dispatcher:
    """Handles lines, and the answers to queries and tasks."""

    def __init__(
        self,
        context: CommandContext,
        order: Order,
        commit_gate: CommitGate,
        replies: ReplySender,
        fanout: Fanout,
        jobs: PendingQueries,
        slices: StreamedReplies,
        log: LogPort,
        rate_limiter: RateLimiter | None,
    ) -> None:
        self.failures = 0
        self._context = context
        self._order = order
        self._commit_gate = commit_gate
        self._replies = replies
        self._fanout = fanout
        self._queries = jobs
        self._slices = slices
        self._log = log
        self._rate_limiter = rate_limiter

    def submit_run(self, session: Session, room: str, texts: list[str]) -> None:
        """Propose PRIVMSG with several untagged lines to one room."""
        proposal = p.SendMessageRun(session.id, "", room, texts)
        reason = self._commit_gate.refusal_reason(proposal)
        if reason:
            for _ in texts:
                self._replies.refuse(session.id, "PRIVMSG", reason, "")
        else:
            self.propose(session, proposal)

    def handle(self, session: Session, message: Message) -> None:
        """Handle one command: make the common checks ([command-table]), then call its handler."""
        label = self._label(session, message) if message.tags else ""
        if label and len(label.encode()) > MAX_LABEL_BYTES:
            text = f"A label has at most {MAX_LABEL_BYTES} bytes; this command was not carried out"
            fail = standard_reply("FAIL", message.command, "LABEL_TOO_LONG", str(MAX_LABEL_BYTES), text=text)
            self._replies.reply(session, fail)
            return
        row = COMMANDS.get(message.command)
        if message.command in HTTP and not session.registered:  # CONNECT and TRACE are IRC's words too
            self._replies.end(session, "This is a chat server, not a web server")
        elif (message.command in MESSAGES or "batch" in message.tags) and batches.concerns(session, message):
            self._batched(session, message)
        elif row is None:
            self._replies.reply_all(session, (NumericReply(n.ERR_UNKNOWNCOMMAND, (message.command,)),), label)
        elif not session.registered and not row.before and not session.registering:
            self._replies.reply_all(session, (NumericReply(n.ERR_NOTREGISTERED, ()),), label)
        elif len(message.params) < row.least:
            self._replies.reply_all(session, (NumericReply(n.ERR_NEEDMOREPARAMS, (message.command,)),), label)
        elif row.operator and not self._context.user(session).operator:
            self._replies.reply_all(session, (NumericReply(n.ERR_NOPRIVILEGES, ()),), label)
        else:
            result = self._run(row, session, message)
            if session.batch is not None and session.batch.opening is message:
                session.batch.label = label
            if row.shows_state and self._commit_gate.unstored_change and _is_answer(result):
                result = self._answer_if_stored(row, session, message, result, label)
            self.do(session, result, message.command, label)

    def _run(self, row: Command, session: Session, message: Message) -> Result:
        caps = session.caps
        result = row.handler(self._context, session, message)
        if session.caps != caps:
            self._fanout.reshape(session)
        if self._rate_limiter is not None and isinstance(result, list):
            self._rate_limiter.charge_answer(session, len(result), self._context.clock())
        return result

    def _answer_if_stored(
        self, row: Command, session: Session, message: Message, result: Result, label: str
    ) -> Steps[Result]:
        """Send an answer together with the unstored changes that it shows ([stored-answers])."""
        while (change := self._commit_gate.unstored_change) and _is_answer(result):
            is_long = isinstance(result, Long)
            if not is_long:
                self._replies.sent_if_stored = change
                try:
                    self.do(session, result, message.command, label)
                finally:
                    self._replies.sent_if_stored = 0
            stored = yield CommitDecision()
            if stored and not is_long:
                return HELD
            result = self._run(row, session, message)
            if is_long and stored:
                break  # a long answer is made while it is read
        return result

    def _batched(self, session: Session, message: Message) -> None:
        """Handle a line of a client batch; its results carry the label of the batch."""
        batch, own = session.batch, self._label(session, message)
        self.do(session, batches.collect(self._context, session, message), "BATCH", batch.label if batch else own)
        if batch is not None and session.batch is batch and batch.failed and own and "batch" not in message.tags:
            self.do(session, batches.refuse_interleaved(batch), "BATCH", own)

    @staticmethod
    def _label(session: Session, message: Message) -> str:
        """Return the label of a command, if the session negotiated labels; otherwise ``""``."""
        if not message.tags or session.caps & _LABELS != _LABELS:
            return ""
        return message.tags.get("label", "")

    def do(self, session: Session, result: Result, command: str, label: str) -> None:
        """Carry out the result of a handler; start one that waits."""
        if isinstance(result, Held):
            return
        if isinstance(result, p.Proposal):
            reason = self._commit_gate.refusal_reason(result)
            if reason:
                self._replies.refuse(session.id, command, reason, label, result.subject)
            else:
                result.label = label
                self.propose(session, result)
        elif isinstance(result, Generator):
            self._advance(WaitingHandler(session, command, label, result), None)
        elif isinstance(result, Long):
            self._slices.add(session, result, label)
        elif result or label:
            self._replies.reply_all(session, result or (), label)

    def _advance(self, handler: WaitingHandler, answer: Answer) -> None:
        """Give a handler that waits its answer (at first None), and run it to its next wait or its result."""
        try:
            wait = handler.steps.send(answer)
        except StopIteration as end:
            result: Result = end.value
        else:
            self._queries.add(handler, wait)
            return
        self.do(handler.session, result, handler.command, handler.label)

    def resume(self, handler: WaitingHandler, answer: Answer) -> None:
        """Continue a handler with the answer of the journal or of a worker."""
        handler.session.in_flight -= 1
        try:
            self._advance(handler, answer)
        except Exception as error:  # noqa: BLE001  # [contain-failures]
            self.failed(handler.session, error)

    def report_slowed(self, session: Session, per_second: float) -> None:
        """Tell a session that it is over its rate limit."""
        self._log.info("slowed", session=session.id)
        text = f"You are faster than {per_second:g} messages a second; the rest follows more slowly"
        if session.caps & STANDARD_REPLIES:
            notice = standard_reply("NOTE", "*", "SLOWED", text=text)
        else:
            notice = Message("NOTICE", (self._context.called(session), text))
        self._replies.reply(session, notice)

    def refuse_line(self, session: Session, bad: BadLine) -> None:
        """Report a line that cannot be handled, with its command and label if they can be parsed."""
        start = parse(bad.start)
        batch = session.batch
        if batch is not None and (spoilt := batches.spoil(session, start)) is not None:
            self.do(session, spoilt, "BATCH", batch.label)
            return
        label = self._label(session, start) if start is not None else ""
        if bad.why is BadLineReason.TOO_LONG:
            reply: Reply = NumericReply(n.ERR_INPUTTOOLONG, ())
        else:
            command = start.command if start is not None and start.command in COMMANDS else "*"
            reply = Message("FAIL", (command, *_BAD_LINE_FAILS[bad.why]))
        self._replies.reply_all(session, (reply,), label if len(label.encode()) <= MAX_LABEL_BYTES else "")

    def failed(self, session: Session, error: Exception) -> None:
        """End a session whose command raised ([contain-failures]). If its Quit fails too, others are not told."""
        self._count(session, error)
        reason = "The server failed on a command of this user"
        try:
            self.disconnect(session, reason)
        except Exception as again:  # noqa: BLE001  # [contain-failures]
            self._count(session, again)
            self._replies.end(session, reason)

    def _count(self, session: Session, error: Exception) -> None:
        self.failures += 1
        self._log.error("session failed", session=session.id, error=type(error).__name__, where=traceback_place(error))

    def disconnect(self, session: Session, reason: str, silent_ms: int = 0) -> None:
        """End a session whose connection is gone, or must go: the others read `reason`. `silent_ms`: see Quit."""
        session.inbox.clear()
        if session.registered or session.registering:
            session.registering = False
            self.propose(session, p.Quit(session.id, "", reason, silent_ms))
        else:
            self._replies.end(session, reason)

    def propose(self, session: Session, proposal: p.Proposal) -> None:
        """Ask for a place in the order. Until it is given, the session's next lines wait, unless all are messages."""
        is_message = isinstance(proposal, (p.SendMessage, p.SendMessageRun))
        session.messages_only = is_message and (session.messages_only or not session.in_flight)
        session.in_flight += 1
        self._order.propose(proposal)
