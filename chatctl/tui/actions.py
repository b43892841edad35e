"""The effects of keys, clicks and commands on the screen. A base class of :class:`chatctl.tui.app.ChatApp`."""

from __future__ import annotations

import time as clock
from datetime import datetime
from time import monotonic
from typing import Literal

from textual.app import SuspendNotSupported

from chatctl.client.slash import table
from chatctl.errors import ChatctlError
from chatctl.tui.commands.command_app import CommandApp
from chatctl.tui.commands.slash_adapter import SlashAdapter
from chatctl.tui.model.buffers import Buffer
from chatctl.tui.render import stylesheet
from chatctl.tui.render.rows import shortened
from chatctl.tui.terminal import external_editor
from chatctl.tui.terminal.gc_tuning import IdleCollector
from chatctl.tui.widgets.dialogs import KeysOverlay, QuestionDialog
from chatctl.tui.widgets.input import MessageInput
from chatctl.tui.widgets.member_list import MemberList
from chatctl.tui.widgets.message_list import MessageList
from chatctl.tui.widgets.search import Hit, SearchOverlay, parsed
from chatctl.tui.widgets.sidebar import Sidebar

_TWICE = 2.0
"""Seconds within which a second Ctrl-C means it."""

_AGAIN = "Press Ctrl-C again to leave"
_SHOWN_OF_PASTE = 5
_SHOWN_OF_LINE = 200


class NullClient:
    """Replaces the client before the login: every request fails."""

    def fold(self, name: str) -> str:
        return name.lower()

    def is_room(self, target: str) -> bool:
        return target[:1] in ("#", "&")

    def look_back(
        self,
        target: str,
        which: Literal["BEFORE", "AFTER", "AROUND"],
        time: datetime,
        id: str | None = None,
        limit: int = 0,
    ) -> int:
        return 0

    def watch(self, name: str) -> None:
        return

    def mark_read(self, target: str, until: datetime | None) -> None:
        return


class Actions(CommandApp):
    """The actions that the key table names, and the handlers of widget messages."""

    slash_adapter: SlashAdapter | None
    collector: IdleCollector | None
    _interrupted = -_TWICE

    @property
    def _messages(self) -> MessageList:
        return self.screen_stack[0].query_one(MessageList)

    # Moving.

    def action_page(self, by: int) -> None:
        """Scroll a screenful up or down."""
        self._messages.page(by)
        self.model.stale.add("status")
        self.draw()

    def action_now(self) -> None:
        """Scroll to the latest message."""
        self.model.to_now()
        self._messages.marked = None
        self._messages.to_end()
        self.draw()

    def on_message_input_escaped(self) -> None:
        """Escape: out of the past, to the end."""
        self.action_now()

    def action_step(self, by: int) -> None:
        """Show the next room, or the one before."""
        self.look_at(self.model.buffers.step(by))

    def action_active(self) -> None:
        """Show the next buffer with unread messages."""
        buffer = self.model.buffers.active()
        if buffer is not None:
            self.look_at(buffer)

    def action_buffer(self, number: int) -> None:
        """Show the room with that number."""
        shown = self.model.buffers.ordered()
        if number <= len(shown):
            self.look_at(shown[number - 1])

    def look_at(self, buffer: Buffer) -> None:
        """Switch to a buffer; the unsent text of the old one stays there."""
        app = self
        if buffer is not app.model.here:
            app.model.going = ""  # a room that is still being entered would take the line that is written here
            app.model.here.draft = self.line.text
            app.model.look_at(buffer)
            self.line.write(buffer.draft)
        app.draw()

    def on_sidebar_buffer_chosen(self, event: Sidebar.BufferChosen) -> None:
        """Show the room that was clicked."""
        self.look_at(event.buffer)

    def on_member_list_member_chosen(self, event: MemberList.MemberChosen) -> None:
        """Open a private conversation with the user whose name was clicked."""
        app = self
        if app.client is not None and event.name != app.model.me:
            self.look_at(app.model.converse(event.name))

    def on_message_list_moved(self) -> None:
        """Update the number of messages below the view, which was scrolled."""
        self.draw()

    def on_message_list_near_top(self) -> None:
        """Load earlier messages, because the first ones are visible."""
        if self.model.load_before(self.model.here):
            self.model.stale.add("topic")

    def on_message_list_near_bottom(self) -> None:
        """Load later messages, because the end of a stretch of the past is visible."""
        self.model.load_after(self.model.here)

    def on_message_list_link_clicked(self, event: MessageList.LinkClicked) -> None:
        """Open a link after the user has seen its address and agreed."""
        url = event.url

        def answered(yes: bool | None) -> None:
            if yes:
                self.open_url(url)

        self.push_screen(QuestionDialog("Open this link?", url, "open it"), answered)

    # Panels, help, redraw.

    def action_rooms(self) -> None:
        """Show or hide the rooms."""
        app = self
        wanted = app.screen_stack[0].query_one("#rooms").has_class("hidden")
        app.people_wanted = None if app.size.width < stylesheet.BOTH_FROM else app.people_wanted
        app.rooms_wanted = None if wanted == (app.size.width >= stylesheet.ROOMS_FROM) else wanted
        app.fold_panels()

    def action_people(self) -> None:
        """Show or hide the people."""
        app = self
        wanted = app.screen_stack[0].query_one("#people").has_class("hidden")
        app.people_wanted = None if wanted == (app.size.width >= stylesheet.PEOPLE_FROM) else wanted
        app.fold_panels()

    def action_keys(self) -> None:
        """Show all keys."""
        if not isinstance(self.screen, KeysOverlay):
            self.push_screen(KeysOverlay())

    def action_redraw(self) -> None:
        """Draw the whole screen again."""
        self.refresh(layout=True, repaint=True)
        for widget in self.screen.walk_children():
            widget.refresh()

    # Leaving.

    def action_interrupt(self) -> None:
        """Ctrl-C: discard the text; twice leaves."""
        app, now = self, monotonic()
        if now - self._interrupted < _TWICE and not self.line.text:
            app.leave("")
            return
        self._interrupted = now
        self.line.write("")
        app.hint = _AGAIN
        app.set_timer(_TWICE, self._unhint)
        app.draw()

    def _unhint(self) -> None:
        self.hint = table.hint(self.line.text)
        self.draw()

    def action_end(self) -> None:
        """Ctrl-D: leave where nothing is written, else take the next character away, as everywhere."""
        if self.line.text:
            self.line.action_delete_right()
        else:
            self.leave("")

    # Writing.

    def on_text_area_changed(self) -> None:
        """Show the hints for the changed input, and send the typing state."""
        app, text = self, self.line.text
        if app.collector is not None:
            app.collector.touched()
        hint = table.hint(text) if "\n" not in text else ""
        if not text and monotonic() - self._interrupted < _TWICE:
            hint = _AGAIN
        if app.own_presence is not None:
            app.own_presence.typing(app.model.here, text)
        if hint != app.hint:
            app.hint = hint
            app.model.stale.add("status")
            app.draw()

    def do(self, text: str) -> None:
        """Carry out the typed line."""
        app = self
        if app.slash_adapter is None:
            if text.strip():
                self.line.write(text)  # not lost: it can be sent when we are in
            return
        if app.own_presence is not None:
            app.own_presence.sent()
        here = app.model.here
        app.slash_adapter.run(text)
        if app.model.here is not here:
            here.draft = ""
            self.line.write(app.model.here.draft)
        elif table.is_text(text):
            app.model.to_now()
            self._messages.to_end()
        app.hint = ""
        app.draw()

    def on_message_input_pasted(self, event: MessageInput.Pasted) -> None:
        """Several lines were pasted: ask once."""
        text = event.text
        lines = text.split("\n")
        shown = "\n".join(shortened(line[:_SHOWN_OF_LINE], _SHOWN_OF_LINE - 1) for line in lines[:_SHOWN_OF_PASTE])
        what = f"these {len(lines)} lines" if len(lines) > 1 else f"this text of {len(text)} characters"
        more = f"\n… and {len(lines) - _SHOWN_OF_PASTE} more" if len(lines) > _SHOWN_OF_PASTE else ""

        def answered(yes: bool | None) -> None:
            before = self.line.text
            if yes:
                whole = f"{before}{text}"
                self.line.remember(whole)
                self.line.write("")
                self.say(whole)

        self.push_screen(QuestionDialog(f"Send {what}?", f"{shown}{more}", "send"), answered)

    def say(self, text: str) -> None:
        """Send a text, even if it begins like a command."""
        self.do(f"/{text}" if text[:1] == "/" else text)

    def action_editor(self) -> None:
        """Write in $EDITOR; the saved text goes into the input."""
        app = self
        editor = external_editor.command()
        try:
            text = external_editor.edited(self.line.text, editor, app.suspend())
        except (OSError, SuspendNotSupported) as error:
            why = getattr(error, "strerror", None) or "not on this terminal"
            app.model.tell(f"{editor[0]} cannot be started: {why}", trouble=True, now=clock.time())
            app.draw()
            return
        self.line.write(text)
        app.refresh(layout=True, repaint=True)

    # Searching.

    def action_search(self) -> None:
        """Ctrl-F."""
        self.open_search("")

    def open_search(self, text: str) -> None:
        """The search, with these words looked for at once where there are any."""
        if not isinstance(self.screen, SearchOverlay):
            self.push_screen(SearchOverlay(text, self.look), self._jump)

    def on_search_overlay_wanted(self, event: SearchOverlay.Wanted) -> None:
        """Look for this."""
        app = self
        words, room, name = parsed(event.text)
        if app.client is not None:
            try:
                app.model.searched(app.client.search(words, room, name))
            except ChatctlError as error:
                app.model.tell(str(error), trouble=True, now=clock.time())

    def _jump(self, hit: Hit | None) -> None:
        """Show a found message with those around it."""
        app = self
        if hit is None or app.client is None:
            return
        where, item = hit
        buffer = app.model.buffers.get(where)
        if buffer is None:
            if app.client.is_room(where):
                app.model.tell(f"You are not in {where}; /join {where} enters it", now=clock.time())
                app.draw()
                return
            buffer = app.model.converse(where)
        self.look_at(buffer)
        app.model.jump(buffer, item)
        app.draw()
