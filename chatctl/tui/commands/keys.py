"""The keys, as one table: what the screen listens to, and what F1 shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """`keys` as Textual names them; `shown` and `about` as F1 shows them; without `action` it is the input's own."""

    keys: str
    action: str
    shown: str
    about: str


KEYS: tuple[Key, ...] = (
    Key("", "", "Enter", "say it"),
    Key("", "", "Alt-Enter", "a new line"),
    Key("", "", "Tab", "complete a name, a room or a command"),
    Key("", "", "Up, Down", "what you said before"),
    Key("", "", "Ctrl-U", "clear the input"),
    Key("pageup", "page(-1)", "PgUp", "earlier messages"),
    Key("pagedown", "page(1)", "PgDn", "later"),
    Key("ctrl+end", "now", "Ctrl-End, Esc", "back to now"),
    Key("ctrl+n", "step(1)", "Ctrl-N", "the next room"),
    Key("ctrl+p", "step(-1)", "Ctrl-P", "the room before"),
    Key("alt+a", "active", "Alt-A", "where something is unread"),
    *(
        Key(f"alt+{digit}", f"place({digit})", "Alt-1 to Alt-9" if digit == 1 else "", "that room")
        for digit in range(1, 10)
    ),
    Key("ctrl+f", "search", "Ctrl-F", "search"),
    Key("f7", "rooms", "F7", "show or hide the rooms"),
    Key("f8", "people", "F8", "show or hide the people"),
    Key("ctrl+x", "editor", "Ctrl-X", "write in your editor"),
    Key("ctrl+l", "redraw", "Ctrl-L", "draw the screen again"),
    Key("f1", "keys", "F1", "these keys"),
    Key("ctrl+c", "interrupt", "Ctrl-C twice", "leave"),
    Key("ctrl+d", "end", "Ctrl-D", "leave, if the input is empty"),
)

ALSO = (
    "/help shows the commands. With the mouse: click a room, a name or a link; the wheel scrolls. To select text with "
    "the mouse hold Shift (in some terminals Option or Fn)."
)


def help_rows() -> list[tuple[str, str]]:
    """(keys, what they do), for people."""
    return [(key.shown, key.about) for key in KEYS if key.shown]
