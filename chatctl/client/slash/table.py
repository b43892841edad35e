"""The typed commands, as one table for all screens.

Invariants:

- [slash] A line that starts with ``/`` is a command; ``//text`` sends ``/text``. Other lines are messages.
- [never-sent] An unknown command is never sent as text: the nearest existing one is suggested, unless that would end
  the chat.
- [one-table] Its rows are printed by `/help`, completed by a screen, and used for hints.
- [split] What a command does is in `actions`; what it needs of a screen in :mod:`chatctl.client.slash.screen`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from chatctl.client.errors import InputError
from chatctl.client.slash import actions as do
from chatctl.client.slash.screen import CommandClient, CommandScreen

__all__ = ["CommandClient", "CommandScreen"]

MAX_SUGGESTION_CHARACTERS = 12
"""Letters of the longest command name: a first word that is longer is a path or a slip, not a command to guess at."""


_NEVER_GUESSED = ("quit",)
"""Commands that are not suggested for a slip, since following the suggestion would end the chat."""


_REGISTER = "register"
_LOGIN_WORDS = frozenset({"account", "auth", "identify", "login", "passwd", "password", "pass", "reg"})
"""Commands of other programs that are followed by a password."""
_LEAST_BEGUN = 3
"""Letters of an abbreviation."""


@dataclass(frozen=True, slots=True)
class SlashCommand:
    """One row: `arguments` as help shows them, `about` one line, `run(screen, rest of the line)`."""

    name: str
    arguments: str
    about: str
    run: Callable[[CommandScreen, str], None]
    aliases: tuple[str, ...] = ()

    @property
    def usage(self) -> str:
        """``/msg NAME TEXT``"""
        return f"/{self.name} {self.arguments}".rstrip()


def is_text(line: str) -> bool:
    """Return whether a typed line is a message: not a command, not blank ([slash])."""
    return bool(line.strip()) and (line[0] != "/" or line[:2] == "//")


def asks_password(line: str) -> bool:
    """Return whether a typed line is a command that asks for a password, or was meant to be one (a slip, /login)."""
    if line[:1] != "/" or is_text(line):
        return False
    word = line[1:].partition(" ")[0].lower()
    row = BY_NAME.get(word)
    if row is not None:
        return row.name == _REGISTER
    begun = len(word) >= _LEAST_BEGUN and _REGISTER.startswith(word)
    return begun or word in _LOGIN_WORDS or _near_name(word) == _REGISTER


def run(screen: CommandScreen, line: str) -> None:
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
    try:
        row.run(screen, rest.strip())
    except do.MissingError:
        raise InputError(f"Type it like this: {row.usage}") from None


def unknown(word: str) -> str:
    """Return the error for an unknown command."""
    shown, guess = _near(word)
    return f"The command {shown} does not exist; {guess} To send a line that starts with a slash, type two: //"


def _near(word: str) -> tuple[str, str]:
    """Return an unknown command as it is shown, and the suggestion."""
    near = _near_name(word)
    shown = f"/{word}" if len(word) <= MAX_SUGGESTION_CHARACTERS * 2 else f"/{word[:MAX_SUGGESTION_CHARACTERS]}..."
    return shown, f"did you mean /{near}?" if near else "/help shows them all."


def _near_name(word: str) -> str:
    """Return the name of a command that may have been meant, or ``""``."""
    import difflib

    likely = (name for name, row in BY_NAME.items() if row.name not in _NEVER_GUESSED)
    near = difflib.get_close_matches(word.lower()[: MAX_SUGGESTION_CHARACTERS * 2], likely, n=1) if word else []
    return near[0] if near else ""


def _slip(word: str) -> str:
    """Return the hint for an unknown command while it is typed; narrow screens show its beginning."""
    shown, guess = _near(word)
    return f"No command {shown}; {guess} To say it, type //"


def hint(line: str) -> str:
    """Return the hint while a line is typed: matching commands, or the syntax of the command."""
    if line[:1] != "/" or line[:2] == "//":
        return ""
    word, space, _ = line[1:].partition(" ")
    row = BY_NAME.get(word.lower())
    if space:
        return f"{row.usage}  {row.about}" if row is not None else _slip(word)
    start = word.lower()
    fitting = [found for found in SLASHES if any(name.startswith(start) for name in (found.name, *found.aliases))]
    if row is not None and len(fitting) <= 1:
        return f"{row.usage}  {row.about}"
    return "  ".join(f"/{found.name}" for found in fitting) if fitting else _slip(word)


def _say(screen: CommandScreen, text: str) -> None:
    if not screen.here:
        raise InputError("You are in no room. /join #lobby enters one")
    screen.say(screen.here, text)


def _help(screen: CommandScreen, rest: str) -> None:
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


def _of_screen(what: str) -> Callable[[CommandScreen, str], None]:
    """Return a command that is the screen's own."""
    return partial(_do, what)


def _do(what: str, screen: CommandScreen, rest: str) -> None:
    screen.do(what, rest)


SLASHES: tuple[SlashCommand, ...] = (
    SlashCommand("help", "[COMMAND]", "Show all commands, or one.", _help),
    SlashCommand("join", "#ROOM", "Enter a room, or go to one you are in.", do.join),
    SlashCommand("part", "[#ROOM] [REASON]", "Leave the room, or close the conversation.", do.part, ("leave", "close")),
    SlashCommand("msg", "NAME TEXT", "Say something to one person, or to another room.", do.msg),
    SlashCommand("query", "NAME [TEXT]", "Talk with one person alone.", do.query),
    SlashCommand("me", "TEXT", "Say what you do: /me waves.", do.me),
    SlashCommand("reply", "[N] TEXT", "Answer the last message, or the Nth last one.", do.reply),
    SlashCommand("react", "[N] EMOJI", "React to the last message, or the Nth last: /react 2 +1.", do.react),
    SlashCommand("delete", "[N or NAME] [REASON]", "Take your last or Nth last message back.", do.delete),
    SlashCommand("resend", "", "Send undelivered messages again.", _of_screen("resend")),
    SlashCommand("register", "", "Choose a password, so that your name is yours alone.", _of_screen("register")),
    SlashCommand("nick", "NAME", "Change your name.", do.nick),
    SlashCommand("list", "", "Show the rooms there are.", do.rooms, ("rooms",)),
    SlashCommand("names", "[#ROOM]", "Show who is in the room.", do.names),
    SlashCommand("who", "[NAME or #ROOM]", "Show more about people.", do.who),
    SlashCommand("whois", "NAME", "Show what is known about a user.", do.whois),
    SlashCommand("topic", "[#ROOM] [TEXT]", "Show the room's topic, or set it.", do.topic),
    SlashCommand("search", "[WORDS]", "Search messages.", _of_screen("search")),
    SlashCommand("history", "", "Show earlier messages.", _of_screen("history")),
    SlashCommand("away", "[REASON]", "Be marked as away.", do.away),
    SlashCommand("back", "", "Be back.", do.back),
    SlashCommand("ignore", "[NAME]", "Hide the messages of a user, or show them again.", do.ignore),
    SlashCommand("invite", "NAME [#ROOM]", "Invite a user into the room.", do.invite),
    SlashCommand("kick", "NAME [REASON]", "Remove a user from the room.", do.kick),
    SlashCommand("ban", "NAME [REASON]", "Remove a user from the room and ban them.", do.ban),
    SlashCommand("unban", "NAME", "Lift the ban of a user.", do.unban),
    SlashCommand("mode", "[#ROOM] CHANGE", "Change the room's settings: /mode +m.", do.mode),
    SlashCommand("notify", "[on or off]", "Be alerted when a message has your name.", _of_screen("notify")),
    SlashCommand("typing", "[on or off]", "Let others see when you type.", _of_screen("typing")),
    SlashCommand("theme", "[NAME]", "Change colours: terminal, dark or light.", _of_screen("theme")),
    SlashCommand("save", "WORD", "Keep this server: chatctl join WORD enters again.", _of_screen("save")),
    SlashCommand("plain", "", "Go on line by line, without the full screen.", _of_screen("plain")),
    SlashCommand("raw", "COMMAND", "Send a command of IRC as it is.", do.raw),
    SlashCommand("quit", "[REASON]", "Leave the chat.", do.leave, ("exit",)),
)

BY_NAME: dict[str, SlashCommand] = {name: row for row in SLASHES for name in (row.name, *row.aliases)}
