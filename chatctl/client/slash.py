"""The commands that people type, as one table for every screen.

The rules of this file:

1. A line that starts with ``/`` is a command; ``//text`` says ``/text``. Anything else is said where one is.
2. A command nobody knows is never said: it is answered with the nearest one that exists.
3. The table is all there is: its rows are what `/help` prints and what a screen completes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from chatctl.client.refusals import InputError

LONGEST = 12
"""Letters of the longest command name: a first word that is longer is a path or a slip, not a command to guess at."""


class Speaker(Protocol):
    """What the commands need of a client; :class:`chatctl.client.client.Client` is one."""

    @property
    def rooms(self) -> tuple[str, ...]: ...

    def is_room(self, target: str) -> bool: ...
    def room_of(self, name: str) -> str | None: ...
    def say(self, target: str, text: str) -> object: ...
    def act(self, target: str, text: str) -> object: ...
    def join(self, room: str, key: str = "") -> None: ...
    def part(self, room: str, reason: str = "") -> None: ...
    def rename(self, name: str) -> None: ...
    def topic(self, room: str, text: str | None = None) -> None: ...
    def names(self, room: str) -> None: ...
    def who(self, mask: str) -> None: ...
    def away(self, text: str = "") -> None: ...


class Screen(Protocol):
    """Where commands are typed: what a line goes to, what is shown, how one leaves."""

    @property
    def client(self) -> Speaker:
        """Who talks."""

    @property
    def here(self) -> str:
        """The room or person that a plain line goes to; empty where there is none."""

    def go(self, target: str) -> None:
        """Be in this room or conversation from now on."""

    def show(self, text: str) -> None:
        """Tell the user something, in lines."""

    def leave(self, reason: str) -> None:
        """End."""


@dataclass(frozen=True, slots=True)
class Slash:
    """One row: `arguments` as help shows them, `about` one line, `run(screen, rest of the line)`."""

    name: str
    arguments: str
    about: str
    run: Callable[[Screen, str], None]
    aliases: tuple[str, ...] = ()

    @property
    def usage(self) -> str:
        """``/msg NAME TEXT``"""
        return f"/{self.name} {self.arguments}".rstrip()


def is_text(line: str) -> bool:
    """Whether a typed line is something to say, not a command and not blank (rule 1)."""
    return bool(line.strip()) and (line[0] != "/" or line[:2] == "//")


def run(screen: Screen, line: str) -> None:
    """Do what a typed line asks for. Raises ChatctlError where it cannot; the text is for the user."""
    if not line.strip():
        return
    if is_text(line):
        _say(screen, line[1:] if line[0] == "/" else line)
        return
    word, _, rest = line[1:].partition(" ")
    row = BY_NAME.get(word.lower())
    if row is None:
        raise InputError(unknown(word))
    row.run(screen, rest.strip())


def unknown(word: str) -> str:
    """What to say about a command that does not exist."""
    import difflib

    near = difflib.get_close_matches(word.lower()[: LONGEST * 2], BY_NAME, n=1) if word else []
    shown = f"/{word}" if len(word) <= LONGEST * 2 else f"/{word[:LONGEST]}..."
    guess = f"did you mean /{near[0]}?" if near else "/help shows them all."
    return f"There is no command {shown}; {guess} To say a line that starts with a slash, type two: //"


def _say(screen: Screen, text: str) -> None:
    if not screen.here:
        raise InputError("You are in no room. /join #lobby enters one")
    screen.client.say(screen.here, text)


def _help(screen: Screen, rest: str) -> None:
    word = rest.removeprefix("/").lower()
    if not word:
        width = max(len(row.usage) for row in SLASHES)
        screen.show("\n".join(f"{row.usage:{width}}  {row.about}" for row in SLASHES))
        return
    row = BY_NAME.get(word)
    if row is None:
        raise InputError(unknown(word))
    aliases = "".join(f", /{alias}" for alias in row.aliases)
    screen.show(f"{row.usage}{aliases}\n{row.about}")


def _me(screen: Screen, rest: str) -> None:
    _need(rest, "me")
    if not screen.here:
        raise InputError("You are in no room. /join #lobby enters one")
    screen.client.act(screen.here, rest)


def _msg(screen: Screen, rest: str) -> None:
    target, _, text = rest.partition(" ")
    _need(text.strip(), "msg")
    screen.client.say(target, text)


def _nick(screen: Screen, rest: str) -> None:
    _need(rest, "nick")
    screen.client.rename(rest)


def _names(screen: Screen, rest: str) -> None:
    screen.client.names(_named_room(screen, rest) or rest or _room_here(screen))


def _topic(screen: Screen, rest: str) -> None:
    first, _, others = rest.partition(" ")
    room = _named_room(screen, first)
    if room:
        screen.client.topic(room, others.strip() or None)
    else:
        screen.client.topic(_room_here(screen), rest or None)


def _join(screen: Screen, rest: str) -> None:
    room, _, key = rest.partition(" ")
    _need(room, "join")
    if not screen.client.is_room(room):
        room = f"#{room}"
    ours = screen.client.room_of(room)
    if ours is None:
        screen.client.join(room, key.strip())
    screen.go(ours or room)


def _part(screen: Screen, rest: str) -> None:
    first, _, others = rest.partition(" ")
    room = _named_room(screen, first)
    if room:
        screen.client.part(room, others.strip())
    else:
        screen.client.part(_room_here(screen), rest)


def _who(screen: Screen, rest: str) -> None:
    screen.client.who(rest or _room_here(screen))


def _away(screen: Screen, rest: str) -> None:
    screen.client.away(rest)


def _quit(screen: Screen, rest: str) -> None:
    screen.leave(rest)


def _need(text: str, name: str) -> None:
    if not text:
        raise InputError(f"Type it like this: {BY_NAME[name].usage}")


def _named_room(screen: Screen, word: str) -> str | None:
    """The room that a first word names: its sign may be left out, as in /join, where the room is one of ours."""
    if not word or screen.client.is_room(word):
        return word
    return screen.client.room_of(f"#{word}")


def _room_here(screen: Screen) -> str:
    if not screen.here:
        raise InputError("You are in no room; name one, as in #lobby")
    return screen.here


SLASHES: tuple[Slash, ...] = (
    Slash("help", "[COMMAND]", "Show all commands, or one.", _help),
    Slash("me", "TEXT", "Say what you do: /me waves.", _me),
    Slash("msg", "NAME TEXT", "Say something to one person, or to another room.", _msg),
    Slash("nick", "NAME", "Change your name.", _nick),
    Slash("names", "[#ROOM]", "Show who is in the room.", _names),
    Slash("topic", "[#ROOM] [TEXT]", "Show the room's topic, or set it.", _topic),
    Slash("join", "#ROOM", "Enter a room, or go to one you are in.", _join),
    Slash("part", "[#ROOM] [REASON]", "Leave the room.", _part, ("leave",)),
    Slash("who", "[NAME or #ROOM]", "Show more about people.", _who),
    Slash("away", "[REASON]", "Be marked as away; without a reason: be back.", _away),
    Slash("quit", "[REASON]", "Leave the chat.", _quit, ("exit",)),
)

BY_NAME: dict[str, Slash] = {name: row for row in SLASHES for name in (row.name, *row.aliases)}
