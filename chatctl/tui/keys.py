"""The keys, as one table: what the screen listens to, and what F1 shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeyBinding:
    """A key binding. `keys`: Textual's names; `shown` and `about`: the texts of F1; without `action` the input
    handles it."""

    keys: str
    action: str
    shown: str
    about: str


KEY_BINDINGS: tuple[KeyBinding, ...] = (
    KeyBinding("", "", "Enter", "say it"),
    KeyBinding("", "", "Alt-Enter", "a new line"),
    KeyBinding("", "", "Tab", "complete a name, a room or a command"),
    KeyBinding("", "", "Up, Down", "what you said before"),
    KeyBinding("", "", "Ctrl-U", "clear the input"),
    KeyBinding("pageup", "page(-1)", "PgUp", "earlier messages"),
    KeyBinding("pagedown", "page(1)", "PgDn", "later"),
    KeyBinding("ctrl+end", "now", "Ctrl-End, Esc", "back to now"),
    KeyBinding("ctrl+n", "step(1)", "Ctrl-N", "the next room"),
    KeyBinding("ctrl+p", "step(-1)", "Ctrl-P", "the room before"),
    KeyBinding("alt+a", "active", "Alt-A", "where something is unread"),
    *(
        KeyBinding(f"alt+{digit}", f"buffer({digit})", "Alt-1 to Alt-9" if digit == 1 else "", "that room")
        for digit in range(1, 10)
    ),
    KeyBinding("ctrl+f", "search", "Ctrl-F", "search"),
    KeyBinding("f7", "rooms", "F7", "show or hide the rooms"),
    KeyBinding("f8", "people", "F8", "show or hide the people"),
    KeyBinding("ctrl+x", "editor", "Ctrl-X", "write in your editor"),
    KeyBinding("ctrl+l", "redraw", "Ctrl-L", "draw the screen again"),
    KeyBinding("f1", "keys", "F1", "these keys"),
    KeyBinding("ctrl+c", "interrupt", "Ctrl-C twice", "leave"),
    KeyBinding("ctrl+d", "end", "Ctrl-D", "leave, if the input is empty"),
)

ALSO = (
    "/help shows the commands. With the mouse: click a room, a name or a link; the wheel scrolls. To select text with "
    "the mouse hold Shift (in some terminals Option or Fn)."
)


def help_rows() -> list[tuple[str, str]]:
    """(keys, what they do), for people."""
    return [(key.shown, key.about) for key in KEY_BINDINGS if key.shown]
