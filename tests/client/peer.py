"""A server that plays a script, for what no server of ours would do."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tests.wire import DEADLINE

WELCOME = (":irc.test 001 {0} :Welcome", ":irc.test 005 {0} PREFIX=(ov)@+ :are supported", ":irc.test 422 {0} :No MOTD")


class Talk:
    """One connection, from the server's side."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._file = sock.makefile("rb")
        self.lines: list[str] = []

    def line(self) -> str:
        """The next line. Raises EOFError at the end."""
        raw = self._file.readline()
        if not raw:
            raise EOFError
        self.lines.append(raw.decode().rstrip("\r\n"))
        return self.lines[-1]

    def until(self, start: str) -> str:
        """Read up to the first line that starts like this."""
        while True:
            line = self.line()
            if line.startswith(start):
                return line

    def rest(self) -> list[str]:
        """Everything up to QUIT or the end, with an answer to each PING."""
        with contextlib.suppress(EOFError, OSError):
            while not self.line().startswith("QUIT"):
                if self.lines[-1].startswith("PING"):
                    self.send(f":irc.test PONG irc.test {self.lines[-1].split(' ', 1)[1]}")
        return self.lines

    def deaf(self) -> list[str]:
        """Everything up to the end, with no answer to anything."""
        with contextlib.suppress(EOFError, OSError):
            while True:
                self.line()
        return self.lines

    def send(self, *lines: str) -> Self:
        self._sock.sendall("".join(f"{line}\r\n" for line in lines).encode())
        return self

    def welcome(self, nick: str) -> Self:
        """Let the client in, without any capability, and answer its first PING."""
        self.until("USER")
        self.send(":irc.test 421 * CAP :Unknown command", *(line.format(nick) for line in WELCOME))
        return self.pong()

    def pong(self) -> Self:
        """Answer the next PING."""
        token = self.until("PING").split(" ", 1)[1]
        return self.send(f":irc.test PONG irc.test {token}")

    def close(self) -> None:
        self._file.close()
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()


class Peer:
    """Plays one script for each connection, in order. Leaving the block waits for them and raises what failed."""

    def __init__(self, *scripts: Callable[[Talk], object]) -> None:
        self._scripts = scripts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(DEADLINE)
        self.port: int = self._listener.getsockname()[1]
        self.talks: list[Talk] = []
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._thread.join(DEADLINE)
        self._listener.close()
        if error is None and self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            for script in self._scripts:
                sock, _ = self._listener.accept()
                sock.settimeout(DEADLINE)
                talk = Talk(sock)
                self.talks.append(talk)
                try:
                    script(talk)
                finally:
                    talk.close()
        except BaseException as failure:  # noqa: BLE001  # raised in the test's own thread
            self._failure = failure


def eventually(question: Callable[[], bool]) -> None:
    """Wait until the answer is yes; fail at the deadline."""
    end = time.monotonic() + DEADLINE
    while not question():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)
