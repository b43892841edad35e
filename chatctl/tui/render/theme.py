"""Colours and weights: three themes, each a table of styles.

Invariants:

- [terminal-colours] `terminal` uses the terminal's own background, and its own sixteen colours unless that is light
  (`background`); `dark` and `light` have their own.
- [name-colour] A name has the same colour everywhere and always: it depends on the folded name alone.
- [contrast] Every name colour has a contrast of at least 4.5 on its theme's background (WCAG 2, AA), checked by a test.
  The terminal's own colours are its owner's choice.
- [not-colour-alone] No information is in colour alone: everything has a sign, buffer or word too.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from functools import lru_cache

from rich.style import Style


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a theme. Empty `background`: the terminal's own."""

    name: str
    background: str
    foreground: str
    quiet: str
    line: str
    accent: str
    good: str
    trouble: str
    mention: str
    code: str
    names: tuple[str, ...]
    theme: str
    """The Textual theme that widgets of Textual's own take."""


PALETTES: dict[str, Palette] = {
    "terminal": Palette(
        name="terminal",
        background="",
        foreground="default",
        quiet="",  # dim
        line="",
        accent="cyan",
        good="green",
        trouble="red",
        mention="yellow",
        code="cyan",
        names=(
            "red", "green", "yellow", "magenta", "cyan", "bright_red", "bright_green", "bright_magenta", "bright_cyan",
        ),
        theme="ansi-dark",
    ),
    "dark": Palette(
        name="dark",
        background="#14171c",
        foreground="#d9dde3",
        quiet="#8b94a1",
        line="#3a414c",
        accent="#6cb6ff",
        good="#7ee29a",
        trouble="#ff8a80",
        mention="#ffd479",
        code="#9fd6c8",
        names=(
            "#ff9e9e", "#ffb86b", "#f2d06b", "#b8d968", "#7ddc9b", "#66d9cf", "#6fc3ff", "#93a9ff",
            "#bfa0ff", "#e39bff", "#ff9bd2", "#d8b08c",
        ),
        theme="textual-dark",
    ),
    "light": Palette(
        name="light",
        background="#fbfbf9",
        foreground="#23272e",
        quiet="#656d78",
        line="#cfd3d8",
        accent="#0b62c4",
        good="#14713a",
        trouble="#b3261e",
        mention="#8a5a00",
        code="#0d6a5b",
        names=(
            "#b3261e", "#9a4a00", "#7a5b00", "#4d6a00", "#14713a", "#006a63", "#00639b", "#3355c0",
            "#6a3fc0", "#8b2fa8", "#a8256f", "#7a4f2a",
        ),
        theme="textual-light",
    ),
}  # fmt: skip

DEFAULT = "terminal"

ON_LIGHT = replace(PALETTES["light"], name="terminal", background="", foreground="default", line="")
"""The terminal's own look where its background is known to be light: its usual green, yellow and cyan cannot be read
there."""


class ThemeStyles:
    """The styles of one palette, computed once."""

    def __init__(self, palette: Palette) -> None:
        self.palette = palette
        back = palette.background or None
        self.plain = Style(color=palette.foreground, bgcolor=back) if back else Style()
        self.quiet = self.plain + (Style(color=palette.quiet) if palette.quiet else Style(dim=True))
        self.line = self.plain + (Style(color=palette.line) if palette.line else Style(dim=True))
        self.accent = self.plain + Style(color=palette.accent)
        self.good = self.plain + Style(color=palette.good)
        self.trouble = self.plain + Style(color=palette.trouble)
        self.mention = self.plain + Style(color=palette.mention, bold=True)
        self.bold = self.plain + Style(bold=True)
        self.chosen = self.plain + Style(bold=True, reverse=not palette.background)
        if palette.background:
            self.chosen = Style(color=palette.background, bgcolor=palette.accent, bold=True)
        self.code = self.plain + Style(color=palette.code)
        light = palette is ON_LIGHT or palette.name == "light"
        self.irc = tuple(self.plain + Style(color=_ON_LIGHT.get(name, name) if light else name) for name in _IRC)

    def name(self, folded: str) -> Style:
        """Return the style of a user's name ([name-colour])."""
        return _name_style(self, folded)


@lru_cache(maxsize=4096)
def _name_style(ink: ThemeStyles, folded: str) -> Style:
    names = ink.palette.names
    return ink.plain + Style(color=names[zlib.crc32(folded.encode(errors="replace")) % len(names)], bold=True)


# IRC's first sixteen colours, as the nearest of a terminal's sixteen; white and black stay readable on any background.
_IRC = (
    "default", "default", "blue", "green", "bright_red", "red", "magenta", "yellow",
    "bright_yellow", "bright_green", "cyan", "bright_cyan", "bright_blue", "bright_magenta", "bright_black", "white",
)  # fmt: skip

_ON_LIGHT = {
    "green": "#14713a", "bright_green": "#14713a", "yellow": "#8a5a00", "bright_yellow": "#8a5a00", "cyan": "#006a63",
    "bright_cyan": "#006a63", "bright_red": "#b3261e", "bright_blue": "#0b62c4", "white": "bright_black",
}  # fmt: skip


@lru_cache(maxsize=8)
def ink(name: str, light: bool = False) -> ThemeStyles:
    """Return the styles of a theme; the default one for an unknown name. `light`: the terminal's background is
    light."""
    palette = PALETTES.get(name, PALETTES[DEFAULT])
    return ThemeStyles(ON_LIGHT if light and not palette.background else palette)
