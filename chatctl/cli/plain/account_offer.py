"""Registering the name as an account, line by line: offered once per server and name, to users who were asked for a
name.

Events of the chat wait meanwhile, so that nothing is printed into the question.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from chatctl.cli.plain.entering import ask_new_password
from chatctl.client import events as e
from chatctl.client.client import Client
from chatctl.client.profile.profile import Profile
from chatctl.protocol.clean import clean

_MAX_HELD_EVENTS = 10_000


class EventGate:
    """Keeps events until it is opened, then passes them on, in order. More than it keeps can be read in the history."""

    def __init__(self, to: Callable[[e.Event], None]) -> None:
        self._to = to
        self._kept: deque[e.Event] | None = deque(maxlen=_MAX_HELD_EVENTS)
        self._lock = threading.RLock()  # what it passes on may end us, and that may open it

    def put(self, event: e.Event) -> None:
        """Handle an event."""
        with self._lock:
            if self._kept is not None:
                self._kept.append(event)
                return
        self._to(event)

    def open(self) -> None:
        """Let everything through from now on."""
        with self._lock:
            kept, self._kept = self._kept, None
            for event in kept or ():
                self._to(event)


def offer(client: Client, address: str, memory: Profile) -> None:
    """Offer an account once for each server and name, and have it made if the answer is yes. Ctrl-D says no.

    An answer that is neither yes nor no is dropped, not said in the room: it may be the password.
    """
    if not client.may_register or not memory.first_time("register", address, client.fold(client.name)):
        return
    try:
        while True:
            answer = input(f"Keep the name {clean(client.name)} for you alone, by a password? [y/N] ").strip().lower()
            if answer in ("y", "yes"):
                client.register(ask_new_password(client.name))
                return
            if answer in ("", "n", "no"):
                return
            print("Nothing was sent. Type y to choose a password, or press Enter to continue without one")
    except EOFError:
        print()
