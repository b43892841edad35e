"""Where things stand: the style sheet, what folds away on narrow terminals, and our looks as Textual's themes."""

from __future__ import annotations

from textual.theme import Theme

from chatctl.tui.render.theme import PALETTES, Palette

ROOMS_FROM = 60
"""Width from which the rooms are shown, unless the user chose otherwise."""

PEOPLE_FROM = 90
BOTH_FROM = 64
"""Columns from which both sides may be shown together."""

SIDE = 18
"""Columns of a side, its line included."""

CSS = f"""
Screen {{ background: $background; color: $foreground; layers: base; }}
#topic, #status {{ height: 1; }}
#middle {{ height: 1fr; }}
#rooms {{ width: {SIDE}; border-right: solid $line; }}
#people {{ width: {SIDE}; border-left: solid $line; }}
#messages {{ width: 1fr; height: 1fr; }}
#writing {{ height: auto; max-height: 6; }}
#prompt {{ width: auto; height: 1; color: $quiet; padding: 0 0 0 1; }}
#line {{ width: 1fr; height: auto; max-height: 6; border: none; padding: 0; background: $background; }}
#line:focus {{ border: none; }}
#line .text-area--placeholder {{ color: $foreground; text-style: dim; }}
.box .input--placeholder {{ color: $foreground; text-style: dim; }}
.hidden {{ display: none; }}
ModalScreen {{ align: center middle; background: $background 60%; }}
ModalScreen:ansi {{ background: transparent; }}
.box {{ width: 64; max-width: 100%; height: auto; max-height: 90%; border: round $accent; padding: 0 1;
        background: $background; border-title-color: $foreground; border-subtitle-color: $quiet; }}
.wide {{ width: 90; }}
.box Input {{ border: none; padding: 0; margin: 1 0 0 0; background: $background; }}
.box Input:focus {{ border: none; }}
.box .trouble {{ color: $error; }}
.box Static {{ height: auto; background: $background; }}
#search {{ width: 90%; max-width: 110; height: 80%; }}
#search Input {{ margin: 0; }}
#found {{ color: $quiet; }}
#hits {{ height: 1fr; }}
"""


def themes() -> list[Theme]:
    """Return one Textual theme for each palette."""
    return [_theme(palette) for palette in PALETTES.values()]


def theme_name(look: str) -> str:
    """Return the Textual theme of one of our themes."""
    return f"chatctl-{look}"


def _theme(palette: Palette) -> Theme:
    if not palette.background:
        return Theme(
            name=theme_name(palette.name),
            ansi=True,
            primary="ansi_blue", secondary="ansi_cyan", warning="ansi_yellow", error="ansi_red", success="ansi_green",
            accent="ansi_cyan", foreground="ansi_default", background="ansi_default", surface="ansi_default",
            panel="ansi_default", boost="ansi_default",
            variables={
                "ansi-background": "ansi_black", "ansi-foreground": "ansi_white",
                "block-cursor-foreground": "ansi_black", "block-cursor-background": "ansi_white",
                "screen-selection-background": "ansi_bright_blue", "screen-selection-foreground": "ansi_black",
                "line": "ansi_bright_black", "quiet": "ansi_bright_black",
                "border-blurred": "ansi_bright_black",
                "input-cursor-text-style": "reverse",
                "input-cursor-background": "ansi_default", "input-cursor-foreground": "ansi_default",
                "input-selection-background": "ansi_bright_blue", "input-selection-foreground": "ansi_black",
            },
        )  # fmt: skip
    return Theme(
        name=theme_name(palette.name),
        dark=palette.name == "dark",
        primary=palette.accent, secondary=palette.accent, warning=palette.mention, error=palette.trouble,
        success=palette.good, accent=palette.accent, foreground=palette.foreground, background=palette.background,
        surface=palette.background, panel=palette.background, boost=palette.background,
        variables={"line": palette.line, "quiet": palette.quiet},
    )  # fmt: skip
