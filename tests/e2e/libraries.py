"""Two independent client libraries behind a small interface: jaraco's `irc`, and `miniirc`."""

from __future__ import annotations

import queue
import socket
import time
from abc import ABC, abstractmethod
from typing import Any

import irc.client
import irc.events
import miniirc

from tests import deadline

DEADLINE = deadline.DEADLINE

_COMMANDS = {
    "pubmsg": "PRIVMSG",
    "privmsg": "PRIVMSG",
    "pubnotice": "NOTICE",
    "privnotice": "NOTICE",
    "action": "ACTION",
}
"""Events of the library `irc` whose names differ from the commands."""

Heard = tuple[str, str, list[str]]
"""A received message: the command or numeric, its sender, and the parameters."""


class LibraryClient(ABC):
    """A client of a library. Its input is queued until a test waits for it."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []

    @abstractmethod
    def send(self, line: str) -> None:
        """Send a line."""

    @abstractmethod
    def listen(self, seconds: float) -> None:
        """Add to `heard`, for up to `seconds`."""

    @abstractmethod
    def tokens(self) -> dict[str, str]:
        """Return ISUPPORT as the library parsed it: tokens and values."""

    @abstractmethod
    def cut(self) -> None:
        """Lose the connection without a word."""

    @abstractmethod
    def close(self) -> None:
        """Leave."""

    def until(self, command: str, *params: str) -> Heard:
        """Return the first message with this command and these parameters; drop earlier ones."""
        by = time.monotonic() + DEADLINE
        seen: list[Heard] = []
        while time.monotonic() < by:
            while self.heard:
                heard = self.heard.pop(0)
                seen.append(heard)
                if heard[0] == command and all(param in heard[2] for param in params):
                    return heard
            self.listen(0.2)
        raise AssertionError(f"no {command} {params} among {seen}")


class Jaraco(LibraryClient):
    """The library `irc`: it names every numeric and command as an event of its own."""

    def __init__(self, port: int, nick: str, password: str = "") -> None:
        super().__init__()
        self._reactor = irc.client.Reactor()
        self._reactor.add_global_handler("all_events", self._event)
        self._connection = self._reactor.server()
        login = {"sasl_login": nick, "password": password} if password else {}
        self._connection.connect("127.0.0.1", port, nick, **login)

    def _event(self, connection: Any, event: Any) -> None:
        if event.type == "all_raw_messages":
            return
        command = _COMMANDS.get(event.type) or irc.events.codes.get(event.type, event.type).upper()
        params = [str(param) for param in (event.target, *event.arguments) if param is not None]
        self.heard.append((command, str(event.source or "").partition("!")[0], params))

    def send(self, line: str) -> None:
        self._connection.send_raw(line)

    def listen(self, seconds: float) -> None:
        self._reactor.process_once(seconds)

    def tokens(self) -> dict[str, str]:
        found = vars(self._connection.features)
        return {key.upper(): str(value) for key, value in found.items()}

    def cut(self) -> None:
        self._connection.socket.close()

    def close(self) -> None:
        self._connection.disconnect("bye")


class Mini(LibraryClient):
    """The library `miniirc`, which has a thread of its own and negotiates capabilities."""

    def __init__(self, port: int, nick: str, password: str = "") -> None:
        super().__init__()
        self._queue: queue.Queue[Heard] = queue.Queue()
        identity = (nick, password) if password else None
        self._client = miniirc.IRC(
            "127.0.0.1", port, nick, ssl=False, persist=False, auto_connect=False, ns_identity=identity
        )
        self._client.CmdHandler(colon=False, ircv3=False)(self._any)
        self._client.connect()

    def _any(self, client: Any, command: str, source: tuple[str, str, str], params: list[str]) -> None:
        self._queue.put((command, source[0], [str(param) for param in params]))

    def send(self, line: str) -> None:
        self._client.quote(line, force=True)

    def listen(self, seconds: float) -> None:
        try:
            self.heard.append(self._queue.get(timeout=seconds))
        except queue.Empty:
            return

    def tokens(self) -> dict[str, str]:
        return {key: str(value) for key, value in self._client.isupport.items()}

    def cut(self) -> None:
        self._client.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._client.disconnect("bye", auto_reconnect=False)
        self._client.wait_until_disconnected()
        if self._client.sock is not None:  # the library leaves it to the collector
            self._client.sock.close()
