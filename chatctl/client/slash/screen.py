"""The interface between typed commands, screen and client, and queries that several commands share."""

from __future__ import annotations

from typing import Protocol

from chatctl.client.errors import InputError
from chatctl.client.events.base import Kind


class CommandClient(Protocol):
    """The part of a client that the commands need; :class:`chatctl.client.client.Client` implements it."""

    @property
    def name(self) -> str: ...
    @property
    def rooms(self) -> tuple[str, ...]: ...
    @property
    def ignored(self) -> tuple[str, ...]: ...

    def is_room(self, target: str) -> bool: ...
    def room_of(self, name: str) -> str | None: ...
    def join(self, room: str, key: str = "") -> None: ...
    def part(self, room: str, reason: str = "") -> None: ...
    def rename(self, name: str) -> None: ...
    def topic(self, room: str, text: str | None = None) -> None: ...
    def names(self, room: str) -> None: ...
    def who(self, mask: str) -> None: ...
    def whois(self, name: str) -> None: ...
    def away(self, text: str = "") -> None: ...
    def ignore(self, name: str) -> bool: ...
    def react(self, target: str, id: str, reaction: str, *, remove: bool = False) -> None: ...
    def delete(self, target: str, id: str, reason: str = "") -> None: ...
    def send_raw(self, command: str, *params: str) -> None: ...


class CommandScreen(Protocol):
    """A place to type commands: the current target, output, and how to leave."""

    @property
    def client(self) -> CommandClient:
        """The client."""

    @property
    def here(self) -> str:
        """The room or user that a plain line is sent to, or empty."""

    def say(self, target: str, text: str, kind: Kind = "message", reply: str = "") -> None:
        """Say something, so that it is seen that it is on its way; `reply`: the id of the message it answers."""

    def said(self, count: int, name: str = "") -> str | None:
        """Return the id of the `count`-th last message here (1 is the last), of one sender if a name is given."""

    def go(self, target: str) -> None:
        """Make this room or conversation current."""

    def show(self, text: str) -> None:
        """Tell the user something, in lines."""

    def do(self, what: str, rest: str) -> None:
        """Carry out a command of the screen: history, search, notify, theme, plain, resend. Raises InputError."""

    def leave(self, reason: str) -> None:
        """End."""


def room_here(screen: CommandScreen) -> str:
    """Return the current target. Raises InputError if there is none."""
    if not screen.here:
        raise InputError("You are in no room; name one, as in #lobby")
    return screen.here


def named_room(screen: CommandScreen, word: str) -> str | None:
    """Return the room that a word names: its sign may be left out, as in /join, where the room is one of ours. Not for
    the first word of a text, which may begin with anything."""
    if not word or screen.client.is_room(word):
        return word
    return screen.client.room_of(f"#{word}")


def counted(rest: str) -> tuple[int, str]:
    """``3 words`` as (3, "words"): which message from the end; without a number the last one."""
    first, _, others = rest.partition(" ")
    if first.isascii() and first.isdigit() and 0 < len(first) < len("10000"):
        return max(1, int(first)), others.strip()
    return 1, rest


def message(screen: CommandScreen, count: int, name: str = "") -> str:
    """Return the id of a message here. Raises InputError if none matches."""
    found = screen.said(count, name)
    if found is None:
        whose = " of yours" if name and name == screen.client.name else f" by {name}" if name else ""
        raise InputError(f"There is no such message{whose} here; 1 is the last one, 2 the one before it")
    return found
