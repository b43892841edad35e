"""The state of the view: buffers, positions and requests, without a screen. Events change it through ViewModel.

Invariants:

- [one-table] One function per kind of event, and the table. Kinds without a row are shown in the words of the line
  client, in the current buffer.
- [stale] `stale` collects the parts of the screen to redraw; the screen takes and clears it.
- [unread] A message is unread if it is not watched: in another buffer, or while the terminal is not in front. Messages
  of the past count only if they are later than the last one read, or came while we were disconnected.
- [alerts] We are alerted of messages that are meant for us and not watched; not if the terminal reported that it is in
  front: then the count is visible.
- [server-text] Text of the server before there is a room is kept, and moved into the first room.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from time import monotonic
from typing import Literal, Protocol

from chatctl.client import events as e
from chatctl.errors import ChatctlError
from chatctl.tui.model.buffers import Buffer, Buffers
from chatctl.tui.model.items import Item
from chatctl.tui.model.page_items import PageItems

_MAX_ENTERING_SECONDS = 5.0
"""How long the answer to a JOIN is waited for before Enter sends elsewhere."""
_MAX_PAGES_BACK = 10
"""Pages (of 100 messages) that are loaded by themselves to find where one left off."""

Which = Literal["BEFORE", "AFTER", "AROUND"]
Part = Literal["log", "rooms", "people", "topic", "status", "found"]
Connection = Literal["connecting", "online", "offline", "ended"]


class ModelClient(Protocol):
    """The part of the client that the model uses."""

    def fold(self, name: str) -> str: ...
    def is_room(self, target: str) -> bool: ...
    def look_back(
        self,
        target: str,
        which: Which,
        time: datetime,
        id: str | None = None,
        limit: int = 100,
    ) -> int: ...
    def watch(self, name: str) -> None: ...
    def mark_read(self, target: str, until: datetime | None) -> None: ...


def unasked() -> AbstractContextManager[None]:
    """Suppress errors of automatic commands: if they cannot be sent, the user need not know."""
    return suppress(ChatctlError)


def moment(seconds: float) -> datetime:
    """Return seconds since 1970 as a time; now for a value outside the calendar."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.now(UTC)


class ViewState:
    """The state of the view. `client` is set after the login; before, there are no events."""

    def __init__(self, client: ModelClient, me: str) -> None:
        self.client = client
        self.me = me
        self.buffers = Buffers(client.fold)
        self.connection: Connection = "connecting"
        self.problem = ""
        """The reason why there is no connection."""
        self.waits_for = ""
        """The question that the user must answer to log in."""
        self.network = ""
        self.latency: float | None = None
        self.away = False
        self.attention = True
        """Whether the terminal is in front, as far as it reports, and the user is present."""
        self.in_front: bool | None = None
        """The focus as the terminal reported it; None: no report yet, and some never report."""
        self.stale: set[Part] = {"log", "rooms", "people", "topic", "status"}
        self.alerts: list[tuple[Buffer, Item]] = []
        """Pending alerts, for any buffer; the screen takes and clears them."""
        self.found: PageItems | None = None
        self.target: str | None = None
        """The id of the message that is to be shown as soon as it is there."""
        self.offer = ""
        """The introduction for a new user."""
        self.going: str = ""
        """The room to be in as soon as we are in it."""
        self._going_until = 0.0
        """When the answer about that room stops being waited for, or came as a refusal (a monotonic clock)."""
        self.been: set[str] = set()
        """The rooms (folded) that we have been in since we came."""
        self.pages: dict[int, tuple[str, Buffer]] = {}
        self.came_back = False
        self.told_offline = False

    # Queries of the screen.

    @property
    def here(self) -> Buffer:
        """The place that is looked at."""
        return self.buffers.current

    def look_at(self, buffer: Buffer) -> None:
        """Go there; what stands here has been read."""
        self.mark_read()
        self.buffers.look_at(buffer)
        self.stale |= {"log", "rooms", "people", "topic", "status"}

    def front(self, in_front: bool) -> None:
        """Note that the terminal got or lost the focus."""
        self.in_front = in_front
        self.attend(in_front)

    def attend(self, attention: bool) -> None:
        """Note that the user begins or stops watching; later items are placed below a marker line."""
        if self.attention and not attention and not self.here.unread:
            self.here.clear_unread_line()
        self.attention = attention
        if attention and self.here.unread:
            self.here.seen()
            self.stale |= {"rooms"}

    def go_to(self, room: str, now: float) -> None:
        """Go to a room as soon as we are in it. `now` is a monotonic clock in seconds."""
        self.going, self._going_until = room, now + _MAX_ENTERING_SECONDS

    def room_was_refused(self, room: str) -> None:
        """Note that a room cannot be entered."""
        if self.going and self.buffers.fold(room) == self.buffers.fold(self.going):
            self._going_until = min(self._going_until, monotonic())

    def awaits_room(self, time: float) -> bool:
        """Return whether the wanted room was neither joined nor refused at a time up to now."""
        awaited = bool(self.going) and "," not in self.going and self.connection != "offline"
        return awaited and time < self._going_until

    def converse(self, name: str) -> Buffer:
        """Return the private buffer of a user, made if it does not exist."""
        known = self.buffers.get(name)
        if known is not None:
            return known
        buffer = self.buffers.open(name, is_room=False)
        with unasked():
            self.client.watch(name)
            self.client.mark_read(name, None)
        self.stale |= {"rooms"}
        return buffer

    def say(self, text: str, kind: e.Kind, target: str, ticket: int, now: float, reply: str | None = None) -> None:
        """Add an own message, which is shown as pending until its echo comes."""
        buffer = self.buffers.get(target)
        if buffer is None and not self.client.is_room(target):
            buffer = self.converse(target)
        if buffer is None:
            return
        form: Literal["said", "action", "notice"] = "said" if kind == "message" else kind
        buffer.log.add(Item(form, now, text, self.me, own=True, ticket=ticket, reply=reply))
        buffer.past = None
        if buffer.log.unread is not None and buffer is self.here:
            buffer.log.unread = None
        self.stale |= {"log"}

    def tell(self, text: str, *, trouble: bool = False, buffer: Buffer | None = None, now: float) -> None:
        """Add a line of the program itself."""
        for line in text.splitlines():
            (buffer or self.here).shown.add(Item("trouble" if trouble else "news", now, line))
        self.stale |= {"log"}

    def load_before(self, buffer: Buffer) -> bool:
        """Request the messages before the first item. Return False if there are none, or they are requested already."""
        log = buffer.shown
        oldest = log.oldest()
        if log.begins or buffer.asked or self.connection != "online" or buffer is self.buffers.home:
            return False
        if oldest is None and buffer.since < float("inf"):  # all that there is was told by the program
            oldest = Item("news", buffer.since)
        return oldest is not None and self._look_back(buffer, "BEFORE", oldest)

    def load_after(self, buffer: Buffer) -> bool:
        """Request the messages after the shown stretch of the past."""
        if buffer.past is None or buffer.asked or not buffer.past.items:
            return False
        return self._look_back(buffer, "AFTER", buffer.past.items[-1])

    def _look_back(self, buffer: Buffer, which: Which, item: Item) -> bool:
        with unasked():
            buffer.asked = self.client.look_back(buffer.name, which, moment(item.time), item.id)
            self.pages[buffer.asked] = (which, buffer)
            return True
        buffer.shown.begins = True  # a name that no request can use: servers may allow any name
        return False

    def recall(self, buffer: Buffer, last: datetime) -> None:
        """Load the end of a conversation that we had before: it was at `last`."""
        if self._look_back(buffer, "BEFORE", Item("news", last.timestamp() + 1)):
            self.pages[buffer.asked] = ("LAST", buffer)

    def seek(self) -> None:
        """If all loaded messages of a buffer are unread, request earlier ones, which may be unread too.

        After _MAX_PAGES_BACK pages the marker above says so, and scrolling there loads them.
        """
        for buffer in self.buffers:
            log = buffer.log
            if buffer.past is not None or log.unread is None or buffer.left_off is None or log.begins:
                continue
            if log.unread is not next((item for item in log.items if item.is_message), None):
                continue
            if buffer.sought < _MAX_PAGES_BACK:
                buffer.sought += self.load_before(buffer)
            elif not log.unread_above:
                log.unread_above = True
                self.stale |= {"log", "rooms"}

    def jump(self, buffer: Buffer, item: Item) -> None:
        """Show a message with its surroundings: they are asked for where it is not at hand."""
        self.target = item.id
        if item.id is not None and buffer.log.find(item.id) is not None:
            buffer.past = None
            self.stale |= {"log"}
            return
        self._look_back(buffer, "AROUND", item)

    def to_now(self) -> None:
        """Back from the past."""
        self.here.past = None
        self.stale |= {"log"}

    def mark_read(self) -> None:
        """Send the read position to the server, if it has changed."""
        buffer = self.here
        if not self.attention or self.connection != "online" or buffer is self.buffers.home:
            return
        last = next((item for item in reversed(buffer.log.items) if item.is_message and not item.ticket), None)
        if last is None:
            return
        until = moment(last.time)
        if buffer.read_until is None or until > buffer.read_until:
            buffer.read_until = until
            with unasked():
                self.client.mark_read(buffer.name, until)

    # The past.

    def searched(self, number: int) -> None:
        """Note that a search was sent; its page is for :attr:`found`."""
        self.pages[number] = ("SEARCH", self.here)
