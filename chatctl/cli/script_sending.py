"""Common parts of `send` and `tail`: joining the room, reading the input, refusals of the server."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from chatctl.cli.failures import say
from chatctl.errors import ChatctlError, ConfigError, RefusedError, UnreachableError

if TYPE_CHECKING:
    from chatctl.client import Client
    from chatctl.client import events as e

MAX_UNASKED_BYTES = 64 * 1024
"""Of a line, or of a message of several lines, that is sent without a question: some 150 messages."""

_PIECE_BYTES = 4096
_NO_SUCH_NICK = "401"
PATIENCE_SECONDS = 30.0
"""Seconds that a server may take for an answer, or be away."""


def need_room(client: Client, room: str, troubles: SendErrors) -> None:
    """Wait until we are in the room. Raises RefusedError if the server does not let us in, or leads us elsewhere."""
    end = time.monotonic() + PATIENCE_SECONDS
    client.flush(PATIENCE_SECONDS, enough=lambda: client.room_of(room) is not None)
    while client.room_of(room) is None:
        if client.error is not None:
            raise client.error
        troubles.conclude()
        if client.rooms:
            raise RefusedError(f"The server joined you to {client.rooms[0]} instead of {room}, so nothing was sent")
        if time.monotonic() >= end:
            raise UnreachableError(
                f"The server did not answer the join of {room} within {PATIENCE_SECONDS:.0f} seconds"
            )
        troubles.happened.wait(0.2)
        troubles.happened.clear()


def final(event: e.Failed) -> str:
    """Return what the server refused, for a command that ends with it instead of trying again."""
    from chatctl.client.session.unstored_requests import TRYING_AGAIN

    return event.text.removesuffix(TRYING_AGAIN)


class SendErrors:
    """Collects the refusals of the server, and unconfirmed messages."""

    def __init__(self) -> None:
        self.happened = threading.Event()
        """Set by every event."""
        self.refused: list[str] = []
        self.absent: list[str] = []
        """Recipients that the server does not know."""
        self.lost = 0

    def event(self, event: e.Event) -> None:
        from chatctl.client import events as e

        self.happened.set()
        if isinstance(event, e.Failed):
            self.refused.append(final(event))
            if event.code == _NO_SUCH_NICK and event.about:
                self.absent.append(event.about)
        elif isinstance(event, e.Unconfirmed | e.Unsent):
            self.lost += len(event.messages)
        elif isinstance(event, e.ServerNotice) and event.code == event.SLOWED:
            say(event.text)  # or the delay would be unexplained

    def conclude(self) -> None:
        """Raise what the exit code is to say."""
        if self.refused:
            raise RefusedError("\n".join(dict.fromkeys(self.refused)))
        if self.lost:
            raise ChatctlError(f"{self.lost} messages may not have been delivered")


def texts(text: str | None, *, whole: bool, yes: bool) -> Iterator[str]:
    """Yield the messages to send: `text`, or the input, whole or line by line. Long lines come in parts, so that an
    interruption finds most of them unsent.

    Raises ConfigError if something is longer than MAX_UNASKED_BYTES, `yes` is not given, and there is no terminal; ends
    the command with code 1 if the answer is no.
    """
    from chatctl.client.session.message_split import split

    if text is not None:
        _allow(len(os.fsencode(text)), "The text", yes=yes)
        yield from split(text, _PIECE_BYTES) if "\n" not in text else [text]
    elif whole:
        yield decoded(_read_input(yes=yes), "the input")
    else:
        number = 1
        while line := _read_line(number, yes=yes):
            shown = decoded(line, f"Line {number} of the input").rstrip("\r\n")
            yield from split(shown, _PIECE_BYTES) or [shown]
            number += 1


def _read_input(*, yes: bool) -> bytes:
    """Read all of the input. If it is too long, no more of it is read before that is allowed."""
    data = sys.stdin.buffer.read(-1 if yes else MAX_UNASKED_BYTES + 1)
    if yes or len(data) <= MAX_UNASKED_BYTES:
        return data
    _allow(len(data), "The input", yes=yes)
    return data + sys.stdin.buffer.read()


def _read_line(number: int, *, yes: bool) -> bytes:
    """Read a line of the input, as :func:`_read_input` does all of it."""
    most = MAX_UNASKED_BYTES + len("\r\n")
    data = sys.stdin.buffer.readline(-1 if yes else most)
    _allow(len(data.rstrip(b"\r\n")), f"Line {number} of the input", yes=yes)
    if yes or len(data) < most or data.endswith(b"\n"):
        return data
    return data + sys.stdin.buffer.readline()


def _allow(size: int, what: str, *, yes: bool) -> None:
    if yes or size <= MAX_UNASKED_BYTES:
        return
    sentence = f"{what} is longer than {MAX_UNASKED_BYTES // 1024} KiB, which makes 150 messages or more"
    answer = _answer(f"{sentence}. Send it? [y/N] ")
    if answer is None:
        raise ConfigError(f"{sentence}; it was not sent. There is no terminal to ask on, so --yes is needed")
    if answer.strip().lower() not in ("y", "yes"):
        say(f"{what} was not sent")
        raise typer.Exit(1)


def _answer(question: str) -> str | None:
    """Ask on the terminal, since stdin may be the input, or None."""
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    try:
        with open("/dev/tty", encoding="utf-8", errors="replace") as terminal:
            print(question, end="", file=sys.stderr, flush=True)
            return terminal.readline()
    except OSError:
        return None


def decoded(data: bytes, what: str) -> str:
    """Decode UTF-8. Raises ConfigError for anything else: a guess would put wrong characters into the room."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ConfigError(
            f"{what} is not UTF-8, so it was not sent; convert it first, for example with iconv -f latin1 -t utf-8"
        ) from None


def send_when_possible(client: Client, target: str, text: str, *, whole: bool) -> None:
    from chatctl.client.errors import FullError

    impatient = impatience(client)
    while True:
        try:
            client.say(target, text, timeout=0.2, whole=whole)
        except FullError:
            if impatient():
                raise
        else:
            return


class Patience:
    """Decides whether no queued message was confirmed for PATIENCE_SECONDS."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._waiting = -1
        self._since = time.monotonic()

    def __call__(self) -> bool:
        waiting, now = self._client.waiting, time.monotonic()
        if waiting != self._waiting:
            self._waiting, self._since = waiting, now
        return now - self._since >= PATIENCE_SECONDS


def impatience(client: Client) -> Patience:
    """Begin to count."""
    return Patience(client)
