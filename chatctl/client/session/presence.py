"""Presence: AWAY (away-notify), MONITOR, WHOIS, and the hidden WHO.

Sources: ircv3.net/specs/extensions/away-notify, /monitor, /account-notify; modern.ircdocs.horse, "WHOIS message".

Invariants:

- [hidden-who] If away-notify is granted and away states are wanted (`ClientEngine.attentive`), WHO is sent once for
  each joined room; its answer is not shown.
- [lasting-watch] Watched names (MONITOR) are watched again on later connections.
- [one-whois] A WHOIS answer has many numerics; they become one event at its end.
"""

from __future__ import annotations

from collections.abc import Callable

from chatctl.client import events as e
from chatctl.client.session.engine_port import EnginePort
from chatctl.protocol.message import Message

_MAX_WATCHED = 100
_MAX_ASKED = 500
"""Members of a room up to which it is asked who of them is away."""

_MAX_LINES = 50
_MAX_LISTED = 100_000


def away(state: EnginePort, message: Message) -> None:
    """AWAY [text] of a user (away-notify)."""
    if not message.nick:
        return
    key, text = state.fold(message.nick), message.param(0)
    is_new = (key in state.presence.away) != bool(text)
    (state.presence.away.add if text else state.presence.away.discard)(key)
    if is_new:
        time, name = state.time_of(message), message.nick
        state.emit(e.PresenceChanged(time=time, name=name, online=True, away=bool(text), text=text))


def account(state: EnginePort, message: Message) -> None:
    """ACCOUNT <name | *> of a user (account-notify)."""
    learn_account(state, message.nick, message.param(0))


def learn_account(state: EnginePort, nick: str, name: str) -> None:
    """Note the account of a user; ``*`` for none."""
    if name in ("", "*"):
        state.presence.accounts.pop(state.fold(nick), None)
    elif nick:
        state.presence.accounts[state.fold(nick)] = name


def entered(state: EnginePort, room: str) -> None:
    """Handle the complete member list of a joined room ([hidden-who])."""
    found = state.rooms.get(room)
    if not state.attentive or "away-notify" not in state.enabled or found is None or len(found.members) > _MAX_ASKED:
        return
    if len(found.members) > 1:
        state.presence.asked.add(state.fold(room))
        state.send("WHO", found.name)


def who_came(state: EnginePort, mask: str, people: tuple[e.Person, ...]) -> bool:
    """Learn from the end of a WHO; return whether nothing else is to be done."""
    for person in people:
        (state.presence.away.add if person.away else state.presence.away.discard)(state.fold(person.name))
    key = state.fold(mask)
    if key not in state.presence.asked:
        return False
    state.presence.asked.discard(key)
    state.emit(e.PresenceChanged(time=state.now(), name="", online=True, away=False, text=""))
    return True


def watch(state: EnginePort, name: str) -> None:
    """Watch the presence of `name`."""
    if state.fold(name) not in state.presence.watched and len(state.presence.watched) < _MAX_WATCHED:
        state.presence.watched[state.fold(name)] = name
        if state.isupport.monitors:
            state.send("MONITOR", "+", name)


def welcomed(state: EnginePort) -> None:
    """Send the watch list on a new connection ([lasting-watch])."""
    if state.isupport.monitors:
        for name in state.presence.watched.values():
            state.send("MONITOR", "+", name)


def monitored(state: EnginePort, message: Message) -> None:
    """730 and 731: ``me nick!user@host,nick2!...`` are here, or not."""
    online = message.command == "730"
    for item in message.params[-1].split(",") if len(message.params) > 1 else ():
        name = item.partition("!")[0]
        if not name:
            continue
        if not online:
            state.presence.gone(state.fold(name))
        is_away = state.fold(name) in state.presence.away
        state.emit(e.PresenceChanged(time=state.time_of(message), name=name, online=online, away=is_away, text=""))


def listed(state: EnginePort, message: Message) -> None:
    """322: ``me #room 3 :topic``."""
    number = message.param(2)
    if len(state.presence.listed) < _MAX_LISTED and number.isascii() and number.isdigit() and len(number) < 10:
        state.presence.listed.append(e.ListedRoom(message.param(1), int(number), message.param(3)))


def listed_over(state: EnginePort, message: Message) -> None:
    """323."""
    rooms, state.presence.listed = tuple(state.presence.listed), []
    state.emit(e.Listed(time=state.time_of(message), rooms=rooms))


def whois_line(state: EnginePort, message: Message) -> None:
    """Emit a line of a WHOIS as a sentence."""
    name = message.param(1)
    if not name or (len(state.presence.whois) > _MAX_LINES and state.fold(name) not in state.presence.whois):
        return
    lines = state.presence.whois.setdefault(state.fold(name), [])
    texts = _WHOIS[message.command](message).split("\n")
    lines += [text for text in texts if text and len(lines) < _MAX_LINES]


def whois_over(state: EnginePort, message: Message) -> None:
    """318."""
    name = message.param(1)
    lines = state.presence.whois.pop(state.fold(name), [])
    lines.sort(key=lambda line: line.startswith(_ADDRESS))  # used for bans only
    if lines:  # otherwise the name is unknown, and a 401 was shown
        state.emit(e.Whois(time=state.time_of(message), name=name, lines=tuple(lines)))


_ADDRESS = "address: "


def _who(message: Message) -> str:
    name, real = message.param(1), message.params[-1]
    return f"{name} ({real})" if real not in ("", name) else name


def _address(message: Message) -> str:
    return f"{_ADDRESS}{message.param(2)}@{message.param(3)}"


def _in_rooms(message: Message) -> str:
    found: list[str] = []
    for word in message.params[-1].split():
        room = word.lstrip("~&@%+!*")
        standing = word[: len(word) - len(room)]
        is_operator = bool(set(standing) & set("~&@%")) and room[:1] == "#"
        found.append(f"{room} (operator)" if is_operator else room if room[:1] == "#" else word)
    return f"in {', '.join(found)}" if found else ""


def _idle(message: Message) -> str:
    seconds = message.param(2)
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) < len("10000000000")):
        return ""
    number = int(seconds)
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if number >= size:
            count = number // size
            return f"silent for {count} {word}{'s' if count > 1 else ''}"
    return "here just now"


_WHOIS: dict[str, Callable[[Message], str]] = {
    "301": lambda message: f"away: {message.params[-1]}",
    "311": lambda message: f"{_who(message)}\n{_address(message)}",
    "312": lambda message: f"on {message.param(2)}",
    "313": lambda message: "an operator of the server",
    "317": _idle,
    "319": _in_rooms,
    "320": lambda message: message.params[-1],
    "330": lambda message: f"logged in as {message.param(2)}",
    "335": lambda message: "a bot",
    "338": lambda message: f"really at {' '.join(message.params[2:-1]) or message.params[-1]}",
    "378": lambda message: message.params[-1],
    "671": lambda message: "connected securely",
}
WHOIS_LINES = tuple(_WHOIS)
