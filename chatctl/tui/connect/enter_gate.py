"""When Enter may take effect: not before there is a room that the line can go to.

Invariants:
[enter-waits]    Enter in the message line waits until the user is logged in, and in the room that they enter. The line
                 stays editable until then, and the keys behind Enter wait as well.
[refused-room]   If the room cannot be entered, an Enter that was pressed before that was known is discarded with all
                 keys behind it: the line was not meant for another room. Its text stays in the input.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from textual import events

from chatctl.tui.terminal.key_order import KeyPassage
from chatctl.tui.widgets.header_status import StatusBar

if TYPE_CHECKING:
    from chatctl.tui.connect.login_app import LoginApp


class EnterGate:
    """Decides for :class:`chatctl.tui.terminal.key_order.KeyOrder` whether a key may be delivered."""

    def __init__(self, app: LoginApp) -> None:
        self._app = app
        self._begun = False

    def passage(self, event: events.Event) -> KeyPassage:
        """Decide about one event."""
        app = self._app
        if not self._begun:
            self._begun = app.is_mounted_widget(StatusBar) and app.screen.focused is not None
            if not self._begun:
                return KeyPassage.WAIT
        if not isinstance(event, events.Key) or event.key != "enter" or len(app.screen_stack) > 1 or app.line.deaf:
            return KeyPassage.PASS
        if not app.is_logged_in or app.model.awaits_room(monotonic()):
            return KeyPassage.WAIT  # [enter-waits]
        return KeyPassage.DROP if app.model.awaits_room(event.time) else KeyPassage.PASS  # [refused-room]
