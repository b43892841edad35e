"""Detects whether the terminal's own background is light or dark.

Invariants:

- [no-wait] The terminal is asked by OSC 11 (xterm's ctlseqs, "Operating System Commands"), without waiting: the screen
  is drawn as COLORFGBG says, or for a dark one, and drawn again if the answer differs.
- [not-keys] An answer never gets among the keys, however late or fragmented it is: input passes through
  :class:`TerminalAnswers` first. If that is not possible, the terminal is not asked.
- [skip-unsafe] Terminals that may display the question are not asked (the consoles of Linux and others, dumb ones).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from textual.message import Message

QUESTION = "\x1b]11;?\x07"

_ASKED = (
    "xterm", "tmux", "screen", "rxvt", "alacritty", "kitty", "foot", "wezterm", "ghostty", "st", "vte", "konsole",
    "contour", "mintty", "iterm", "gnome", "putty",
)  # fmt: skip
_ANSWER = re.compile(r"\x1b\]11;([^\x07\x1b]{0,60})(?:\x07|\x1b\\)|^\]11;(rgba?:[^\x07\x1b]{0,60})(?:\x07|\x1b\\)")
_COLOUR = re.compile(r"(?:rgba?:|#)([0-9a-fA-F]{1,4})/?([0-9a-fA-F]{1,4})/?([0-9a-fA-F]{1,4})")
_BEGUN = re.compile(r"\x1b\](?:1(?:1(?:;[^\x07\x1b]{0,60}\x1b?)?)?)?\Z")
_MIDDLE = 0.4
"""Lightness from which dark letters are read better than light ones; nearly all backgrounds are far from it."""


class Background(Message):
    """The terminal has reported its background colour."""

    def __init__(self, light: bool) -> None:
        super().__init__()
        self.light = light


def guessed(environ: Mapping[str, str]) -> bool:
    """Return whether the background is light according to COLORFGBG, whose last part is its number."""
    last = environ.get("COLORFGBG", "").rpartition(";")[2]
    return last.isdigit() and int(last) in (7, *range(9, 16))


def may_be_asked(environ: Mapping[str, str]) -> bool:
    """Return whether the terminal can be asked safely ([skip-unsafe])."""
    return environ.get("TERM", "").startswith(_ASKED)


def is_light(colour: str) -> bool | None:
    """Return whether ``rgb:ffff/ffff/ffff`` is light; None if it is not a valid colour. Each part has one to four
    digits."""
    found = _COLOUR.match(colour)
    if found is None:
        return None
    red, green, blue = (int(part, 16) / (16 ** len(part) - 1) for part in found.groups())
    lightness: float = 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2
    return lightness >= _MIDDLE


class TerminalAnswers:
    """Removes the terminal's answers to queries from its input."""

    def __init__(self) -> None:
        self._held = ""

    def take(self, data: str) -> tuple[str, list[str]]:
        """Return the rest of `data`, and the answers in it; an incomplete answer is held back until it ends."""
        data, self._held = self._held + data, ""
        found = [first or second for first, second in _ANSWER.findall(data)]
        data = _ANSWER.sub("", data)
        begun = _BEGUN.search(data)
        if begun is not None:
            data, self._held = data[: begun.start()], begun[0]
        return data, found


_ESC, _PASTE, _PASTE_END = "\x1b", "\x1b[200~", "\x1b[201~"


class BracketedPastes:
    """Removes ESC from bracketed pastes.

    Textual reads ESC inside a paste as the beginning of a sequence, and the rest as keys: a pasted text could press
    Enter.
    """

    def __init__(self) -> None:
        self._before = ""
        """The end of the output so far: a paste may begin there."""
        self._pasted: str | None = None
        """The part of an unfinished paste."""

    def take(self, data: str) -> str:
        """Return the input to pass on. A paste is held back until it is complete."""
        passed: list[str] = []
        while data:
            if self._pasted is None:
                known = len(self._before)
                at = (self._before + data).find(_PASTE)
                end = at + len(_PASTE) - known if at >= 0 else len(data)
                passed.append(data[:end])
                self._before = (self._before + data)[1 - len(_PASTE) :] if at < 0 else ""
                self._pasted = "" if at >= 0 else None
                data = data[end:]
            else:
                look_from = max(0, len(self._pasted) - len(_PASTE_END))
                self._pasted += data
                at = self._pasted.find(_PASTE_END, look_from)
                if at < 0:
                    break
                passed.append(f"{self._pasted[:at].replace(_ESC, '')}{_PASTE_END}")
                data, self._pasted = self._pasted[at + len(_PASTE_END) :], None
        return "".join(passed)


def listen() -> bool:
    """Filter all later input of Textual ([not-keys]). Idempotent; return False if that is not possible."""
    try:
        from textual.drivers import linux_driver as driver
    except ImportError:
        return False
    base: Any = getattr(driver, "XTermParser", None)
    if base is None:
        return False
    if getattr(base, "hears_of_the_ground", False):
        return True

    class Parser(base):  # type: ignore[misc]
        """Textual's parser, which also reports the background colour."""

        hears_of_the_ground = True
        _answers: TerminalAnswers | None = None
        _pastes: BracketedPastes | None = None

        def feed(self, data: str) -> Iterable[Message]:
            if not data:  # the end
                yield from super().feed(data)
                return
            self._answers = self._answers or TerminalAnswers()
            rest, answers = self._answers.take(data)
            self._pastes = self._pastes or BracketedPastes()
            rest = self._pastes.take(rest)
            if rest:
                yield from super().feed(rest)
            for light in map(is_light, answers):
                if light is not None:
                    yield Background(light)

    driver.XTermParser = Parser  # type: ignore[attr-defined]
    return True
