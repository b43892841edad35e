"""Messages that the full screen could not deliver, printed after it has ended."""

from __future__ import annotations

from chatctl.cli.failures import say
from chatctl.client import events as e
from chatctl.protocol.clean import clean


class Leftovers:
    """Collects undelivered messages. The screen shows them too, but it is closed when the command ends."""

    def __init__(self) -> None:
        self._events: list[e.Unsent | e.Unconfirmed] = []

    def event(self, event: e.Event) -> None:
        """Note what happened, on the client's thread."""
        if isinstance(event, e.Unsent | e.Unconfirmed):
            self._events.append(event)
        elif isinstance(event, e.Reconnected | e.Latency):  # the screen is still there, and has shown them
            self._events.clear()

    def tell(self) -> None:
        """Print all of them on stderr, whole, so that they can be sent again."""
        for kind, head in _HEADS.items():
            messages = [message for event in self._events if isinstance(event, kind) for message in event.messages]
            if not messages:
                continue
            say(head)
            for message in messages:
                for line in message.text.split("\n"):
                    say(clean(f"  to {message.target}: {line}"))


_HEADS: dict[type[e.Unsent | e.Unconfirmed], str] = {
    e.Unconfirmed: "The connection broke before these messages were confirmed; they may not have been delivered:",
    e.Unsent: "These messages were not sent:",
}
