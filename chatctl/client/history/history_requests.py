"""History requests of the user: the pages before the visible one, around one message, and search results.

Invariants:

- [always-answered] Each request has a number and is answered by one `HistoryReceived` with it: found, refused, or
  disconnected.
- [shared-queue] Requests share the backfill's queue ([one-request] there), so a page is never taken for another's.
- [no-marks] Requests neither move the backfill's positions nor count as shown: the caller places the messages.
- [page-content] A page has messages, and joins, parts and reactions if the server plays them back, oldest first.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from chatctl.client import events as e
from chatctl.client.session import message_events
from chatctl.client.session.batches import HISTORY, SEARCH, TARGETS, HistoryBatch
from chatctl.client.session.query_types import HistoryQuestion, UserRequest, is_message
from chatctl.protocol.message import Message, encode_tags

if TYPE_CHECKING:
    from chatctl.client.session.engine_port import EnginePort

FAR_FUTURE = "timestamp=9999-12-31T23:59:59.999Z"
_BATCHES = {"SEARCH": SEARCH, "TARGETS": TARGETS}
"""Types of answers that are not history batches."""

Which = Literal["BEFORE", "AFTER", "AROUND"]


def stamp(moment: datetime) -> str:
    """Return a time as it stands on the wire: ``2026-11-22T15:41:13.123Z``."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


class HistoryRequests:
    """Makes requests for the application, and pages of their answers."""

    def __init__(self, state: EnginePort) -> None:
        self._state = state

    def page(
        self, number: int, which: Which, target: str, id: str | None, time: datetime, limit: int
    ) -> HistoryQuestion:
        """Request messages before, after or around one, which is named by its id, or by its time if it has none."""
        by_id = id and "msgid" in self._state.isupport.references
        mark = f"msgid={id}" if by_id else f"timestamp={stamp(time)}"
        most = min(limit, self._state.isupport.history_limit)
        line = ("CHATHISTORY", which, target, mark, str(most))
        return HistoryQuestion(which, self._state.fold(target), target, mark, request=UserRequest(number, target, line))

    def search(self, number: int, text: str, room: str, name: str, limit: int) -> HistoryQuestion:
        """Request a search for words: in one place or (empty) all, by one user or (empty) all."""
        given = {"in": room, "from": name, "text": text, "limit": str(limit)}
        attributes = encode_tags({key: value for key, value in given.items() if value})
        return HistoryQuestion("SEARCH", "", room, "", request=UserRequest(number, room, ("SEARCH", attributes)))

    def conversations(self, number: int, since: datetime) -> HistoryQuestion:
        """Request the users with private messages since a time."""
        most = str(self._state.isupport.history_limit)
        line = ("CHATHISTORY", "TARGETS", f"timestamp={stamp(since)}", FAR_FUTURE, most)
        return HistoryQuestion("TARGETS", "", "", "", request=UserRequest(number, "", line))

    def _talked(self, batch: HistoryBatch) -> None:
        """TARGETS <name> <time of the last message>, the earliest first."""
        state = self._state
        people: list[tuple[str, datetime]] = []
        for message in batch.messages:
            name, time = message.param(1), message.param(2)
            if name and not state.isupport.is_room(name) and not state.is_me(name):
                with suppress(ValueError):
                    people.append((name, datetime.fromisoformat(time).replace(tzinfo=UTC)))
        state.emit(e.Conversations(time=state.now(), people=tuple(people)))

    def answers(self, question: HistoryQuestion, batch: HistoryBatch) -> bool:
        """Return whether this batch answers the current request; if so, emit it."""
        if question.request is None or batch.type != _BATCHES.get(question.kind, HISTORY):
            return False
        if question.kind == "TARGETS":
            self._talked(batch)
            return True
        if question.key and self._state.fold(batch.target) != question.key:
            return False
        found: list[e.Event] = []
        for message in batch.messages:
            found += past_events(self._state, message)
        self.emit(question.request, tuple(found), ends=not batch.messages)
        return True

    def failed(self, request: UserRequest) -> None:
        """Answer a request that failed ([always-answered])."""
        self.emit(request, (), failed=True)

    def emit(
        self, request: UserRequest, found: tuple[e.Event, ...], *, ends: bool = False, failed: bool = False
    ) -> None:
        """Emit the answer to a request."""
        now = self._state.now()
        self._state.emit(
            e.HistoryReceived(
                time=now, number=request.number, target=request.target, events=found, ends=ends, failed=failed
            )
        )


def past_events(state: EnginePort, message: Message) -> list[e.Event]:
    """Return the events of one history line ([page-content]); none if it has no use."""
    if is_message(message):
        said = message_events.message_event(state, message, state.is_me(message.nick), history=True)
        return [said] if said is not None else []
    if message.command in ("TAGMSG", "REDACT"):
        return message_events.tag_events(state, message, history=True)
    time, nick, own = state.time_of(message), message.nick, state.is_me(message.nick)
    match message.command:
        case "JOIN":
            return [e.Joined(time=time, room=message.param(0), name=nick, own=own, history=True)]
        case "PART" | "QUIT":
            room, how, reason = message.param(0), message.command.lower(), message.param(1)
            if how == "quit":
                why = message.param(0)
                return [e.Parted(time=time, name=nick, rooms=(), how="quit", reason=why, own=own, history=True)]
            return [e.Parted(time=time, name=nick, rooms=(room,), how="part", reason=reason, own=own, history=True)]
        case "KICK":
            room, who, reason = message.param(0), message.param(1), message.param(2)
            return [e.Parted(time=time, name=who, rooms=(room,), how="kick", reason=reason, by=nick, history=True)]
        case "NICK":
            return [e.NickChanged(time=time, old=nick, name=message.param(0), own=own, history=True)]
        case "TOPIC":
            room, text = message.param(0), message.param(1)
            return [e.Topic(time=time, room=room, text=text, name=nick, history=True)]
    return []
