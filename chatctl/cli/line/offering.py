"""Making one's name an account, offered line by line: once for each server and name, to who was asked for the name.

What happens in the chat meanwhile waits, so that nothing is printed into the question.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from chatctl.cli.line.entering import ask_new_password
from chatctl.client import events as e
from chatctl.client.client import Client
from chatctl.client.memory import Memory
from chatctl.protocol.clean import clean

_MOST = 10_000


class Gate:
    """Keeps events until it is opened, then passes them on, in order. More than it keeps can be read in the history."""

    def __init__(self, to: Callable[[e.Event], None]) -> None:
        self._to = to
        self._kept: deque[e.Event] | None = deque(maxlen=_MOST)
        self._lock = threading.RLock()  # what it passes on may end us, and that may open it

    def put(self, event: e.Event) -> None:
        """Something happened."""
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


def offer(client: Client, address: str, memory: Memory) -> str:
    """Ask, and have the account made where the answer is yes. Ctrl-D says no. What is neither was meant for the chat:
    it is given back, to be handled as typed there."""
    if not client.may_register or not memory.first_time("register", address, client.fold(client.name)):
        return ""
    try:
        answer = input(f"Keep the name {clean(client.name)} for you alone, by a password? [y/N] ")
        if answer.strip().lower() in ("y", "yes"):
            client.register(ask_new_password(client.name))
        elif answer.strip().lower() not in ("", "n", "no"):
            return answer
    except EOFError:
        print()
    return ""
