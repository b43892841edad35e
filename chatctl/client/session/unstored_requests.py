"""Requests that the server could not store (FAIL NOT_STORED), which the client repeats until they succeed.

A server with a full disk refuses JOIN and MARKREAD. The client sends both by itself, after a reconnect or while the
user reads, so the user would not repeat them.

Invariants:

- [wanted-rooms] Only a room that the user still wants is joined again. Leaving it, or another refusal, ends that.
- [told-once] The first refusal of a room is shown on each connection and after each /join, later ones are not. Refused
  read markers are never shown.
- [messages-wait] Messages to a room that waits to be joined are queued in order. They are sent when it is joined, and
  fail visibly when that is given up.
- [one-connection] The next connection joins all wanted rooms by itself, and gets the queued messages.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from datetime import datetime
from functools import partial
from typing import Protocol

from chatctl.client import events as e
from chatctl.client.isupport import Isupport

CODE = "NOT_STORED"
TRYING_AGAIN = "; trying again"
MAX_HELD_MESSAGES = 1000

_NOT_ABOUT_JOIN = frozenset({"401", "404", "441", "442", "443", "461", "467", "482"})
"""Numerics that name a room and refuse some other command."""


class RetryEngine(Protocol):
    """The part of the client engine that repeats requests."""

    nick: str
    isupport: Isupport
    wanted: dict[str, tuple[str, str]]
    unstored: UnstoredRequests
    now: Callable[[], datetime]

    @property
    def enabled(self) -> Set[str]:
        """The capabilities granted on this connection."""

    def fold(self, name: str) -> str:
        """Return the key of a name or room."""

    def barrier(self, passed: Callable[[], None] | None = None) -> None:
        """Send a PING; `passed` is called when it is answered."""

    def emit(self, event: e.Event) -> None:
        """Emit an event."""

    def send_join(self, room: str, key: str = "") -> None:
        """Send JOIN."""

    def send_mark(self, params: tuple[str, ...]) -> None:
        """Send MARKREAD."""


class PendingJoin:
    """A room whose JOIN has not succeeded yet. `asked`: a JOIN is out; `refused`: one could not be stored; `told`: the
    user knows that; `left`: the user left it before the answer, so a JOIN that succeeds is followed by PART."""

    __slots__ = ("asked", "left", "name", "refused", "told")

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked = True
        self.refused = False
        self.told = False
        self.left = False


class UnstoredRequests:
    """Requests to repeat, and the messages that wait for them. Room names are folded."""

    def __init__(self) -> None:
        self.held: list[e.Outgoing] = []
        """Messages to rooms that wait to be joined."""
        self._rooms: dict[str, PendingJoin] = {}
        self._marks: dict[str, tuple[str, ...]] = {}
        """Read markers that are out, by target: the parameters of MARKREAD."""
        self._refused_marks: dict[str, tuple[str, ...]] = {}
        self._waiting: list[Callable[[], None]] = []

    @property
    def pending(self) -> bool:
        """Whether something is to be repeated."""
        return bool(self._refused_marks) or any(not room.asked for room in self._rooms.values())

    @property
    def unsettled(self) -> bool:
        """Whether something was refused and has not been stored since."""
        return bool(self._refused_marks) or any(room.refused for room in self._rooms.values())

    def waits(self, key: str) -> bool:
        """Return whether a room waits to be joined because that could not be stored."""
        return key in self._rooms and self._rooms[key].refused

    def refold(self, fold: Callable[[str], str]) -> None:
        """Bring everything under the server's new rule for spellings."""
        self._rooms = {fold(room.name): room for room in self._rooms.values()}
        self._marks = {fold(params[0]): params for params in self._marks.values()}
        self._refused_marks = {fold(params[0]): params for params in self._refused_marks.values()}

    def lost(self, state: RetryEngine) -> tuple[list[e.Outgoing], list[Callable[[], None]]]:
        """Handle a connection loss; return the messages for the next connection, and their callbacks
        ([one-connection])."""
        held, self.held = self.held, []
        waiting: list[Callable[[], None]] = [partial(when_sent, state, passed) for passed in self._waiting]
        self._waiting.clear()
        self._rooms.clear()
        self._refused_marks.update(self._marks)
        self._marks.clear()
        return held, waiting

    # Rooms.

    def joining(self, key: str, room: str) -> None:
        """Note that a JOIN goes out."""
        pending = self._rooms.setdefault(key, PendingJoin(room))
        pending.asked = True
        pending.left = False

    def report_again(self, key: str) -> None:
        """Tell the next refusal, because the user has asked for the room."""
        self._rooms[key].told = False

    def joined(self, key: str) -> bool:
        """Note that we are in a room. Return whether the user left it before the answer."""
        pending = self._rooms.pop(key, None)
        return pending is not None and pending.left

    def give_up(self, state: RetryEngine, key: str) -> None:
        """Stop joining a room; messages that wait for it fail visibly ([messages-wait])."""
        pending = self._rooms.pop(key, None)
        if pending is None:
            return
        for message in [message for message in self.held if _room_of(state, message) == key]:
            self.held.remove(message)
            _fail(state, message, f"Not sent, because {pending.name} was not joined")
        self._settle(state)

    def leave(self, state: RetryEngine, room: str) -> bool:
        """Stop joining a room that the user leaves. Return whether no PART must be sent now."""
        key = state.fold(room)
        pending = self._rooms.get(key)
        if pending is None or not pending.refused:
            return False
        if pending.asked:
            pending.left = True
        else:
            self._left(state, key)
        return True

    def _left(self, state: RetryEngine, key: str) -> None:
        name = self._rooms[key].name
        self.give_up(state, key)
        state.emit(e.Parted(time=state.now(), name=state.nick, rooms=(name,), how="part", reason="", own=True))

    def join_refused(self, state: RetryEngine, about: str, code: str) -> None:
        """Stop joining a room if the server refuses that for a reason of its own."""
        key = state.fold(about)
        pending = self._rooms.get(key)
        if pending is not None and pending.asked and code not in _NOT_ABOUT_JOIN:
            self.give_up(state, key)

    def refused(self, state: RetryEngine, command: str, context: str | None) -> bool:
        """Note that the server could not store a request. Return whether it is repeated, so that all is told."""
        known = context if context not in (None, "*") else None
        if command == "MARKREAD":
            return self._mark_refused(state, known)
        if command != "JOIN":
            return False
        asked = [key for key, room in self._rooms.items() if room.asked]
        keys = list(map(state.fold, known.split(","))) if known is not None else asked[:1]
        if not keys or any(key not in self._rooms for key in keys):
            return False
        for key in keys:
            self._join_unstored(state, key)
        return True

    def _join_unstored(self, state: RetryEngine, key: str) -> None:
        pending = self._rooms[key]
        pending.asked, pending.refused = False, True
        if key not in state.wanted:  # left meanwhile ([wanted-rooms])
            self._left(state, key)
        elif not pending.told:
            pending.told = True
            name = pending.name
            text = f"The server cannot store anything at the moment, so {name} could not be joined{TRYING_AGAIN}"
            state.emit(e.Failed(time=state.now(), text=text, code=CODE, command="JOIN", about=name))

    # Read markers.

    def marking(self, key: str, params: tuple[str, ...]) -> None:
        """Note that a MARKREAD goes out."""
        self._refused_marks.pop(key, None)
        self._marks[key] = params

    def marked(self, key: str) -> None:
        """Note that the server has a read marker."""
        self._marks.pop(key, None)

    def _mark_refused(self, state: RetryEngine, target: str | None) -> bool:
        keys = [state.fold(target)] if target is not None else list(self._marks)
        found = {key: self._marks.pop(key) for key in keys if key in self._marks}
        self._refused_marks.update(found)
        return bool(found)

    # Repeating.

    def repeat(self, state: RetryEngine) -> None:
        """Send again what could not be stored."""
        again = [key for key, room in self._rooms.items() if not room.asked]
        for key in again:
            if key in state.wanted:
                state.send_join(*state.wanted[key])
            else:
                self._left(state, key)
        marks, self._refused_marks = self._refused_marks, {}
        for params in marks.values() if "draft/read-marker" in state.enabled else ():
            state.send_mark(params)
        state.barrier(partial(self._answered, again))

    def _answered(self, keys: list[str]) -> None:
        """Handle the end of a round of JOINs: one without an answer is sent again."""
        for key in keys:
            if key in self._rooms:
                self._rooms[key].asked = False

    # Messages.

    def hold(self, state: RetryEngine, message: e.Outgoing) -> bool:
        """Keep a message to a room that waits to be joined. Return whether it was taken."""
        key = _room_of(state, message)
        if not self.waits(key) and not any(_room_of(state, other) == key for other in self.held):
            return False
        if len(self.held) < MAX_HELD_MESSAGES:
            self.held.append(message)
        else:
            _fail(state, message, f"Not sent, because {MAX_HELD_MESSAGES} messages are waiting already")
        return True

    def take(self, state: RetryEngine) -> e.Outgoing | None:
        """Take the next message whose room waits no longer."""
        for at, message in enumerate(self.held):
            if not self.waits(_room_of(state, message)):
                del self.held[at]
                return message
        return None

    def wait(self, passed: Callable[[], None]) -> None:
        """Call `passed` when no message is held and the server has dealt with all that was sent."""
        self._waiting.append(passed)

    def _settle(self, state: RetryEngine) -> None:
        if not self.held:
            waiting, self._waiting = self._waiting, []
            for passed in waiting:
                state.barrier(passed)

    def released(self, state: RetryEngine) -> None:
        """Note that a message taken has been sent."""
        self._settle(state)


def when_sent(state: RetryEngine, passed: Callable[[], None]) -> None:
    """Call `passed` when the server has dealt with everything said before, held messages included."""
    if state.unstored.held:
        state.unstored.wait(passed)
    else:
        state.barrier(passed)


def _room_of(state: RetryEngine, message: e.Outgoing) -> str:
    return state.fold(state.isupport.plain(message.target))


def _fail(state: RetryEngine, message: e.Outgoing, text: str) -> None:
    time, ticket = state.now(), message.ticket or None
    command = "NOTICE" if message.kind == "notice" else "PRIVMSG"
    about, said = message.target, message.text
    state.emit(e.Failed(time=time, text=text, code=CODE, command=command, about=about, said=said, ticket=ticket))
