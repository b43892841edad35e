"""What the line client shows, and where a typed line goes.

The rules of this file:

1. Every line is cleaned here, at the last write, and only then coloured. JSON is made safe by escapes instead, so that
   a script gets the text as it was.
2. Own messages are shown where the typed line was taken off the screen (a terminal), and in JSON. Elsewhere the typed
   line is all there is to see of them.
3. Nothing is shown of an attempt to enter that failed; whoever made it knows why.
4. Writing may fail at any time (a closed stdout): then the screen ends, quietly.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import TextIO

from chatctl.cli.line.words import Place, Tone, words
from chatctl.client import events as e
from chatctl.client.client import Client
from chatctl.protocol.clean import clean

_COLOURS: dict[Tone, str] = {"private": "\x1b[35m", "coming": "\x1b[2m", "news": "\x1b[36m", "trouble": "\x1b[31m"}
_RESET = "\x1b[0m"


class Leaving(Exception):
    """The user wants to leave; `str(leaving)` is the reason to give."""


class LineScreen:
    """One attempt to enter, and the conversation after it. A :class:`chatctl.client.slash.Screen`.

    Events come in on the client's thread, typed lines on the main thread.
    """

    def __init__(
        self, client: Client, address: str, out: TextIO, err: TextIO, *, colour: bool, as_json: bool, shows_own: bool
    ) -> None:
        self.client = client
        self.out = out
        self.on_end: Callable[[], None] = lambda: None
        """Called once, on any thread, when nothing more can happen: the client has ended, or stdout is closed."""
        self.broken = False
        """Whether stdout was closed."""
        self.failed = 0
        """What the server refused since we are in."""
        self.unconfirmed = 0
        """Messages that may not have been delivered, and that were not."""
        self._address = address
        self._err = err
        self._colour = colour
        self._as_json = as_json
        self._shows_own = shows_own
        self._here = ""
        self._going = ""
        self._early: list[e.Event] | None = []
        self._offline_for = ""
        self._lock = threading.Lock()

    # A Screen, for the commands.

    @property
    def here(self) -> str:
        """The room or person that a plain line goes to."""
        return self._here

    def go(self, target: str) -> None:
        """Be in `target`, at once where we are in it, else as soon as we are."""
        if target in self.client.rooms:
            self._here = target
            self.show(f"--- You are writing to {target} now")
        else:
            self._going = target

    def show(self, text: str) -> None:
        """Lines for the user: on stderr where stdout is for a program."""
        for line in text.splitlines():
            self._write(clean(line), self._err if self._as_json else None)

    def leave(self, reason: str) -> None:
        """End, from inside a command."""
        raise Leaving(reason)

    @property
    def prompt(self) -> str:
        """What stands before the line being typed: it reads as the line will."""
        room = f"{self._here} " if len(self.client.rooms) > 1 and self._here else ""
        return clean(f"{room}[{self.client.name}]: ")

    # Events.

    def event(self, event: e.Event) -> None:
        """Show what happened."""
        if self._early is not None:
            if not isinstance(event, e.Connected):
                self._early.append(event)
                return
            early, self._early = self._early, None
            self._handle(event)
            for before in early:
                if isinstance(before, e.ServerNotice) and before.code != "372" and not self._as_json:
                    continue  # what servers say while they look up host names
                self._handle(before)
            return
        self._handle(event)

    def _handle(self, event: e.Event) -> None:
        self._keep_track(event)
        if self._as_json:
            self._write(json_line(event.to_json()))
        elif self._is_worth_showing(event):
            place = Place(self.client.name, len(self.client.rooms) > 1)
            if type(event) is e.Connected:
                self._welcome(event)
            for tone, text in words(event, place):
                self._write(self._coloured(tone, clean(text)))
        if isinstance(event, e.Disconnected):
            self.on_end()

    def _keep_track(self, event: e.Event) -> None:
        if isinstance(event, e.Failed):
            self.failed += 1
        elif isinstance(event, e.Unconfirmed | e.Unsent):
            self.unconfirmed += len(event.messages)
        elif isinstance(event, e.Joined) and event.own:
            if not self._here or self._going.casefold() == event.room.casefold():
                self._here, self._going = event.room, ""
        elif isinstance(event, e.Left) and event.own and self._here in event.rooms:
            self._here = next(iter(self.client.rooms), "")

    def _is_worth_showing(self, event: e.Event) -> bool:
        if isinstance(event, e.Said | e.PrivateMessage) and event.own:
            return self._shows_own
        if isinstance(event, e.Reconnecting):
            if event.reason == self._offline_for:
                return False  # told already; one line for each try would fill the screen overnight
            self._offline_for = event.reason
        elif isinstance(event, e.Reconnected):
            self._offline_for = ""
        return True

    def _welcome(self, event: e.Connected) -> None:
        where = f"{event.network} ({self._address})" if event.network else self._address
        self._write(self._coloured("news", clean(f"--- You are {event.name} on {where}")))
        self._write(self._coloured("news", "--- /help shows what you can type; /quit or Ctrl-D leaves"))

    # Writing.

    def _coloured(self, tone: Tone, text: str) -> str:
        code = _COLOURS.get(tone) if self._colour else None
        return f"{code}{text}{_RESET}" if code else text

    def _write(self, line: str, out: TextIO | None = None) -> None:
        if self.broken:
            return
        try:
            with self._lock:
                stream = out or self.out
                stream.write(f"{line}\n")
                stream.flush()
        except (OSError, ValueError):  # ValueError: the stream was closed under us
            self.broken = True
            self.on_end()


def json_line(value: dict[str, object]) -> str:
    """One line of JSON in which nothing can act on a terminal: what is not printable is escaped, the rest readable."""
    text = json.dumps(value, ensure_ascii=False)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)
