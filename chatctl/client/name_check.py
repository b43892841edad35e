"""Asks a server about names without registering.

Invariants:

- [no-registration] ``CAP LS 302`` comes first: from then on no server registers the client before CAP END
  (capability-negotiation), which is never sent; neither is USER. So no place is taken, and no user sees it.
- [barrier] Each NICK is followed by a query that every server answers (a barrier): lines before its answer belong to
  the NICK. No such line means that the name is free.
- [advice] A server that offers ``chatctl/resume`` is a chatctl server with our rules for names; its answer is complete.
  Other answers are advice: names may belong to accounts, and some servers check names only at the end.
- [light] One connection, a deadline for each answer, no thread; nothing heavy is loaded.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

from chatctl.client.login.registration import INVALID, RESUME, TAKEN
from chatctl.client.transport.trust import Trust
from chatctl.client.transport.wire import DialError, LineReader, WakeUp, dial
from chatctl.errors import RefusedError, UnreachableError
from chatctl.protocol.message import Message, encode, parse
from chatctl.protocol.names import alternatives, problem

Status = Literal["free", "taken", "invalid"]

ALTERNATIVES = 3
_TRIES = 40
_FIRST = "chatctl-0"
_NOT_ABOUT_NAMES = {"410", "421", "451"}
"""Errors that answer the barriers."""

_HAS_AN_OWNER = {"ACCOUNT_REQUIRED", "NICKNAME_IN_USE"}
"""Notes of chatctl servers: NICK is not refused, since the client may be about to log in."""

_PONG_SECONDS = 1.0
"""How long the answer to a PING may take where it is not certain that there will be one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer for one name: `reason` says why it is not free; `alternatives` are free."""

    name: str
    status: Status
    reason: str = ""
    alternatives: tuple[str, ...] = ()

    def to_json(self, advice: bool) -> dict[str, object]:
        """``{"name", "status", "reason", "alternatives", "advice"}``, the names promised to scripts."""
        return {
            "name": self.name,
            "status": self.status,
            "reason": self.reason or None,
            "alternatives": list(self.alternatives),
            "advice": advice,
        }


class NameCheck:
    """A connection for name checks; a context manager. `seconds` bounds connecting and each answer.

    Raises:
        UnreachableError: No answer, or not a chat server.
        RefusedError: The server refuses the connection. UntrustedError is one of these: its certificate is not trusted.
    """

    def __init__(self, host: str, port: int, seconds: float = 10.0, *, trust: Trust | None = None) -> None:
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.advice = True
        """Whether the answers are advice only ([advice]); known once connected."""
        self._host = host
        self._port = port
        self._seconds = seconds
        self._trust = trust or Trust()
        self._reader = LineReader()
        self._lines: list[str] = []
        self._socket: socket.socket | None = None
        self._has_cap = True
        self._is_irc = False
        self._count = 0

    def __enter__(self) -> NameCheck:
        wake = WakeUp()  # there is nothing to wake
        wake.open()
        try:
            self._socket = dial(self._host, self._port, self._seconds, wake, lambda: False, self._trust)
            self._socket.settimeout(self._seconds)
        except DialError as error:
            raise UnreachableError(f"No chat server answers at {self.address} ({error})") from None
        finally:
            wake.close()
        try:
            self._greet()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._send("QUIT")
        self._close()

    def check(self, name: str) -> Answer:
        """Check one name; if it is not free, find free ones to take instead."""
        status, reason = self._ask(name)
        if status == "free":
            return Answer(name, status)
        return Answer(name, status, reason, tuple(itertools.islice(self.free(name), ALTERNATIVES)))

    def free(self, name: str) -> Iterator[str]:
        """Yield names like `name` that are free now."""
        for candidate in itertools.islice(alternatives(name), _TRIES):
            try:
                status, _ = self._ask(candidate)
            except RefusedError:  # such as "too many changes of name": no more can be found out
                return
            if status == "free":
                yield candidate

    def _ask(self, name: str) -> tuple[Status, str]:
        wrong = problem(name)
        sendable = not any(character in name for character in "\r\n\0")
        # Another network may allow what we do not, so there the server is asked all the same.
        if wrong is not None and (not self.advice or not sendable or not name):
            return "invalid", wrong
        self._send("NICK", name)
        status: Status = "free"
        reason = refused = ""
        for message in self._until_barrier():
            text = message.params[-1] if message.params else ""
            if message.command in TAKEN:
                status, reason = "taken", text
            elif message.command in INVALID:
                status, reason = "invalid", text
            elif message.command == "NOTE" and message.param(0) == "NICK" and message.param(1) in _HAS_AN_OWNER:
                status, reason = "taken", text
            elif message.command == "FAIL" and message.param(0).upper() == "NICK":
                status = "invalid" if "INVALID" in message.param(1).upper() else "taken"
                reason = text
            elif message.command[:1] == "4" and len(message.command) == 3 and message.command not in _NOT_ABOUT_NAMES:
                refused = text or f"error {message.command}"
        if status == "free" and refused:
            raise RefusedError(f"{self.address} does not say whether {name} is free: {refused}")
        return status, reason

    # The conversation.

    def _greet(self) -> None:
        """Send CAP LS and read its answer ([no-registration], [advice])."""
        self._send("CAP", "LS", "302")
        self._send("PING", _FIRST)  # a server that passes over what it does not know may answer this one
        offered: list[str] = []
        for message in self._messages(self._seconds):
            if message.command == "CAP" and message.param(1).upper() == "LS":
                offered += message.params[-1].split()
                if message.param(2) != "*" or len(message.params) < 4:
                    break
            elif message.command in ("421", "451", "410", "PONG"):
                self._has_cap = False
                if message.command != "PONG":
                    self._pass_first_pong()
                break
        names = {word.partition("=")[0] for word in offered}
        self.advice = RESUME not in names
        if not self.advice and "standard-replies" in names:
            self._send("CAP", "REQ", "standard-replies")  # then a name that belongs to an account is told apart

    def _pass_first_pong(self) -> None:
        """Read the answer to the first PING, if there is to be one, so that it is not taken for a later one's."""
        with contextlib.suppress(UnreachableError):
            for message in self._messages(min(self._seconds, _PONG_SECONDS)):
                if message.command in ("PONG", "451"):
                    return

    def _until_barrier(self) -> Iterator[Message]:
        """Send a barrier; return the lines before its answer ([barrier])."""
        self._count += 1
        token = f"chatctl-{self._count}"
        if self._has_cap:
            self._send("CAP", "LIST")
        else:
            self._send("PING", token)
        for message in self._messages(self._seconds):
            if message.command == "CAP" and message.param(1).upper() == "LIST":
                if message.param(2) != "*" or len(message.params) < 4:
                    return
            elif not self._has_cap and (message.command == "451" or message.params[-1:] == [token]):
                return  # 451: a server that answers no PING before registration says so instead
            else:
                yield message

    def _messages(self, seconds: float) -> Iterator[Message]:
        """Return the next lines of the server. Raises UnreachableError after `seconds`."""
        end = time.monotonic() + seconds
        while True:
            for message in self._parsed():
                self._is_irc = self._is_irc or _is_irc(message)
                if message.command == "PING":
                    self._send("PONG", *message.params[-1:])
                elif message.command in ("465", "ERROR"):
                    raise RefusedError(message.params[-1] if message.params else "the server closed the connection")
                else:
                    yield message
            self._receive(end)

    def _parsed(self) -> Iterator[Message]:
        while self._lines:
            message = parse(self._lines.pop(0))
            if message is not None:
                yield message

    def _receive(self, end: float) -> None:
        left = end - time.monotonic()
        if self._socket is None or left <= 0:
            if self._is_irc:
                raise UnreachableError(f"The server at {self.address} does not answer any more")
            raise UnreachableError(f"What answers at {self.address} is not a chat server: it says nothing to the point")
        try:
            self._socket.settimeout(left)
            data = self._socket.recv(65536)
        except TimeoutError:
            return
        except OSError as error:
            raise UnreachableError(f"{self.address} broke off ({(error.strerror or str(error)).lower()})") from None
        if not data:
            if self._is_irc:
                raise UnreachableError(f"The server at {self.address} broke off: it closed the connection")
            raise UnreachableError(f"What answers at {self.address} is not a chat server: it closed the connection")
        self._lines += self._reader.feed(data)

    def _send(self, command: str, *params: str) -> None:
        if self._socket is not None:
            # Where writing fails, reading tells why: the server's last words, or the end.
            with contextlib.suppress(OSError):
                self._socket.sendall(encode(command, params))

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _is_irc(message: Message) -> bool:
    """Return whether only a chat server sends this. (A number alone begins the lines of a mail server too.)"""
    return message.command in ("CAP", "NOTICE", "PING", "PONG") or (bool(message.source) and message.command.isdigit())
