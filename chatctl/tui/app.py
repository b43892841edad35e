"""The full screen: composes the parts, and knows nothing that a part can know.

Invariants:

- [screen-thread] Everything here runs on the screen's own thread; events arrive through `EventQueue`.
- [redraw-stale] A part is redrawn when the model marks it as stale, at most once per batch of events.
- [restore-terminal] The terminal is always restored. Errors are shown there afterwards, in one line.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message

from chatctl.client.client import Client
from chatctl.client.profile.profile import Profile
from chatctl.protocol.clean import clean
from chatctl.tui import actions, keys
from chatctl.tui.commands.local_commands import PLAIN, LocalCommands
from chatctl.tui.commands.own_presence import OwnPresence
from chatctl.tui.commands.slash_adapter import SlashAdapter
from chatctl.tui.connect import account_prompt
from chatctl.tui.connect.enter_gate import EnterGate
from chatctl.tui.connect.event_queue import EventSlices
from chatctl.tui.connect.login_dialogs import LoginDialogs
from chatctl.tui.connect.login_worker import LoginWorker, Outcome
from chatctl.tui.model.saved_rooms import SavedRooms
from chatctl.tui.model.view_model import ViewModel
from chatctl.tui.model.view_state import unasked
from chatctl.tui.render import stylesheet
from chatctl.tui.render.theme import DEFAULT, ThemeStyles, ink
from chatctl.tui.terminal import key_sequences
from chatctl.tui.terminal.capabilities import TerminalCapabilities
from chatctl.tui.terminal.gc_tuning import IdleCollector
from chatctl.tui.terminal.key_order import KeyOrder
from chatctl.tui.terminal.output import TerminalDriver
from chatctl.tui.widgets.base import Painted, TextBlock
from chatctl.tui.widgets.completion import Completion, complete
from chatctl.tui.widgets.header_status import StatusBar, TopicBar, status_content
from chatctl.tui.widgets.input import MessageInput
from chatctl.tui.widgets.member_list import MemberList
from chatctl.tui.widgets.message_list import MessageList
from chatctl.tui.widgets.search import SearchOverlay
from chatctl.tui.widgets.sidebar import Sidebar

_TICK = 1.0
_MEASURE = 30
"""Ticks between two questions how fast the server is."""


_REMEMBERED = timedelta(days=30)
"""How old a private conversation may be that is there again on coming back."""

_OF_SCREEN = {key.action.partition("(")[0] for key in keys.KEY_BINDINGS if key.action} - {"redraw"}


class ChatApp(actions.Actions, TerminalCapabilities):
    """The application. Its result is the user's parting reason, or PLAIN. `problem`: the error that ended it, if
    any."""

    CSS = stylesheet.CSS
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key.keys, key.action, show=False, priority=True) for key in keys.KEY_BINDINGS if key.action
    ]

    class News(Message):
        """The event queue is not empty."""

    class Known(Message):
        """The result of a login attempt."""

        def __init__(self, outcome: Outcome) -> None:
            super().__init__()
            self.outcome = outcome

    def __init__(
        self,
        login_worker: LoginWorker,
        memory: Profile | None = None,
        *,
        look: str | None = None,
        collector: IdleCollector | None = None,
    ) -> None:
        key_sequences.learn()
        self.prepare()
        super().__init__(driver_class=TerminalDriver)
        self.collector = collector
        self.key_order = KeyOrder(self, super().on_event, EnterGate(self).passage)
        self.on_leave: Callable[[str], object] = lambda reason: None
        """Called with the reason as soon as the user wants to leave the server, before the screen closes."""
        self._running_loop: asyncio.AbstractEventLoop | None = None
        self._leaves_soon = False
        self.login_worker = login_worker
        self.memory = memory
        self.problem: BaseException | None = None
        self.client: Client | None = None
        self.slash_adapter: SlashAdapter | None = None
        self.own_presence: OwnPresence | None = None
        self.login_dialogs = LoginDialogs(self)
        self.saved_rooms = SavedRooms(memory, login_worker.service.address)
        self.model = ViewModel(actions.NullClient(), login_worker.name)
        self._hearing = EventSlices(login_worker.feed, self.model.event)
        wanted = look or (memory.choice("theme", DEFAULT) if memory is not None else DEFAULT)
        self.look: ThemeStyles = ink(wanted, self.light)
        self.rooms_wanted: bool | None = None
        self.people_wanted: bool | None = None
        self.hint = ""
        self._draining = False
        self._ticks = 0

    def compose(self) -> ComposeResult:
        yield TopicBar(id="topic")
        with Horizontal(id="middle"):
            yield Sidebar(self.model.buffers, id="rooms")
            yield MessageList(self._fold, id="messages")
            yield MemberList(self._fold, id="people")
        with Horizontal(id="writing"):
            yield TextBlock(id="prompt")
            yield MessageInput(self._completing, self.do, id="line")
        yield StatusBar(id="status")

    def _fold(self, name: str) -> str:
        return self.model.client.fold(name)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return the variables of our style sheet beside Textual's own, because it is read before our themes are
        registered."""
        return {"line": "ansi_bright_black", "quiet": "ansi_bright_black"}

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable the screen's actions while a dialog is open: the keys are its own."""
        return len(self.screen_stack) == 1 or action not in _OF_SCREEN

    # Starting and ending.

    def on_mount(self) -> None:
        for theme in stylesheet.themes():
            self.register_theme(theme)
        self.wear(self.look.palette.name)
        self.set_interval(_TICK, self._tick)
        self.login_worker.feed.wake = lambda: self.post_message(self.News())
        self.login_worker.listen(lambda outcome: self.post_message(self.Known(outcome)))
        self._running_loop = asyncio.get_running_loop()
        self.query_one(MessageInput).focus()
        self.draw()
        self.ask()
        if self._leaves_soon:
            self.leave("")

    async def action_quit(self) -> None:
        """Textual's own key for leaving (Ctrl-Q) does not: ours are in the table, and ask twice."""

    def leave_soon(self) -> None:
        """Leave, asked for by a signal handler or another thread."""
        self._leaves_soon = True
        if self._running_loop is not None:
            self._running_loop.call_soon_threadsafe(self.leave, "")

    def leave(self, reason: str) -> None:
        """Leave the server, then the screen; with PLAIN only the screen."""
        if reason != PLAIN:
            self.on_leave(reason)
        self.model.mark_read()
        self.saved_rooms.keep(self.model)
        self.exit(reason)

    def _handle_exception(self, error: Exception) -> None:
        """[restore-terminal]: the caller of the screen reports errors."""
        self.problem = self.problem or error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        self._close_messages_no_wait()  # without the traceback that Textual would print

    def panic(self, *renderables: object) -> None:
        """Do not show Textual's page about internal errors."""
        self._close_messages_no_wait()

    def on_chat_app_known(self, event: Known) -> None:
        """Handle the result of a login attempt."""
        self.login_dialogs.known(event.outcome)

    def entered(self, client: Client) -> None:
        """Handle the end of registration."""
        self.client = client
        self.model.client = client
        self.model.buffers.fold = client.fold
        self.model.me = client.name
        self.model.go_to(self.model.going or self.login_worker.service.room, monotonic())
        self.own_presence = OwnPresence(client)
        self.slash_adapter = SlashAdapter(client, self.model, self.leave, LocalCommands(self).table)
        if self.memory is not None:
            self.own_presence.notifies = self.memory.choice("notify", "on") == "on"
            self.own_presence.sends_typing = self.memory.choice("typing", "on") == "on"
        self.login_worker.service.record_login(client)
        self.saved_rooms.enter(client, self.model.going)
        with unasked():
            client.measure()
            client.conversations(datetime.now(UTC) - _REMEMBERED)
        account_prompt.offer(self, client, asked=self.login_dialogs.asked_name)
        self.on_chat_app_news()

    # Events.

    def on_chat_app_news(self) -> None:
        """Begin to hear what the feed has."""
        if not self._draining and self.client is not None:
            self._draining = True
            self._drain()

    def _drain(self) -> None:
        drawing, pause = self._hearing.slice()
        if drawing:
            self.draw()
            self._call()
        if self.model.connection == "ended":
            self.problem = self.problem or (self.client.error if self.client is not None else None)
            self.exit("")
        elif pause:
            self.set_timer(pause, self._drain)
        else:
            self._draining = False

    def _call(self) -> None:
        alerts = self.model.alerts[:]
        self.model.alerts.clear()
        if alerts and self.own_presence is not None:
            buffer, item = alerts[-1]
            title = f"{item.name} in {buffer.name}" if buffer.is_room else item.name
            sequence = self.own_presence.call(title, item.text.split("\n")[0], os.environ.get("TERM", ""))
            if sequence and self._driver is not None:
                self._driver.write(sequence)

    def _tick(self) -> None:
        self._ticks += 1
        client = self.client
        if client is not None and client.online:
            self.model.mark_read()
            self.model.seek()
            self.saved_rooms.keep(self.model)
            if self.own_presence is not None:
                self.own_presence.tick(away=self.model.away)
                if self.own_presence.unwatched and self.model.attention:
                    self.model.attend(False)
            if self._ticks % _MEASURE == 0:
                with unasked():
                    client.measure()
        self.model.stale.add("status")
        self.draw()
        if self.collector is not None:
            self.collector.tick()

    async def on_event(self, event: events.Event) -> None:
        """Note that the user is present at a key or click; moving the mouse across another window does not count."""
        passing = isinstance(event, events.MouseMove) and self.model.in_front is False
        if isinstance(event, events.InputEvent) and not passing and self.own_presence is not None:
            self.own_presence.touched()
            if not self.model.attention:
                self.model.attend(True)
                self.draw()
        await self.key_order.handle(event)

    def on_app_focus(self, event: events.AppFocus) -> None:
        self.model.front(True)
        self.draw()

    def on_app_blur(self, event: events.AppBlur) -> None:
        self.model.front(False)

    # Drawing.

    def wear(self, look: str) -> None:
        """Put on a look."""
        self.look = ink(look, self.light)
        self.theme = stylesheet.theme_name(look)
        for part in self.query(Painted):
            part.wear(self.look)
        for screen in self.screen_stack:
            for part in screen.query(Painted):
                part.wear(self.look)

    def on_resize(self, event: events.Resize) -> None:
        self.fold_panels(event.size.width)

    def fold_panels(self, width: int | None = None) -> None:
        """Apply the layout that fits the width and the user's choice."""
        width = self.size.width if width is None else width
        main = self.screen_stack[0]
        rooms = self.rooms_wanted if self.rooms_wanted is not None else width >= stylesheet.ROOMS_FROM
        people = self.people_wanted if self.people_wanted is not None else width >= stylesheet.PEOPLE_FROM
        people = people and self.model.here.is_room
        if (
            rooms and people and width < stylesheet.BOTH_FROM
        ):  # the one that was asked for last is the one that is wanted
            rooms = self.people_wanted is not True
            people = not rooms
        main.query_one("#rooms").set_class(not rooms, "hidden")
        main.query_one("#people").set_class(not people, "hidden")

    def draw(self) -> None:
        """Redraw what is stale ([redraw-stale])."""
        if not self.is_mounted_widget(StatusBar):
            return
        main, model = self.screen_stack[0], self.model
        stale, model.stale = model.stale, set()
        here = model.here
        if "log" in stale:
            messages = main.query_one(MessageList)
            messages.me = model.me
            messages.show(here.shown)
            target = here.shown.find(model.target) if model.target is not None else None
            if target is not None:
                model.target = None
                messages.to_item(target)
        if "rooms" in stale:
            main.query_one(Sidebar).repaint()
            self.fold_panels()
        topic = main.query_one(TopicBar)
        if stale & {"topic", "people"}:
            people = self.client.people(here.name) if self.client is not None and here.is_room else []
            topic.tell(here, len(people))
            if "people" in stale:
                main.query_one(MemberList).show(people)
        elif "log" in stale:
            topic.tell(here, topic.count)
        if "found" in stale and model.found is not None and isinstance(self.screen, SearchOverlay):
            self.screen.show(model.found)
        self._draw_prompt(main.query_one("#prompt", TextBlock))
        main.query_one(MessageInput).invite(clean(here.name) if here.joined else "")
        waiting = self.client.waiting if self.client is not None else 0
        below = 0 if here.past is not None else main.query_one(MessageList).below
        address = self.login_worker.service.address
        main.query_one(StatusBar).tell(status_content(model, address, waiting, below, self.hint))

    def _draw_prompt(self, prompt: TextBlock) -> None:
        words = f"[{clean(self.model.me)}]: " if self.model.me else ""
        if str(prompt.content) != words:
            prompt.say(words)

    @property
    def is_logged_in(self) -> bool:
        """Whether messages can be sent."""
        return self.slash_adapter is not None

    def is_mounted_widget(self, kind: type[Painted]) -> bool:
        """Return whether the screen is mounted."""
        return bool(self.screen_stack) and bool(self.screen_stack[0].query(kind))

    # The input.

    def _completing(self, before: str) -> Completion:
        here = self.model.here
        spoke = [item.name for item in reversed(here.log.items[-500:]) if item.is_message and not item.own]
        present = [member.name for member in self.client.people(here.name)] if self.client is not None else []
        people = here.name if not here.is_room else ""
        found = dict.fromkeys([*spoke, *([people] if people else []), *present])
        names = [name for name in found if clean(name) == name]  # others cannot stand in a line
        rooms = [buffer.name for buffer in self.model.buffers if buffer.is_room]
        return complete(before, rooms, names, self._fold)
