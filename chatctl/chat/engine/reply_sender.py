"""Replies to the sessions of this machine: answers, refusals, last lines, and labelled responses.

Invariants:

- [one-response] While a labelled command is handled, its session's output is gathered
  (:mod:`chatctl.chat.engine.labeled_response`) and sent as one response when it is complete.
- [parked-response] A response to which an entry contributed is parked like all output of the entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chatctl.chat.commands.base import CommandContext, Reply, ReplyOrEffect
from chatctl.chat.commands.effects import Effect
from chatctl.chat.delivery.fanout import Fanout
from chatctl.chat.delivery.session import Session
from chatctl.chat.delivery.sessions_by_user import SessionsByUser
from chatctl.chat.engine.labeled_response import LabeledResponse
from chatctl.chat.engine.reply_builder import reply_message
from chatctl.chat.entries.queries import MESSAGES
from chatctl.chat.model.ids import SessionId, UserId
from chatctl.chat.ports import LogPort
from chatctl.protocol.message import Message, encode
from chatctl.protocol.standard_replies import standard_reply

if TYPE_CHECKING:
    from collections.abc import Iterator


class ReplySender:
    """Hands answers to the fan-out. `sessions` are this machine's, by id, and `by_user` the registered ones of them; a
    session that ends is removed from both."""

    def __init__(
        self,
        context: CommandContext,
        fanout: Fanout,
        sessions: dict[SessionId, Session],
        by_user: SessionsByUser,
        log: LogPort,
    ) -> None:
        self.probes: list[SessionId] = []
        """Sessions that should be probed for being alive. The owner empties it."""
        self.ended: list[Session] = []
        """Ended sessions: their remaining output is written, then they are closed. The owner empties it."""
        self.shown_if_stored = 0
        """The entry whose deliveries are handled, if its answers are shown only once it is stored; else 0."""
        self.sent_if_stored = 0
        """The entry whose change is shown by all replies sent now, which are sent only if it is stored; else 0."""
        self.response: LabeledResponse | None = None
        """The answer to a labelled command that is being gathered."""
        self._ending: list[Session] = []
        self._context = context
        self._fanout = fanout
        self._sessions = sessions
        self._by_user = by_user
        self._log = log

    @contextmanager
    def gather_response(self, session: Session, label: str, seq: int = 0) -> Iterator[LabeledResponse]:
        """Gather the output of `session` as the response to its command `label`. `seq`: as in Fanout.to_room."""
        response = self.response = LabeledResponse(session, label)
        try:
            yield response
        finally:
            self.response = None
        self._respond(response, seq)
        for line, shown_if_stored in response.later_lines:
            self._fanout.send_in_order(session, line, shown_if_stored, response.only_room)

    def _respond(self, response: LabeledResponse, seq: int) -> None:
        session, single = response.session, response.single
        spot = single.spot if single is not None else None
        data = response.encoded(self._context.rules.server_name, self._context.reference)
        if spot is not None and self._fanout.splice(spot, session, data):
            return
        if response.depends_on_commit:
            self._fanout.send_in_order(session, data, seq, response.only_room)
        else:
            self._fanout.send_reply(session, data, response.only_room)

    def _response_to(self, session: Session) -> LabeledResponse | None:
        """Return the response that is being gathered for `session`, or None."""
        response = self.response
        return response if response is not None and response.session is session else None

    def reply_all(self, session: Session, replies: Iterable[ReplyOrEffect], label: str = "") -> None:
        """Send the replies to one command, and carry out its effects. With a label the replies are one response."""
        if label:
            with self.gather_response(session, label, self.sent_if_stored) as response:
                response.depends_on_commit = bool(self.sent_if_stored)
                self.reply_all(session, replies)
        else:
            for reply in replies:
                if isinstance(reply, Effect):
                    reply.carry_out(session, self)
                else:
                    self.reply(session, reply)

    def reply(self, session: Session, reply: Reply) -> None:
        """Send one reply to a command of `session`."""
        message = reply_message(self._context.rules.server_name, self._context.called(session), reply)
        response = self._response_to(session)
        if response is not None:
            response.add_message(message)
        elif self.sent_if_stored or (self.shown_if_stored and not _is_refusal(message)):
            self._fanout.send_in_order(session, _encoded(message), self.sent_if_stored or self.shown_if_stored)
        else:
            self._fanout.send_reply(session, _encoded(message))

    def log_event(self, session: Session, event: str, fields: Mapping[str, object]) -> None:
        """Write a log event with the session's id and address."""
        self._log.info(event, session=session.id, address=session.address, **fields)

    def probe(self, users: Sequence[UserId]) -> None:
        """Probe the connections of users for being alive."""
        self.probes += [session.id for session in self._by_user.of_all(users) if session is not None]

    def send_snapshot(self, session: Session, room: str, replies: Iterable[Reply]) -> None:
        """Send the snapshot of a room to a joining session: in one piece, in order with the room's lines."""
        server, called = self._context.rules.server_name, self._context.called(session)
        messages = [reply_message(server, called, reply) for reply in replies]
        response = self._response_to(session)
        if response is not None:
            for message in messages:
                response.add_message(message)
            response.add_snapshot_room(room)
        elif messages:
            data = b"".join(map(_encoded, messages))
            if self.shown_if_stored:
                self._fanout.send_in_order(session, data, self.shown_if_stored, room)
            else:
                self._fanout.send_reply(session, data, room)

    def send_history_line(self, session: Session, message: Message, seq: int, room: str) -> None:
        """Send a line of a room to `session` after its response, if the entry `seq` is stored."""
        response = self._response_to(session)
        if response is not None:
            response.later_lines.append((_encoded(message), seq))
        else:
            self._fanout.send_in_order(session, _encoded(message), seq, room)

    def refuse(self, id: SessionId, command: str, reason: str, label: str, subject: str = "") -> None:
        """Refuse a command of session `id`, which cannot be stored. `subject`: the room or user it is about."""
        session = self._sessions.get(id)
        if session is not None:
            server, done = self._context.rules.server_name, "sent" if command in MESSAGES else "done"
            text = f"This was not {done}: {reason}"
            context = (subject,) if subject else ()
            message = standard_reply("FAIL", command, "NOT_STORED", *context, text=text, source=server)
            message.tags = {"label": label} if label else {}
            self._fanout.send_in_order(session, _encoded(message))

    def end(self, session: Session, reason: str) -> None:
        """Send the session its last line, after all other output, and end it."""
        if self._sessions.pop(session.id, None) is None:
            return
        self._by_user.remove(session)
        for key in list(session.rooms):
            self._fanout.unsubscribe(session, key)
        self._context.monitors.clear(session)
        session.inbox.clear()
        self._context.batches.pop(session.id, None)
        session.closing = reason
        message = Message("ERROR", (reason,))
        response = self._response_to(session)
        if response is not None:
            response.add_message(message)
            response.depends_on_commit = True
        else:
            self._fanout.send_in_order(session, message.line)
        self._ending.append(session)

    def collect_ended(self) -> None:
        """Collect the sessions whose last line was released. Called after each release."""
        if self._ending:
            parked = self._fanout.has_parked
            self.ended += [session for session in self._ending if session.dropped or not parked(session)]
            self._ending = [session for session in self._ending if not session.dropped and parked(session)]


def _is_refusal(message: Message) -> bool:
    """Return whether the message is a refusal, which is sent whether or not the entry is stored."""
    return message.command == "FAIL" or message.command[0] in "45"


def _encoded(message: Message) -> bytes:
    return encode(message.command, message.params, message.source, message.tags) if message.tags else message.line
