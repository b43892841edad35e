"""Room modes and user modes, as tables (modern.ircdocs.horse, "Modes")."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ModeClass(Enum):
    """Definition of a room mode, in the order of CHANMODES' four classes; member modes are in PREFIX instead."""

    LIST = "a list; a parameter adds or removes one"
    ALWAYS = "a parameter to set and to unset"
    SETTING = "a parameter to set, none to unset"
    FLAG = "on or off"
    PREFIX = "a member's standing; the parameter is a nick"


@dataclass(frozen=True, slots=True)
class RoomMode:
    """One row. `bit` and `symbol` are for PREFIX modes: the member's bit, and what stands before the nick."""

    letter: str
    kind: ModeClass
    meaning: str
    bit: int = 0
    symbol: str = ""


OPERATOR = 2
VOICE = 1

ROOM_MODES: dict[str, RoomMode] = {
    row.letter: row
    for row in (
        RoomMode("o", ModeClass.PREFIX, "operator of the room", OPERATOR, "@"),
        RoomMode("v", ModeClass.PREFIX, "may speak where only some may", VOICE, "+"),
        RoomMode("b", ModeClass.LIST, "bans: those it means may not come in, nor speak"),
        RoomMode("e", ModeClass.LIST, "exceptions to the bans"),
        RoomMode("I", ModeClass.LIST, "users who need no invitation"),
        RoomMode("k", ModeClass.ALWAYS, "a key that one must give to come in"),
        RoomMode("l", ModeClass.SETTING, "how many may be in the room"),
        RoomMode("C", ModeClass.FLAG, "no CTCP but /me"),
        RoomMode("M", ModeClass.FLAG, "only users with an account may speak"),
        RoomMode("R", ModeClass.FLAG, "only users with an account may join"),
        RoomMode("c", ModeClass.FLAG, "no colours"),
        RoomMode("i", ModeClass.FLAG, "only invited users may join"),
        RoomMode("m", ModeClass.FLAG, "only operators and those with a voice may speak"),
        RoomMode("n", ModeClass.FLAG, "only those in the room may write to it"),
        RoomMode("s", ModeClass.FLAG, "the room is not shown to those outside"),
        RoomMode("t", ModeClass.FLAG, "only operators may set the topic"),
    )
}

PREFIXES: tuple[RoomMode, ...] = tuple(row for row in ROOM_MODES.values() if row.kind is ModeClass.PREFIX)
"""Highest first, as PREFIX in ISUPPORT lists them."""

NEW_ROOM = frozenset("nt")

CLOSED = frozenset("iRs")
"""Flags of rooms that are not open: only members read their messages. A key has the same effect."""

SPEECH = frozenset("CMcm")
"""Flags that restrict what may be said, and by whom."""

SERVER_OPERATOR = "o"
BOT = "B"
"""The user mode of bots (BOT in ISUPPORT; ircv3.net/specs/extensions/bot-mode)."""
WALLOPS = "w"

USER_MODES: dict[str, str] = {
    BOT: "is a bot (ircv3.net/specs/extensions/bot-mode)",
    "i": "listed only to users who share a room with you",
    SERVER_OPERATOR: "operator of the server; OPER gives it, MODE only takes it away",
    WALLOPS: "reads what operators of the server write to all (WALLOPS)",
}


def symbols(standing: int, *, every: bool) -> str:
    """Return the prefix of a member's nick: the highest symbol, or all of them (multi-prefix)."""
    if not standing:
        return ""
    held = "".join(row.symbol for row in PREFIXES if standing & row.bit)
    return held if every else held[:1]


def chanmodes() -> str:
    """Return the value of CHANMODES in ISUPPORT: the letters of the four classes."""
    classes = (ModeClass.LIST, ModeClass.ALWAYS, ModeClass.SETTING, ModeClass.FLAG)
    return ",".join("".join(row.letter for row in ROOM_MODES.values() if row.kind is kind) for kind in classes)


def prefix() -> str:
    """Return the value of PREFIX in ISUPPORT: ``(ov)@+``."""
    return f"({''.join(row.letter for row in PREFIXES)}){''.join(row.symbol for row in PREFIXES)}"
