"""Keys and pastes, each handled completely before the next one is delivered.

Textual decides at once for each key which widget gets it, and hands it over by that widget's queue. Some keys take
effect at the end of the queue, some before, some when they have bubbled up. So keys of one burst overtake each other,
and those meant for a dialog arrive before the dialog has the focus.

Invariants:
[key-order]   A key or paste is delivered when the one before it has taken effect: in its widget, in everything around
              the widget, in the application, and in a dialog that it opened or closed. Keys that only edit the text of
              the focused input need not be waited for, because the input's own queue is in order.
[held-keys]   While `gate` says WAIT, the key and all keys behind it wait. DROP discards them all. Ctrl-C discards what
              waits before it, as on a terminal.
[no-misroute] If a key has not taken effect after _LIMIT_SECONDS, all keys behind it but Ctrl-C are discarded. Delivered
              to the wrong place they could be a password that is said in a room.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from enum import Enum, auto

from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.message_pump import MessagePump
from textual.widgets import Input, TextArea

from chatctl.tui import keys

_LIMIT_SECONDS = 10.0
_POLL_SECONDS = 0.02
"""Time between two questions to the gate while keys are held."""
_MAX_ROUNDS = 5
"""How often the focus may move because of one key: a dialog that closes, and a question that follows."""

_EDITING = frozenset(
    {
        *("backspace", "delete", "left", "right", "home", "end", "ctrl+left", "ctrl+right"),
        *("ctrl+a", "ctrl+e", "ctrl+k", "ctrl+u", "ctrl+w"),
    }
)
_INTERRUPT = "ctrl+c"
_OF_SCREEN = frozenset(key for row in keys.KEY_BINDINGS if row.action for key in row.keys.split(","))


class KeyPassage(Enum):
    """Decides whether a key may be delivered now."""

    PASS = auto()
    WAIT = auto()
    DROP = auto()


class KeyOrder:
    """Delivers the keys and pastes of an application one by one [key-order].

    Args:
        app: The application.
        deliver: Hands an event to the focused widget, or does what it is bound to.
        gate: Asked before each delivery [held-keys].
    """

    def __init__(
        self,
        app: App[str],
        deliver: Callable[[events.Event], Awaitable[None]],
        gate: Callable[[events.Event], KeyPassage],
    ) -> None:
        self._app = app
        self._deliver = deliver
        self._gate = gate
        self._waiting: deque[events.Event] = deque()
        self._task: asyncio.Task[None] | None = None
        self._edited: DOMNode | None = None
        """The input that may still have editing keys in its queue."""

    async def handle(self, event: events.Event) -> None:
        """Deliver an event, now or when its turn comes. Only keys and pastes from the terminal are put in order."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await self._deliver(event)
            return
        idle = self._task is None or self._task.done()
        if idle and self._edited in (None, self._target()) and self._only_edits(event) and self._may_pass(event):
            self._edited = self._target()
            await self._deliver(event)  # the usual case: normal typing
            return
        self._waiting.append(event)
        if idle:
            self._task = asyncio.create_task(self._run(), name="keys")

    def drop(self) -> bool:
        """Discard the queued keys, since they were pressed before an unexpected question.

        Returns:
            Whether the last line among them has not ended: the next keys are the rest of it.
        """
        last = self._waiting[-1] if self._waiting else None
        self._waiting.clear()
        return last is not None and not (isinstance(last, events.Key) and last.key == "enter")

    def _target(self) -> DOMNode | None:
        stack = self._app.screen_stack
        return (stack[-1].focused or stack[-1]) if stack else None

    def _only_edits(self, event: events.Event) -> bool:
        """Return whether the event does nothing but edit the text of the focused input."""
        if not isinstance(event, events.Key) or not isinstance(self._target(), Input | TextArea):
            return False
        return event.key in _EDITING or (event.is_printable and event.key not in _OF_SCREEN)

    def _may_pass(self, event: events.Event) -> bool:
        return self._gate(event) is KeyPassage.PASS

    async def _run(self) -> None:
        while self._waiting:
            if self._edited is not None:
                await self._settled(self._edited)
                self._edited = None
            event = await self._next()
            if event is None:
                continue
            target = self._target()
            only_edits = self._only_edits(event)
            try:
                await self._deliver(event)
            except Exception as error:  # noqa: BLE001  # as in a message handler: the application ends with it
                self._app._handle_exception(error)
                return
            if only_edits and self._waiting and self._only_edits(self._waiting[0]):
                continue
            if target is not None and not await self._settled(target):
                self._waiting = deque(filter(_is_interrupt, self._waiting))  # [no-misroute]

    async def _next(self) -> events.Event | None:
        """Take the first event when the gate lets it pass. None if it was discarded meanwhile."""
        while self._waiting:
            passage = self._gate(self._waiting[0])
            if passage is KeyPassage.PASS:
                return self._waiting.popleft()
            if passage is KeyPassage.DROP:
                self._waiting.clear()
                return None
            interrupt = next(filter(_is_interrupt, self._waiting), None)
            if interrupt is not None:  # it is next, and passes as soon as anything does
                while self._waiting[0] is not interrupt:
                    self._waiting.popleft()
            await asyncio.sleep(_POLL_SECONDS)
        return None

    async def _settled(self, target: DOMNode) -> bool:
        """Wait until an event that `target` got has taken effect. False if that takes too long."""
        try:
            await asyncio.wait_for(self._settle(target), _LIMIT_SECONDS)
        except TimeoutError:
            return False
        return True

    async def _settle(self, target: DOMNode) -> None:
        for _ in range(_MAX_ROUNDS):
            for node in target.ancestors_with_self:
                await _passed(node)
            if not self._app.screen_stack:
                return
            screen = self._app.screen
            if not screen.is_mounted:
                await screen._mounted_event.wait()
            await _passed(screen)  # by now it has set the focus
            await _passed(self._app)
            now = self._target()
            if now is None or now is target:
                return
            target = now


def _is_interrupt(event: events.Event) -> bool:
    return isinstance(event, events.Key) and event.key == _INTERRUPT


async def _passed(pump: MessagePump) -> None:
    """Wait until all that is in a widget's queue has been handled, or the widget is gone."""
    if not pump.is_running:
        return
    done = asyncio.Event()
    if not pump.post_message(events.Callback(callback=done.set)):
        return
    passed = asyncio.ensure_future(done.wait())
    ends = [passed, pump._task] if pump._task is not None else [passed]
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        passed.cancel()
