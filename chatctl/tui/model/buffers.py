"""The rooms and private conversations, and which of them is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from time import monotonic

from chatctl.tui.model.items import Item
from chatctl.tui.model.message_log import MessageLog

TYPING_SECONDS = 6.0
PAUSED_SECONDS = 30.0
"""How long a typing notification counts (ircv3.net/specs/client-tags/typing)."""

HOME = ""
"""The name of the place for what the server says, and of where one is before any room."""


class Buffer:
    """One room (`is_room`), one private conversation, or the server's own place (HOME)."""

    def __init__(self, name: str, *, is_room: bool) -> None:
        self.name = name
        self.is_room = is_room
        self.log = MessageLog()
        self.past: MessageLog | None = None
        """A stretch of the past that was jumped to; shown instead of `log` while it is there."""
        self.joined = not is_room
        self.online: bool | None = None
        """Whether the user of a private buffer is online, if known."""
        self.topic = ""
        self.unread = 0
        self.mentions = 0
        self.read_until: datetime | None = None
        self.left_off: float | None = None
        """Up to when (seconds since 1970 UTC) it had been read when we came: what the server said first."""
        self.sought = 0
        """Pages that were loaded to find where that is."""
        self.draft = ""
        """The unsent text of the input line."""
        self.since = float("inf")
        """When we entered it: from then on who came and left stands in the log as it happened."""
        self.asked = 0
        """The number of the page that is awaited, 0 for none."""
        self.typists: dict[str, float] = {}

    @property
    def shown(self) -> MessageLog:
        """A buffer as the screen shows it."""
        return self.past if self.past is not None else self.log

    def types(self, name: str, state: str, now: float | None = None) -> None:
        """Note the typing state of a user."""
        seconds = {"active": TYPING_SECONDS, "paused": PAUSED_SECONDS}.get(state)
        if seconds is None:
            self.typists.pop(name, None)
        else:
            self.typists[name] = (monotonic() if now is None else now) + seconds

    def typing(self, now: float | None = None) -> list[str]:
        """Return the users who are typing."""
        now = monotonic() if now is None else now
        for name in [name for name, until in self.typists.items() if until < now]:
            del self.typists[name]
        return sorted(self.typists)

    def seen(self) -> None:
        """Mark everything as read; the line of unread messages stays until the buffer is left."""
        self.unread = self.mentions = 0

    def clear_unread_line(self) -> None:
        """Remove the line of unread messages, because the buffer was left."""
        self.log.unread, self.log.unread_above = None, False


class Buffers:
    """All buffers, in the order of the sidebar: HOME, rooms, people. `fold` makes spellings equal."""

    def __init__(self, fold: Callable[[str], str]) -> None:
        self.fold = fold
        self.home = Buffer(HOME, is_room=False)
        self.current = self.home
        self._by_key: dict[str, Buffer] = {}

    def __iter__(self) -> Iterator[Buffer]:
        return iter(self.ordered())

    def ordered(self) -> list[Buffer]:
        """Return rooms in the order of joining, then people."""
        found = list(self._by_key.values())
        rooms = [buffer for buffer in found if buffer.is_room]
        people = [buffer for buffer in found if not buffer.is_room]
        return [*([] if rooms or people else [self.home]), *rooms, *people]

    def get(self, name: str) -> Buffer | None:
        """Return the buffer of this name, or None."""
        return self._by_key.get(self.fold(name)) if name else self.home

    def open(self, name: str, *, is_room: bool) -> Buffer:
        """Return the buffer of this name, made if it does not exist."""
        if not name:
            return self.home
        key = self.fold(name)
        buffer = self._by_key.get(key)
        if buffer is None:
            buffer = self._by_key[key] = Buffer(name, is_room=is_room)
            if self.current is self.home:
                self.current = buffer
        return buffer

    def close(self, buffer: Buffer) -> None:
        """Take a place away; look at the one above it."""
        shown = self.ordered()
        at = shown.index(buffer) if buffer in shown else 0
        self._by_key = {key: found for key, found in self._by_key.items() if found is not buffer}
        if self.current is buffer:
            rest = self.ordered()
            self.current = rest[max(0, min(at, len(rest)) - 1)] if rest else self.home
            self.current.seen()

    def look_at(self, buffer: Buffer) -> None:
        """Go to a place."""
        if buffer is self.current:
            return
        self.current.clear_unread_line()
        self.current = buffer
        buffer.seen()

    def step(self, by: int) -> Buffer:
        """Return the buffer so far below (or above) the current one, around the ends."""
        shown = self.ordered()
        at = shown.index(self.current) if self.current in shown else 0
        return shown[(at + by) % len(shown)]

    def active(self) -> Buffer | None:
        """Return the next buffer with a mention, or else with unread messages."""
        shown = self.ordered()
        at = shown.index(self.current) if self.current in shown else 0
        around = [buffer for buffer in shown[at + 1 :] + shown[:at] if buffer.unread]
        wanting = [buffer for buffer in around if buffer.mentions or not buffer.is_room]
        return next(iter(wanting or around), None)

    def rename(self, old: str, new: str) -> None:
        """Rename the conversation of a user who changed nick, unless there is one under the new name."""
        buffer = self._by_key.get(self.fold(old))
        if buffer is None or buffer.is_room or (self.fold(new) in self._by_key and self.fold(new) != self.fold(old)):
            return
        buffer.name = new
        self._by_key = {(self.fold(new) if found is buffer else key): found for key, found in self._by_key.items()}

    def refold(self) -> None:
        """Fold all names anew, after the server changed its CASEMAPPING."""
        self._by_key = {self.fold(buffer.name): buffer for buffer in self._by_key.values()}

    def unread_elsewhere(self) -> tuple[int, int]:
        """(messages, mentions) in the buffers that are not looked at."""
        others = [buffer for buffer in self if buffer is not self.current]
        return sum(buffer.unread for buffer in others), sum(buffer.mentions for buffer in others)


def note(buffer: Buffer, item: Item, *, looked_at: bool, alerts: bool) -> None:
    """Count a new message in a buffer that is not being watched. `alerts`: it is meant for us."""
    if item.own or looked_at:
        return
    buffer.unread += 1
    buffer.mentions += alerts
    if buffer.log.unread is None:
        buffer.log.unread = item
