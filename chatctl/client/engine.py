"""The client without its thread: lines of the server in, events and lines to send out. No socket, clock or queue.

Invariants:

- [sans-io] The owner calls :meth:`ClientEngine.connected`, :meth:`ClientEngine.receive` for each line, and
  :meth:`ClientEngine.lost`. After each call it takes `events` and `lines`.
- [phases] A connection is OFFLINE, ENTERING (registering), then ONLINE. `refusal` is why the server refuses the client,
  `name_problem` why it refuses the name; the owner decides what to do.
- [own-once] An own message is shown once: with its echo if the server echoes (echo-message), otherwise when it is sent.
- [wanted-rooms] Wanted rooms are joined again on every connection. KICK removes a room from them.
- [safe-resend] Messages to a chatctl server are numbered. If a connection to one breaks, unconfirmed messages are kept;
  if the next server is one too, they are sent again, marked, before anything else. Otherwise they are reported
  (Unconfirmed) and never sent twice.
- [no-raise] No input of a server raises. A malformed line is ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from datetime import UTC, datetime
from enum import Enum
from functools import partial

from chatctl.client import events as e
from chatctl.client.history.backfill import Backfill
from chatctl.client.isupport import Isupport
from chatctl.client.login.account_login import AccountLogin
from chatctl.client.login.registration import RESUME, Registration
from chatctl.client.login.resume_tokens import ResumeTokens
from chatctl.client.session import command_handlers, message_sender, numeric_handlers, presence, tag_handlers
from chatctl.client.session.batches import Batches, HistoryBatch
from chatctl.client.session.in_flight import (
    CAUTIOUS_WINDOW_MESSAGES,
    WINDOW_MESSAGES,
    InFlight,
    OutgoingLine,
    SentMessage,
)
from chatctl.client.session.known_presence import KnownPresence
from chatctl.client.session.outgoing import OutgoingRequests
from chatctl.client.session.rooms import JoinedRooms
from chatctl.errors import ChatctlError, RefusedError
from chatctl.protocol import names
from chatctl.protocol.message import Message, parse


def _our_fold(name: str) -> str:
    """Fold a name as chatctl servers do; their CASEMAPPING can only say "ascii"."""
    return names.room_fold(name) if name[:1] == "#" else names.fold(name)


class Phase(Enum):
    """The phase of a connection."""

    OFFLINE = "offline"
    ENTERING = "entering"
    ONLINE = "online"


class ClientEngine(OutgoingRequests):
    """The state of the client. `name` and `wanted` (rooms) are requested; `nick` and `rooms` are actual."""

    making: AccountLogin | None = None
    """The account that we asked the server to make (:mod:`chatctl.client.login.account_registration`)."""
    logged_in: str = ""
    """The account that we logged in to on this connection by other means than :attr:`login`, such as NickServ."""
    sent_away: RefusedError | None = None
    """Why there shall be no other connection."""

    def __init__(
        self,
        name: str,
        rooms: Iterable[str] = (),
        *,
        password: str | None = None,
        identity: ResumeTokens | None = None,
        attentive: bool = False,
        login: AccountLogin | None = None,
        transient: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.name = name
        self.nick = name
        self.password = password
        self.identity = identity
        self.attentive = attentive
        """Whether away states and other data for screens are fetched."""
        self.now = now
        self.events: list[e.Event] = []
        self.phase = Phase.OFFLINE
        self.server = ""
        self.prefix = ""
        """Our own ``nick!user@host`` as others see it, once the server showed it."""
        self.farewell = ""
        """The text of the last ERROR: why the server closed the connection."""
        self.isupport = Isupport()
        self.rooms = JoinedRooms(self.isupport)
        super().__init__(rooms)
        self.in_flight = InFlight(self.fold)
        self.people: list[e.Person] = []
        self.backfill = Backfill(self)
        self.client_id = ""
        """Random, so that the numbers of two clients differ; the owner sets it before the first connection."""
        self.numbered = 0
        """Messages that went out so far."""
        self.presence = KnownPresence()
        self.batches = Batches()
        self._doubt: list[SentMessage] = []
        self.transient = transient
        """Whether to be on a short visit if the server knows that: unannounced, and no member of rooms."""
        self._registration = Registration(name, password, identity, attentive=attentive, login=login)
        self._spare_names: Iterator[str] | None = None
        self._was_online = False
        self._unsent: list[e.Outgoing] = []
        self._waiting: list[Callable[[], None]] = []

    # Queries of the owner.

    def fold(self, name: str) -> str:
        """`name` so that two spellings of one name or room are equal."""
        return self.isupport.fold(name)

    def is_me(self, nick: str) -> bool:
        """Return whether `nick` is our own."""
        return bool(nick) and self.fold(nick) == self.fold(self.nick)

    @property
    def login(self) -> AccountLogin | None:
        """How later connections log in."""
        return self._registration.login

    @login.setter
    def login(self, login: AccountLogin | None) -> None:
        self._registration.login = login

    @property
    def secure(self) -> bool:
        """Whether the connection cannot be read by others."""
        return self._registration.secure

    @property
    def refusal(self) -> RefusedError | None:
        """Why the server does not let us in on this connection."""
        return self._registration.refusal

    @property
    def name_problem(self) -> ChatctlError | None:
        """Why we are not let in under the name we asked for."""
        return self._registration.name_problem

    @property
    def pending_name_problem(self) -> ChatctlError | None:
        """Answers about the name while it is open whether they are final."""
        return self._registration.kept

    @property
    def echoes(self) -> bool:
        """Whether the server confirms what we say."""
        return "echo-message" in self._registration.enabled

    @property
    def enabled(self) -> Set[str]:
        """The capabilities granted on this connection."""
        return self._registration.enabled

    def offers(self, name: str) -> bool:
        """Return whether the server has a capability."""
        return name in self._registration.offered

    def capability(self, name: str) -> str:
        """Return the value of a capability as the server offered it."""
        return self._registration.offered.get(name, "")

    @property
    def resends(self) -> bool:
        """Return whether the server recognises messages that are sent again ([safe-resend])."""
        return {RESUME, "message-tags", "echo-message"} <= self._registration.enabled

    @property
    def is_ours(self) -> bool:
        """Whether the server is a chatctl server."""
        return RESUME in self._registration.offered

    @property
    def online(self) -> bool:
        """Whether we are in, and the welcome is over."""
        return self.phase is Phase.ONLINE

    @property
    def may_send_more(self) -> bool:
        """Whether the next message may go out now."""
        return self.phase is Phase.ONLINE and not self.in_flight.full

    # The connection.

    def connected(self, spare_names: Iterable[str] | None = None, *, secure: bool = True) -> None:
        """Begin a connection. `spare_names`: alternatives to try in order. `secure`: it cannot be read by others."""
        self.phase = Phase.ENTERING
        self.farewell = self.server = self.prefix = self.logged_in = ""
        self.nick = self.name
        self.isupport = Isupport()
        self.rooms = JoinedRooms(self.isupport)
        self._spare_names = iter(spare_names) if spare_names is not None else None
        login = self._registration.login  # an invitation is used once
        self._registration = Registration(
            self.name,
            self.password,
            self.identity,
            attentive=self.attentive,
            login=login,
            secure=secure,
            transient=self.transient,
        )
        self._registration.start()
        self._pass_on_registration()

    def receive(self, line: str) -> None:
        """Handle one line of the server, without its line end."""
        parsed = parse(line)
        if parsed is None or parsed.tags.get("label") == tag_handlers.AUTOMATIC_LABEL:
            return
        message = self.batches.take(parsed)
        if isinstance(message, HistoryBatch):
            self.backfill.on_batch(message)
        elif isinstance(message, Message) and not self.backfill.handle_line(message):
            self._handle(message)

    def _handle(self, message: Message) -> None:
        if message.command in ("PING", "PONG"):
            self._ping_pong(message)
        elif self.phase is Phase.ENTERING and self._registration.receive(message):
            self._entering(message)
        elif message.command == "CAP":
            self._registration.cap(message)
            self._pass_on_registration()
        else:
            handler = command_handlers.COMMANDS.get(message.command) or numeric_handlers.NUMERICS.get(
                message.command, numeric_handlers.other
            )
            handler(self, message)

    def lost(self, unwritten: Sequence[OutgoingLine] = (), *, settled: bool = False) -> None:
        """Handle a connection loss; `unwritten` are the lines that the system did not take whole. `settled`: what it
        did take was certainly read."""
        self.phase = Phase.OFFLINE
        self.rooms.clear()
        self.asked_names.clear()
        self.people.clear()
        self.presence.clear()
        self.batches.clear()
        again, doubt, waiting = self.in_flight.lost([*unwritten, *self.lines])
        self.lines.clear()
        held, waiting_for_held = self.unstored.lost(self)
        self._unsent = [entry.message for entry in again] + self._unsent + held
        self._waiting += [passed for passed in waiting if passed != self.welcomed] + waiting_for_held
        self._waiting += [
            partial(self.backfill.call_when_complete, passed) for passed in self.backfill.take_callbacks()
        ]
        self.backfill.on_disconnect()
        if doubt and not settled:
            self._doubt = doubt + self._doubt
            if not self.resends:
                self._report_doubt()

    def over(self) -> None:
        """Handle the end of the last connection."""
        self.backfill.on_close()
        self._report_doubt()

    def _report_doubt(self) -> None:
        doubt, self._doubt = self._doubt, []
        if doubt:
            self.emit(e.Unconfirmed(time=self.now(), messages=tuple(entry.message for entry in doubt)))

    def unsent(self) -> tuple[e.Outgoing, ...]:
        """Return messages that the next connection will send, and those held until their room is joined."""
        return (*self._unsent, *self.unstored.held)

    def _entering(self, message: Message) -> None:
        registration = self._registration
        if registration.name_problem is not None and self._spare_names is not None:
            spare = next(self._spare_names, None)
            if spare is not None:
                registration.try_name(spare)
        self._pass_on_registration()
        if message.command == "ERROR":
            self.farewell = message.param(0)
        if message.command == "001":
            self.nick = registration.nick
            self.server = message.source
            if self.is_ours:
                self.isupport.always_fold(_our_fold)
            self.in_flight.window = WINDOW_MESSAGES if self.is_ours else CAUTIOUS_WINDOW_MESSAGES
            self.backfill.on_registered(again=self._was_online)
            for room, key in self.wanted.values():
                self.send_join(room, key)
            # Most servers end their welcome with the message of the day or its absence; this ends it everywhere.
            self.send("PING", self.in_flight.barrier(self.welcomed).token)

    def welcomed(self) -> None:
        """Handle the end of the welcome: ISUPPORT is known."""
        if self.phase is not Phase.ENTERING:
            return
        self.phase = Phase.ONLINE
        kind = e.Reconnected if self._was_online else e.Connected
        self._was_online = True
        self.emit(kind(time=self.now(), name=self.nick, server=self.server, network=self.isupport.network))
        if self.nick != self.name:
            self.emit(e.NickChanged(time=self.now(), old=self.name, name=self.nick, own=True))
        if self.away_text:
            self.send("AWAY", self.away_text)
        self.backfill.on_welcome()
        presence.welcomed(self)
        self._send_again()
        again, self._unsent = self._unsent, []
        for message in again:
            self._send_or_hold(message)
        waiting, self._waiting = self._waiting, []
        for passed in waiting:
            self.send("PING", self.in_flight.barrier(passed).token)

    def _ping_pong(self, message: Message) -> None:
        if message.command == "PING":
            self.send("PONG", *message.params[-1:])
        elif message.params:
            settled = self.in_flight.answered(message.params[-1])
            if self.echoes:
                for entry in settled:
                    message_sender.show_sent(self, entry)
            self.backfill.on_pong(message.params[-1])

    def _pass_on_registration(self) -> None:
        self.lines += [OutgoingLine(line) for line in self._registration.lines]
        self._registration.lines.clear()

    # Requests of the user, only while ONLINE.

    def say(self, kind: e.Kind, target: str, text: str, ticket: int = 0, reply: str = "") -> None:
        """Say `text` to a room or a person, in as many messages as it takes (`message_sender`)."""
        self._send_or_hold(e.Outgoing(target, text, kind, ticket, reply))

    def _send_or_hold(self, message: e.Outgoing) -> None:
        if not self.unstored.hold(self, message):
            message_sender.say(self, message)

    def send_held(self) -> bool:
        """Say the next message that waited for its room to be joined. Return whether there was one."""
        message = self.unstored.take(self) if self.unstored.held and self.may_send_more else None
        if message is None:
            return False
        message_sender.say(self, message)
        self.unstored.released(self)
        return True

    def _send_part(self, room: str, reason: str) -> None:
        if not self.unstored.leave(self, room):
            super()._send_part(room, reason)

    def measure(self, now: Callable[[], float]) -> None:
        """Ask the server, and tell how long it takes to answer; `now` is a clock, in seconds."""
        began = now()
        self.barrier(lambda: self.emit(e.Latency(time=self.now(), seconds=max(0.0, now() - began))))

    def _send_again(self) -> None:
        """Send unconfirmed messages again, if that is safe ([safe-resend])."""
        if not self.resends:
            self._report_doubt()
            return
        doubt, self._doubt = self._doubt, []
        message_sender.send_again(self, doubt)

    def barrier(self, passed: Callable[[], None] | None = None) -> None:
        """Send a PING; call `passed` when the server has dealt with all that went out before it, and that is told."""
        after = partial(self.backfill.call_when_complete, passed) if passed is not None else None
        self.send("PING", self.in_flight.barrier(after).token)

    # For the handlers.

    def emit(self, event: e.Event) -> None:
        """Emit an event."""
        self.events.append(event)

    def time_of(self, message: Message) -> datetime:
        """Return the time of a message: server-time if it has one, else now. UTC."""
        stamp = message.tags.get("time")
        if stamp:
            try:
                return datetime.fromisoformat(stamp).replace(tzinfo=UTC)
            except ValueError:  # a leap second is allowed on the wire, and not in datetime
                pass
        return self.now()
