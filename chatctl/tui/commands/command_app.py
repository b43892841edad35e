"""The screen as its commands see it."""

from __future__ import annotations

from chatctl.tui.commands.own_presence import OwnPresence
from chatctl.tui.connect.login_app import LoginApp


class CommandApp(LoginApp):
    """The screen, with the own presence and the actions that commands start."""

    own_presence: OwnPresence | None

    def action_page(self, by: int) -> None:
        """Scroll by pages."""
        raise NotImplementedError

    def open_search(self, text: str) -> None:
        """Open the search."""
        raise NotImplementedError
