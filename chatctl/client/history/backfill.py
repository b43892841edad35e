"""Backfill: requests the messages of the time away, places them before live ones, and shows each message once.

Source: ircv3.net/specs/extensions/chathistory (draft) and batch.

Invariants:

- [needs-all] History is requested only if all it needs is granted: draft/chathistory, batch, message-tags, server-time.
- [first-look] On the first join of a room the last FIRST_LOOK messages are requested (LATEST). On a later connection
  all since the last one shown, or since that first JOIN (AFTER its id), page by page, until a page is empty or reaches
  live messages. If an own message is older than the first look, on a connection that broke before its JOIN was
  confirmed, all since then.
- [hold-live] From the own JOIN until then, live messages of the room are held back; then they are shown in order.
- [fallback-time] If the server does not know the id, or has none, the time of the last message less a millisecond is
  used, since two may share a time. If that fails too, live messages follow at once.
- [private-first] After a reconnect all private messages are held back at once. TARGETS lists the users we talked with
  since the time of [private-mark] (without one, since the first time received); each is requested like a room. When all
  are done, the held messages are shown.
- [shown-once] A message is shown once, whether it arrives live, in a page, or as the answer to a message sent again
  (:mod:`chatctl.client.session.deduplication`). Such an answer (tag ``chatctl/ref``) is out of order, so it is never
  the starting point of the next request.
- [private-mark] The time from which private messages may be missing advances only while none are held back.
- [one-request] One request is in flight at a time, with a PING after it: if that is answered first, the request has no
  answer.
- [connection-loss] If the connection breaks, requests and incomplete batches are dropped. Held messages are kept, and
  follow the pages of the next connection.
- [leaving-forgets] Leaving a room, or being kicked, forgets its position: the next join is a first one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from chatctl.client.history import missed_events
from chatctl.client.history.history_requests import FAR_FUTURE, HistoryRequests
from chatctl.client.history.read_positions import ReadPositions
from chatctl.client.session import message_events
from chatctl.client.session.batches import HISTORY, TARGETS, HistoryBatch
from chatctl.client.session.deduplication import SeenMessages
from chatctl.client.session.query_types import (
    REFERENCE,
    STEP,
    HeldEvents,
    HistoryQuestion,
    PlaceHistory,
    earlier_own_message,
    is_message,
    shifted,
)
from chatctl.protocol.message import Message

if TYPE_CHECKING:
    from chatctl.client.session.engine_port import EnginePort

NEEDED = frozenset({"draft/chathistory", "batch", "message-tags", "server-time"})
FIRST_LOOK = 20
"""Messages shown of a room that one enters for the first time."""

MAX_HELD_EVENTS = 20_000
_MAX_REQUESTS = 100
_FUZZ = timedelta(seconds=10)
"""How far apart two things may be in time that came in the other order: across places only one place's order counts."""

_ASKED_BY_TIME_INSTEAD = frozenset({"MESSAGE_ERROR", "INVALID_PARAMS", "INVALID_MSGREFTYPE"})


class Backfill:
    """Requests the messages that were missed; one object for all connections of a client."""

    def __init__(self, state: EnginePort) -> None:
        self._state = state
        self._positions = ReadPositions(state)
        self._stream = SeenMessages()
        """The live messages of this connection."""
        self._private: HeldEvents | None = None
        self._questions: deque[HistoryQuestion] = deque()
        self._asked: HistoryQuestion | None = None
        self._token = ""
        self._latest = self._since = ""
        self._waiting: list[Callable[[], None]] = []
        self.past = HistoryRequests(state)

    @property
    def able(self) -> bool:
        """Whether all that history needs is granted ([needs-all])."""
        return self._state.enabled >= NEEDED

    # The connection.

    def on_registered(self, *, again: bool) -> None:
        """Handle the end of registration; `again`: not the first one ([private-first])."""
        if not (self.able and again):
            self._release_private()

    def on_welcome(self) -> None:
        """Send requests from now on."""
        if self._private is not None and self._since:
            self._request_targets()

    def on_disconnect(self) -> None:
        """Handle the loss of the connection ([connection-loss])."""
        for request in [question.request for question in self._open_questions() if question.request is not None]:
            self.past.failed(request)
        self._stream = SeenMessages()
        # Held from now on, since the very first line of the next connection may have a time.
        self._private = self._private or HeldEvents()
        self._questions.clear()
        self._asked = None
        for place in self._positions.rooms.values():
            if place.hold is not None:
                place.hold.live.clear()
            else:
                place.cut = self._latest
        if self._private is not None:
            self._private.live.clear()

    def on_close(self) -> None:
        """Emit all held messages, because no connection will follow."""
        for place in list(self._positions.rooms.values()):
            self._release(place)
        self._release_private()

    def on_join(self, room: str, join: Message) -> None:
        """Handle the own JOIN of a room ([first-look], [hold-live])."""
        key = self._state.fold(room)
        first = key not in self._positions.rooms
        place = self._positions.rooms.setdefault(
            key, PlaceHistory(join.tags.get("msgid", ""), join.tags.get("time", ""))
        )
        place.back = join.tags.get("time", "")
        if not self.able:
            self._release(place)
        elif not any(open.key == key and not (open.private or open.request) for open in self._open_questions()):
            place.hold = place.hold or HeldEvents()
            mark = "" if first else self._positions.mark(place)
            self._enqueue(HistoryQuestion("AFTER" if mark else "LATEST", key, room, mark))

    def request(self, question: HistoryQuestion) -> None:
        """Request history for the application (:mod:`chatctl.client.history.history_requests`)."""
        request = question.request
        if request is None:
            return
        needed = {"soju.im/search", "batch"} if question.kind == "SEARCH" else NEEDED
        if self._state.enabled >= needed and len(self._questions) < _MAX_REQUESTS:
            self._enqueue(question)
        else:
            self.past.failed(request)

    def on_leave(self, room: str) -> None:
        """Handle the end of the own membership, but not a connection loss ([leaving-forgets])."""
        key = self._state.fold(room)
        place = self._positions.rooms.pop(key, None)
        if place is not None:
            self._release(place)
        self._questions = deque(open for open in self._questions if open.private or open.request or open.key != key)

    def refold(self, renewed: Callable[[str], str]) -> None:
        """Fold all names anew, after the server changed its CASEMAPPING."""
        self._positions.refold(renewed)
        self._questions = deque(replace(question, key=renewed(question.key)) for question in self._questions)
        if self._asked is not None:
            self._asked = replace(self._asked, key=renewed(self._asked.key))

    def call_when_complete(self, passed: Callable[[], None]) -> None:
        """Call `passed` when no message is held back."""
        self._waiting.append(passed)
        self._send_next()

    def take_callbacks(self) -> list[Callable[[], None]]:
        """Return the callbacks that were not called yet, and forget them."""
        waiting, self._waiting = self._waiting, []
        return waiting

    # Input of the server.

    def handle_line(self, message: Message) -> bool:
        """Note the time of a line; return whether it was the failure of a request and needs no other handler."""
        command = message.command
        if "time" in message.tags:
            self._latest = message.tags["time"]
            if self._private is None:
                self._since = self._latest
            elif not self._since:
                self._since = self._latest
                self._request_targets()
        if command == "FAIL" and message.param(0).upper() in ("CHATHISTORY", "SEARCH") and self._asked is not None:
            self._on_failure(message.param(1).upper())
            return True
        return False

    def on_live_message(self, message: Message, own: bool) -> None:
        """Emit a live message, hold it back, or drop it if it was shown."""
        place = self._positions.place_of(message, own)
        private = not self._state.isupport.is_room(message.params[0])
        hold = self._private if private else place.hold
        if hold is None:
            self._emit_once(place, message, own, self._stream)
            return
        hold.messages.append((message, own, self._stream))
        if REFERENCE not in message.tags:
            hold.live.add(message.tags.get("msgid", ""))
        if len(hold.messages) >= MAX_HELD_EVENTS:
            self._release_private() if private else self._release(place)

    def on_pong(self, token: str) -> None:
        """Handle a PONG ([one-request])."""
        if self._asked is not None and token == self._token:
            self._on_failure("")

    # Answers to requests.

    def on_batch(self, batch: HistoryBatch) -> None:
        """Handle a complete batch of history."""
        question = self._asked
        if question is not None and question.request is not None and self.past.answers(question, batch):
            self._on_complete(question)
        elif batch.type != HISTORY:
            if question is not None and question.kind == "TARGETS" and batch.type == TARGETS:
                self._on_targets(question, batch.messages)
        elif question is not None and question.key and self._state.fold(batch.target) == question.key:
            self._on_page(question, batch.messages)
        else:  # not requested; some servers play back by themselves
            stream = SeenMessages()
            for message in filter(is_message, batch.messages):
                own = self._state.is_me(message.nick)
                self._emit_once(self._positions.place_of(message, own), message, own, stream, history=True)

    def _on_page(self, question: HistoryQuestion, messages: list[Message]) -> None:
        if not question.private and question.key not in self._positions.rooms:  # left meanwhile
            self._on_complete(question)
            return
        place = self._positions.place(question)
        earlier = earlier_own_message(place, messages)
        if earlier and earlier != question.mark:
            self._request_first(HistoryQuestion("AFTER", question.key, question.target, earlier, question.private))
            return
        place.looked = True
        reached = self._emit_page(question, place, messages)
        by_time = question.mark.startswith("timestamp=")
        mark = self._positions.mark(place, by_time=by_time, after=question.mark)
        self._emit_tag_events(messages)
        if (
            question.kind == "LATEST"
            or not messages
            or reached
            or not mark
            or (mark <= question.mark if by_time else mark == question.mark)
        ):
            self._on_complete(question)
        else:
            self._request_first(HistoryQuestion("AFTER", question.key, question.target, mark, question.private))

    def _emit_page(self, question: HistoryQuestion, place: PlaceHistory, messages: list[Message]) -> bool:
        """Emit the events of a page; return whether it reaches live messages."""
        hold = self._private if question.private else place.hold
        again = question.kind == "AFTER" and not question.private
        reached = False
        between: list[Message] = []
        stream = SeenMessages()
        marks = question.kind == "AFTER" or not place.time  # a JOIN without a time marks nothing
        for message in messages:
            if not is_message(message):
                between.append(message)
                continue
            if again:
                missed_events.emit(self._state, place, question.target, between)
            own = self._state.is_me(message.nick)
            id = message.tags.get("msgid", "")
            reached = reached or (hold is not None and bool(id) and id in hold.live)
            if reached and question.kind == "LATEST":
                break  # there may be more live messages than the page shows
            # Without echoes what we say is told when it goes out, and its id never known.
            if not own or question.kind == "LATEST" or self._state.echoes:
                self._emit_once(place, message, own, stream, history=True)
            if marks:
                place.id, place.time = id, message.tags.get("time", place.time)
        if again and between:
            place.id, place.time = between[-1].tags.get("msgid", ""), between[-1].tags.get("time", place.time)
            missed_events.emit(self._state, place, question.target, between)
        return reached

    def _emit_tag_events(self, page: list[Message]) -> None:
        """Emit reactions and deletions, which some servers play back."""
        for message in page:
            if message.command in ("TAGMSG", "REDACT"):
                for event in message_events.tag_events(self._state, message, history=True):
                    self._state.emit(event)

    def _on_targets(self, question: HistoryQuestion, messages: list[Message]) -> None:
        state = self._state
        listed = [message.params[1:3] for message in messages if len(message.params) >= 3]
        self._asked = None
        for name, _ in listed:
            key = state.fold(name)
            asked = any(open.key == key and not open.request for open in self._open_questions())
            if not name or state.isupport.is_room(name) or asked:
                continue
            mark = self._positions.mark(self._positions.person(key)) or question.mark
            self._questions.append(HistoryQuestion("AFTER", key, name, mark, private=True))
        last = shifted(listed[-1][1], STEP) if listed else ""
        if len(listed) >= state.isupport.history_limit and last > question.mark:
            self._questions.appendleft(HistoryQuestion("TARGETS", "", "", last, private=True))
        self._on_complete(question)

    # Requests.

    def _open_questions(self) -> list[HistoryQuestion]:
        return [*self._questions, *([self._asked] if self._asked is not None else [])]

    def _request_targets(self) -> None:
        self._enqueue(HistoryQuestion("TARGETS", "", "", shifted(self._since, _FUZZ), private=True))

    def _enqueue(self, question: HistoryQuestion) -> None:
        self._questions.append(question)
        self._send_next()

    def _request_first(self, question: HistoryQuestion) -> None:
        """Send `question` in the place of the current request."""
        self._asked = None
        self._questions.appendleft(question)
        self._send_next()

    def _send_next(self) -> None:
        """Send the next request if none is in flight ([one-request])."""
        if self._asked is not None:
            return
        if not self._questions:
            for passed in self.take_callbacks():
                passed()
            return
        question = self._asked = self._questions.popleft()
        state = self._state
        limit = str(state.isupport.history_limit)
        if question.request is not None:
            state.send(*question.request.line)
        elif question.kind == "TARGETS":
            state.send("CHATHISTORY", "TARGETS", question.mark, FAR_FUTURE, limit)
        elif question.kind == "LATEST":
            state.send("CHATHISTORY", "LATEST", question.target, "*", str(min(int(limit), FIRST_LOOK)))
        else:
            state.send("CHATHISTORY", "AFTER", question.target, question.mark, limit)
        self._token = state.in_flight.barrier().token
        state.send("PING", self._token)

    def _on_failure(self, code: str) -> None:
        """Handle a request that failed ([fallback-time])."""
        question = self._asked
        if question is not None and question.request is not None:
            self.past.failed(question.request)
        elif question is not None and code in _ASKED_BY_TIME_INSTEAD and question.mark.startswith("msgid="):
            mark = self._positions.mark(self._positions.place(question), by_time=True)
            if mark:
                return self._request_first(
                    HistoryQuestion("AFTER", question.key, question.target, mark, question.private)
                )
        return self._on_complete(question) if question is not None else None

    def _on_complete(self, question: HistoryQuestion) -> None:
        """End a request; emit the messages that were held back for it."""
        self._asked = None
        if question.request is not None:
            pass  # nothing is held back for it
        elif not question.private:
            if question.key in self._positions.rooms:
                self._release(self._positions.rooms[question.key])
        elif not any(other.private for other in self._questions):
            self._release_private()
        self._send_next()

    def _release(self, place: PlaceHistory) -> None:
        hold, place.hold = place.hold, None
        for message, own, stream in hold.messages if hold is not None else ():
            self._emit_once(place, message, own, stream)

    def _release_private(self) -> None:
        hold, self._private = self._private, None
        for message, own, stream in hold.messages if hold is not None else ():
            self._emit_once(self._positions.place_of(message, own), message, own, stream)
        self._since = self._latest or self._since

    def _emit_once(
        self, place: PlaceHistory, message: Message, own: bool, stream: SeenMessages, *, history: bool = False
    ) -> None:
        """Emit a message unless it was shown ([shown-once])."""
        if self._positions.is_new(place, message, own, stream, asking=self._asked is not None or bool(self._questions)):
            message_events.emit_message(self._state, message, own, history=history)
