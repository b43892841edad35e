"""Colours can be read (chatctl/tui/render/theme)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chatctl.tui.render.theme import ON_LIGHT, PALETTES, Palette, ink

OWN = [palette for palette in PALETTES.values() if palette.background]
OWN.append(replace(ON_LIGHT, name="terminal, light", background="#ffffff", foreground="#000000"))


def luminance(colour: str) -> float:
    """WCAG 2's relative luminance of ``#rrggbb``."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", OWN, ids=lambda palette: palette.name)
def test_names_and_words_have_enough_contrast(palette: Palette) -> None:
    words = (palette.foreground, palette.quiet, palette.accent, palette.good, palette.trouble, palette.mention)
    for colour in (*palette.names, *words, palette.code):
        assert contrast(colour, palette.background) >= 4.5, colour


def test_name_always_has_the_same_colour() -> None:
    look = ink("dark")
    assert look.name("ann") is look.name("ann")
    assert len({look.name(f"user{number}").color for number in range(100)}) > 6


def test_unknown_theme_is_the_default_one() -> None:
    assert ink("nonsense").palette.name == "terminal"
