"""The action of each typed command. Their table is :mod:`chatctl.client.slash.table`.

A function gets the screen and the rest of the line, and raises InputError with a text for the user; for a missing part
it raises `MissingError`, which the table answers with the syntax of the command.
"""

from __future__ import annotations

from chatctl.client.errors import InputError
from chatctl.client.slash.screen import CommandScreen, counted, message, named_room, room_here
from chatctl.protocol.message import parse

_SHORT = {
    "+1": "👍", "-1": "👎", "heart": "❤️", "smile": "😄", "laugh": "😂", "party": "🎉", "eyes": "👀", "ok": "👌",
    "thanks": "🙏", "sad": "😢", "fire": "🔥", "check": "✅",
}  # fmt: skip


class MissingError(InputError):
    """A command was typed without what it needs."""


def need(text: str) -> str:
    """Return `text`; raise MissingError if it is empty."""
    if not text:
        raise MissingError("something is missing")
    return text


# Talking.


def me(screen: CommandScreen, rest: str) -> None:
    need(rest)
    screen.say(room_here(screen), rest, "action")


def msg(screen: CommandScreen, rest: str) -> None:
    target, _, text = rest.partition(" ")
    need(text.strip())
    screen.say(target, text)


def query(screen: CommandScreen, rest: str) -> None:
    name, _, text = need(rest).partition(" ")
    if screen.client.is_room(name):
        raise InputError(f"{name} is a room; /join {name} enters it")
    screen.go(name)
    if text.strip():
        screen.say(name, text.strip())


def reply(screen: CommandScreen, rest: str) -> None:
    count, text = counted(rest)
    screen.say(room_here(screen), need(text), reply=message(screen, count))


def react(screen: CommandScreen, rest: str) -> None:
    first, _, _ = rest.partition(" ")
    count, text = (1, rest) if first in _SHORT else counted(rest)
    screen.client.react(room_here(screen), message(screen, count), _SHORT.get(need(text), text))


def delete(screen: CommandScreen, rest: str) -> None:
    first, _, others = rest.partition(" ")
    if first and not first.isdigit():
        screen.client.delete(room_here(screen), message(screen, 1, first), others.strip())
        return
    count, reason = counted(rest)
    screen.client.delete(room_here(screen), message(screen, count, screen.client.name), reason)


# Rooms.


def join(screen: CommandScreen, rest: str) -> None:
    room, _, key = need(rest).partition(" ")
    if not screen.client.is_room(room):
        room = f"#{room}"
    ours = screen.client.room_of(room)
    if ours is None:
        screen.client.join(room, key.strip())
    screen.go(ours or room)


def part(screen: CommandScreen, rest: str) -> None:
    first, _, others = rest.partition(" ")
    room = first if others and screen.client.is_room(first) else None if others else named_room(screen, first)
    if room:
        screen.client.part(room, others.strip())
        return
    here = room_here(screen)
    if screen.client.is_room(here):
        screen.client.part(here, rest)
    else:
        screen.do("close", here)


def rooms(screen: CommandScreen, rest: str) -> None:
    screen.client.send_raw("LIST")


def names(screen: CommandScreen, rest: str) -> None:
    screen.client.names(named_room(screen, rest) or rest or room_here(screen))


def topic(screen: CommandScreen, rest: str) -> None:
    first, _, others = rest.partition(" ")
    if screen.client.is_room(first):
        screen.client.topic(first, others.strip() or None)
    else:
        screen.client.topic(room_here(screen), rest or None)


def invite(screen: CommandScreen, rest: str) -> None:
    name, _, room = need(rest).partition(" ")
    screen.client.send_raw("INVITE", name, named_room(screen, room.strip()) or room_here(screen))


def kick(screen: CommandScreen, rest: str) -> None:
    name, _, reason = need(rest).partition(" ")
    screen.client.send_raw("KICK", room_here(screen), name, *([reason.strip()] if reason.strip() else []))


def ban(screen: CommandScreen, rest: str) -> None:
    name, _, reason = need(rest).partition(" ")
    room = room_here(screen)
    mask = _mask(name)
    screen.client.send_raw("MODE", room, "+b", mask)
    if mask != name:
        screen.client.send_raw("KICK", room, name, *([reason.strip()] if reason.strip() else []))


def unban(screen: CommandScreen, rest: str) -> None:
    screen.client.send_raw("MODE", room_here(screen), "-b", _mask(need(rest)))


def _mask(name: str) -> str:
    """Return the mask to ban: a mask as typed, or that of a name."""
    return name if any(sign in name for sign in "!@*?$") else f"{name}!*@*"


def mode(screen: CommandScreen, rest: str) -> None:
    words = rest.split()
    if not words or words[0][0] in "+-":
        words.insert(0, room_here(screen))
    screen.client.send_raw("MODE", *words)


# People.


def nick(screen: CommandScreen, rest: str) -> None:
    screen.client.rename(need(rest))


def who(screen: CommandScreen, rest: str) -> None:
    screen.client.who(rest or room_here(screen))


def whois(screen: CommandScreen, rest: str) -> None:
    here = screen.here
    screen.client.whois(need(rest or (here if here and not screen.client.is_room(here) else "")))


def away(screen: CommandScreen, rest: str) -> None:
    screen.client.away(rest or "away")
    if not rest:
        screen.show("/back ends being away")


def back(screen: CommandScreen, rest: str) -> None:
    screen.client.away("")


def ignore(screen: CommandScreen, rest: str) -> None:
    if not rest:
        listed = ", ".join(screen.client.ignored)
        screen.show(
            f"You ignore: {listed}" if listed else "You ignore no one; /ignore NAME hides the messages of a user"
        )
    elif screen.client.ignore(rest.split(maxsplit=1)[0]):
        screen.show(f"You no longer see what {rest.split(maxsplit=1)[0]} says; the same again ends it")
    else:
        screen.show(f"You see what {rest.split(maxsplit=1)[0]} says again")


def raw(screen: CommandScreen, rest: str) -> None:
    found = parse(need(rest))
    if found is None or found.source or found.tags:
        raise InputError("Type a command of IRC and what it needs, such as /raw LUSERS")
    screen.client.send_raw(found.command, *found.params)


def leave(screen: CommandScreen, rest: str) -> None:
    screen.leave(rest)
