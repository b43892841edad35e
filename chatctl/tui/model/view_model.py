"""The view model: events in, buffers and items out, without a screen."""

from __future__ import annotations

from chatctl.client import events as e
from chatctl.tui.model import event_handlers
from chatctl.tui.model.view_state import ViewState


class ViewModel(ViewState):
    """The state of the view, with the handlers of events."""

    def event(self, event: e.Event) -> None:
        """Handle an event of the client."""
        event_handlers.handle(self, event)
