"""The output of the line client, and the handling of typed lines.

Invariants:

- [clean-output] Every text of an event is cleaned here, before it is put into words, and coloured after that. On a
  terminal right-to-left text is isolated too, so that it cannot move the rest of its line. JSON is made safe by escapes
  instead, so that a script gets the original text.
- [style] The output depends on the reader (:class:`OutputStyle`). Own messages are shown only if the typed line was
  removed, since otherwise that is enough. Without a user: only messages and actions of others on stdout, and errors on
  stderr. In JSON: everything, on stdout.
- [failed-login] Nothing is shown of a login attempt that failed; its caller knows why.
- [may-fail] Writing may fail at any time (a closed stdout): then the screen ends, quietly.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from chatctl.cli.plain.hidden_questions import HiddenQuestion, new_password
from chatctl.client import events as e
from chatctl.client.client import Client
from chatctl.client.errors import InputError, SecretSaidError
from chatctl.client.events.sentences import SentenceContext, Tone, words
from chatctl.client.session.unstored_requests import CODE as NOT_STORED
from chatctl.protocol.clean import clean, escaped, isolate

_COLOURS: dict[Tone, str] = {"private": "\x1b[35m", "coming": "\x1b[2m", "news": "\x1b[36m", "trouble": "\x1b[31m"}
_RESET = "\x1b[0m"


class Writer(Protocol):
    """Writes lines."""

    def write(self, text: str, /) -> object: ...
    def flush(self) -> object: ...


class NullWriter:
    """Replaces a stream that was closed at the start: writing fails on stdout and does nothing on stderr."""

    def __init__(self, *, matters: bool) -> None:
        self._matters = matters

    def write(self, text: str, /) -> None:
        """Fail as a closed pipe does."""
        if self._matters:
            raise BrokenPipeError

    def flush(self) -> None:
        """Do nothing: there is no buffer."""


class UserLeft(Exception):  # noqa: N818  # not an error: a decision of the user
    """The user leaves; `str(leaving)` is the reason for the others."""


@dataclass(frozen=True, slots=True)
class OutputStyle:
    """`person`: a user reads and types. `editing`: on a terminal that can remove a typed line."""

    person: bool
    editing: bool
    colour: bool
    as_json: bool


_REMEMBERED = 500
_MAX_EARLY_EVENTS = 300
"""Events kept until we are in; a message of the day is shorter."""

_OTHERS = (e.RoomMessage, e.PrivateMessage, e.Joined, e.Parted, e.NickChanged, e.Topic)


class LineScreen:
    """The conversation on a line terminal, from the login to the end. A
    :class:`chatctl.client.slash.table.CommandScreen`.

    Events come in on the client's thread, typed lines on the main thread.
    """

    def __init__(
        self, client: Client, address: str, style: OutputStyle, out: Writer | None, err: Writer | None, here: str = ""
    ) -> None:
        self.client = client
        self.out = out or NullWriter(matters=True)
        self.on_end: Callable[[], None] = lambda: None
        """Called on any thread when `ended` has become true."""
        self.question: HiddenQuestion | None = None
        """The question that typed lines answer now, instead of being done or said."""
        self.on_hide: Callable[[bool], None] = lambda hidden: None
        """Called with True if typed text must not be shown."""
        self.keep: Callable[[str, str], None] | None = None
        """Saves the server: our name, and the word to save it under. Raises InputError."""
        self.ended = False
        """Whether nothing more can happen: the client has ended, stdout is closed, or :meth:`end` was called."""
        self.broken = False
        """Whether stdout was closed."""
        self.failed = 0
        """Refusals of the server since the login."""
        self.unconfirmed = 0
        """Messages that may not have been delivered, and that were not."""
        self.style = style
        self._address = address
        self._err = err or NullWriter(matters=False)
        self._me = client.name
        self._rooms: list[str] = []
        self._here = here
        self._going = here
        self._only_wished = bool(here)
        """Whether `here` is where we want to be, and have not been yet."""
        self._requested = ""
        """The room of a /join that is not answered yet: lines typed after it go there, behind the JOIN."""
        self._early: list[e.Event] | None = []
        self._offline_for: list[str] = []
        self._came_back = False
        self._said: deque[tuple[str, str, str]] = deque(maxlen=_REMEMBERED)
        """(place, folded name, id) of the last messages."""
        self._oldest: datetime | None = None
        self._lock = threading.Lock()

    @property
    def entered(self) -> bool:
        """Whether we are in, or were."""
        return self._early is None

    def go_on(self) -> None:
        """Continue from another screen, in these rooms."""
        self._early = None
        self._rooms = list(self.client.rooms)
        if self._here not in self._rooms:
            self._here = self._rooms[0] if self._rooms else ""
        self.show("--- Going on line by line; /help shows what you can type; /quit or Ctrl-D leaves")

    def end(self) -> None:
        """Stop. Safe from any thread, and from signal handlers."""
        self.ended = True
        self.on_end()

    # A Screen, for the commands.

    @property
    def here(self) -> str:
        """The room or person that a plain line goes to."""
        return self._requested or self._here

    def go(self, target: str) -> None:
        """Make `target` current, which is a person or a room that is joined or was requested."""
        if target in self._rooms or not self.client.is_room(target):
            self._going = self._requested = ""
            self._be_in(target)
        else:
            self._going = self._requested = target

    def say(self, target: str, text: str, kind: e.Kind = "message", reply: str = "") -> None:
        """Send a message; it is shown by its echo. Raises InputError for the user's own password."""
        if self.client.is_secret(text):
            raise SecretSaidError(target)
        if kind == "action":
            self.client.act(target, text)
        else:
            self.client.say(target, text, reply=reply)

    def said(self, count: int, name: str = "") -> str | None:
        """Return the id of the `count`-th last message here."""
        wanted = self.client.fold(name)
        ids = [id for place, who, id in reversed(self._said) if place == self.here and (not name or who == wanted)]
        return ids[count - 1] if count <= len(ids) else None

    def do(self, what: str, rest: str) -> None:
        """Carry out a command of the screen; this one has those for history and search."""
        if what == "search" and rest:
            self.client.search(rest)
        elif what == "history":
            self.client.look_back(self.here, "BEFORE", self._oldest or datetime.now(UTC))
        elif what == "save" and self.keep is not None:
            self.keep(self.client.name, rest)
            self.show(f"--- Saved: chatctl join {rest} enters here again")
        elif what == "register" and self.style.person:
            self.ask(new_password(self.client, self.show))
        elif what == "search":
            raise InputError("Type what to look for: /search WORDS")
        else:
            raise InputError(f"/{what} is for the full screen, which `chatctl join` opens on a terminal")

    def ask(self, question: HiddenQuestion | None) -> None:
        """Let the next typed lines answer a question; None ends it."""
        self.question = question
        if question is not None and not self.style.editing:
            self.show(f"--- {question.prompt}")
        self.on_hide(question is not None)

    def answer(self, line: str) -> None:
        """Take a typed line as the answer to :attr:`question`."""
        question = self.question
        if question is not None:
            self.ask(None if question.answer(line) else question)

    def show(self, text: str) -> None:
        """Lines for the user: on stderr where stdout is for a program."""
        for line in text.splitlines():
            self._write(clean(line), self._err if self.style.as_json else self.out)

    def waiting(self, line: str) -> None:
        """Report a typed line that cannot be sent yet: it would seem lost, since its echo comes later."""
        if self.style.editing and not self.client.online:
            self.show(f"... waiting to be sent: {line}")

    def leave(self, reason: str) -> None:
        """End, from inside a command."""
        raise UserLeft(reason)

    @property
    def prompt(self) -> str:
        """The words before the line being typed: it reads as the line will, or asks a question."""
        if self.question is not None:
            return self.question.prompt
        here = self.here
        room = f"{here} " if here and (len(self._rooms) > 1 or here not in self._rooms) else ""
        return clean(f"{room}[{self._me}]: ")

    # Events.

    def event(self, event: e.Event) -> None:
        """Show what happened."""
        if self._early is None:
            self._handle(event)
        elif isinstance(event, e.Connected):
            early, self._early = self._early, None
            self._handle(event)
            for before in early:  # after the welcome, not before it
                # Of what a server says before we are in only the message of the day (372) is for people.
                if self.style.as_json or not isinstance(before, e.ServerNotice) or before.code == "372":
                    self._handle(before)
        elif len(self._early) < _MAX_EARLY_EVENTS:
            self._early.append(event)

    def _handle(self, event: e.Event) -> None:
        self._keep_track(event)
        if self.style.as_json:
            self._write(json_line(event.to_json()), self.out)
        elif self._is_worth_showing(event):
            safe = isolate if self.style.editing else clean
            shown = cleaned(event, safe)
            if type(shown) is e.Connected:
                self._welcome(shown)
            for part in by_line(event):
                for tone, text in words(cleaned(part, safe), self._place(safe)):
                    self._write_words(tone, self._when(event) + text, aside=_is_slowed(event))
        if isinstance(event, e.Parted) and event.own:
            self._gone_from(event.rooms)
        elif isinstance(event, e.Failed) and event.about is not None and event.code != NOT_STORED:
            self._not_joined(event.about)
        elif isinstance(event, e.Disconnected):
            self.end()

    def _when(self, event: e.Event) -> str:
        """Return the local time of a replayed event, for people; ``""`` for any other."""
        if not self.style.person or not getattr(event, "history", False):
            return ""
        time = event.time.astimezone()
        today = time.date() == datetime.now().astimezone().date()
        return time.strftime("%H:%M " if today else "%Y-%m-%d %H:%M ")

    def _place(self, safe: Callable[[str], str]) -> SentenceContext:
        return SentenceContext(safe(self._me), several=len(self._rooms) > 1, still_offline=len(self._offline_for) > 1)

    def _keep_track(self, event: e.Event) -> None:
        """Follow the current room and the own name as of this event; the client may be further already."""
        match event:
            case e.Connected():
                self._me = event.name
                self._rooms.clear()
            case e.NickChanged(own=True):
                self._me = event.name
            case e.Joined(own=True):
                self._rooms.append(event.room)
                if self._going.casefold() == event.room.casefold():
                    self._here, self._going, self._only_wished = event.room, "", False
                    self._requested = ""
                elif not self._here or self._only_wished:  # some servers lead to another room than was asked for
                    self._here = event.room
            case e.RoomMessage() | e.PrivateMessage() if event.id is not None:
                self._remember(event, event.id)
            case e.HistoryReceived() if event.events:
                self._oldest = event.events[0].time
            case e.Failed():
                self.failed += 1
            case e.Unconfirmed() | e.Unsent():
                self.unconfirmed += len(event.messages)

    def _remember(self, event: e.RoomMessage | e.PrivateMessage, id: str) -> None:
        place = event.room if isinstance(event, e.RoomMessage) else event.to if event.own else event.name
        self._said.append((place, self.client.fold(event.name), id))
        if self._oldest is None or event.time < self._oldest:
            self._oldest = event.time

    def _not_joined(self, room: str) -> None:
        """Stay in the current room, because the one that was requested cannot be joined."""
        if self._requested.casefold() == room.casefold():
            self._going = self._requested = ""
            if self._here:
                self._be_in(self._here, still=" still")

    def _gone_from(self, rooms: tuple[str, ...]) -> None:
        """Handle the end of our membership; if it was the current room, another one becomes current."""
        self._rooms = [room for room in self._rooms if room not in rooms]
        if self._here in rooms:
            self._here = ""
            if self._rooms:
                self._be_in(self._rooms[0])

    def _be_in(self, room: str, still: str = "") -> None:
        self._here = room
        if not self.style.as_json:
            self.show(f"--- You are{still} writing to {room}{'' if still else ' now'}")

    def _is_worth_showing(self, event: e.Event) -> bool:
        own = bool(getattr(event, "own", False))
        if isinstance(event, e.RoomMessage | e.PrivateMessage) and own:
            # Of what we said before we came nothing is on the screen yet.
            return self.style.editing or (self.style.person and event.history and not self._came_back)
        if isinstance(event, e.Reconnecting):
            if event.reason in self._offline_for:
                return False  # told already; one line for each try would fill the screen overnight
            self._offline_for.append(event.reason)
        elif isinstance(event, e.Reconnected):
            self._offline_for.clear()
            self._came_back = True
        if self.style.person:
            return True
        others = isinstance(event, _OTHERS) and not own and not (isinstance(event, e.Topic) and event.name is None)
        return others or isinstance(event, e.Failed | e.Unconfirmed | e.Unsent | e.Reconnecting) or _is_slowed(event)

    def _welcome(self, event: e.Connected) -> None:
        if self.style.person:
            where = f"{event.network} ({self._address})" if event.network else self._address
            self._write_words("news", f"--- You are {event.name} on {where}")
            self._write_words("news", "--- /help shows what you can type; /quit or Ctrl-D leaves")

    # Writing.

    def _write_words(self, tone: Tone, text: str, *, aside: bool = False) -> None:
        """`aside`: it is not a message, for example an error."""
        code = _COLOURS.get(tone) if self.style.colour else None
        line = f"{code}{text}{_RESET}" if code else text
        aside = aside or tone == "trouble"
        self._write(line, self._err if aside and not self.style.person else self.out)

    def _write(self, line: str, stream: Writer) -> None:
        if self.broken:
            return
        try:
            with self._lock:
                stream.write(f"{line}\n")
                stream.flush()
        except (OSError, ValueError):  # ValueError: the stream was closed under us
            self.broken = True
            self.end()


def _is_slowed(event: e.Event) -> bool:
    """Return whether the event explains a delay by the server."""
    return isinstance(event, e.ServerNotice) and event.code == event.SLOWED


def by_line(event: e.Event) -> list[e.Event]:
    """Return a message of several lines as one for each line that is not blank, any other event unchanged."""
    if isinstance(event, e.RoomMessage | e.PrivateMessage) and "\n" in event.text:
        return [replace(event, text=line) for line in event.text.split("\n") if line.strip()]
    return [event]


E = TypeVar("E", bound=e.Event)


def cleaned(event: E, safe: Callable[[str], str]) -> E:
    """Return the event with every text in it made safe to show."""
    return replace(event, **{field.name: _cleaned(getattr(event, field.name), safe) for field in fields(event)})


def _cleaned(value: Any, safe: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return safe(value)
    if isinstance(value, tuple):
        return tuple(_cleaned(item, safe) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: _cleaned(getattr(value, field.name), safe) for field in fields(value)})
    return value


def json_line(value: dict[str, object]) -> str:
    """Return one line of JSON in which nothing can act on a terminal."""
    return escaped(json.dumps(value, ensure_ascii=False))
