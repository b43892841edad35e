"""Queries to the terminal about itself, and the effects of its answers. A base class of
:class:`chatctl.tui.app.ChatApp`.

Nothing waits for an answer: until it arrives, the screen is drawn so that every terminal shows it correctly.
"""

from __future__ import annotations

import os

from textual import events

from chatctl.tui.render import emoji
from chatctl.tui.screen_app import ScreenApp
from chatctl.tui.terminal import background
from chatctl.tui.widgets.header_status import TopicBar
from chatctl.tui.widgets.input import MessageInput


class TerminalCapabilities(ScreenApp):
    """Queries of the terminal and their answers. `light`: whether its background is light."""

    light = False
    _may_ask = False

    def prepare(self) -> None:
        """Query the terminal before Textual begins to read."""
        self.light = background.guessed(os.environ)
        self._may_ask = background.listen() and background.may_be_asked(os.environ)

    def ask(self) -> None:
        """Once there is a screen."""
        app = self
        driver = app._driver
        if driver is not None and not app.is_headless and self._may_ask:
            driver.write(f"{background.QUESTION}{emoji.PROBE}")
            app.query_one(TopicBar).repaint()  # where the probe was drawn

    def on_background(self, event: background.Background) -> None:
        """Handle the terminal's answer whether its background is light."""
        if event.light != self.light:
            self.light = event.light
            self._again()

    def on_cursor_position(self, event: events.CursorPosition) -> None:
        """Handle the terminal's answer where the probe ended."""
        if (event.x, event.y) == (emoji.PROBE_WIDTH, 0) and not emoji.TERMINAL.joins:
            emoji.TERMINAL.joins = True
            self.query_one(MessageInput).wrap_again()
            self._again()

    def _again(self) -> None:
        """Redraw everything with the current knowledge."""
        app = self
        app.wear(app.look.palette.name)
        app.model.stale |= {"log", "rooms", "people", "topic", "status"}
        app.draw()
