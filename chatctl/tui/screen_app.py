"""The screen as its parts see it. :class:`chatctl.tui.app.ChatApp` implements it."""

from __future__ import annotations

from textual.app import App

from chatctl.client.client import Client
from chatctl.client.profile.profile import Profile
from chatctl.tui.model.view_model import ViewModel
from chatctl.tui.render.theme import ThemeStyles
from chatctl.tui.widgets.base import Painted
from chatctl.tui.widgets.input import MessageInput


class ScreenApp(App[str]):
    """The attributes and methods of the screen that parts below it use."""

    model: ViewModel
    client: Client | None
    memory: Profile | None
    look: ThemeStyles
    problem: BaseException | None
    """Why the screen ended, if it was not the user."""
    hint: str
    """Text of the status line, such as that Ctrl-C leaves if it is pressed again."""
    rooms_wanted: bool | None
    people_wanted: bool | None
    """Whether the user wants to see the rooms and the members; None: as the width allows."""

    @property
    def line(self) -> MessageInput:
        """The input line."""
        return self.screen_stack[0].query_one(MessageInput)

    @property
    def is_logged_in(self) -> bool:
        """Whether messages can be sent."""
        raise NotImplementedError

    def draw(self) -> None:
        """Redraw what is stale."""
        raise NotImplementedError

    def wear(self, look: str) -> None:
        """Change the theme."""
        raise NotImplementedError

    def fold_panels(self, width: int | None = None) -> None:
        """Apply the layout that fits the width and the user's choice."""
        raise NotImplementedError

    def is_mounted_widget(self, kind: type[Painted]) -> bool:
        """Return whether the widget is mounted."""
        raise NotImplementedError

    def entered(self, client: Client) -> None:
        """Begin with a client that is logged in."""
        raise NotImplementedError

    def leave(self, reason: str) -> None:
        """Leave the server, then the screen; with PLAIN only the screen."""
        raise NotImplementedError
