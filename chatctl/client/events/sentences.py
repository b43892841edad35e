"""Events as text lines for people: one function per kind, and the table.

The forms can be told apart without colour:

====================  =============================================================
``[ann]: hello``      a message in the room (``#dev [ann]: hello`` if there are several)
``* ann waves``       an action (/me)
``[ann -> you]: hi``  a private message to you; ``[you -> ann]: hi`` is yours
``--> ann joined``      a user joined
``<-- ann left``      a user left
``--- ...``           names, topics, settings, answers, text of the server
``!!! ...``           an error
====================  =============================================================

Texts of events are cleaned already; the lines are written as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from chatctl.client import events as e
from chatctl.client.events.folding import Move, fold_words

Tone = Literal["said", "private", "coming", "news", "trouble"]
Words = tuple[Tone, str]

_FEW = 20
"""Names that are listed of a room one enters; /names shows all."""

_STANDINGS = {
    "+o": "{by} made {who} an operator of {room}",
    "-o": "{by} took operator from {who} in {room}",
    "+v": "{by} gave {who} voice in {room}",
    "-v": "{by} took voice from {who} in {room}",
    "+b": "{by} banned {who} from {room}",
    "-b": "{by} lifted the ban on {who} in {room}",
    "+l": "{by} let no more than {who} people into {room}",
}
_SETTINGS = {
    "+m": "{by} let only operators and those with a voice speak in {room}",
    "-m": "{by} let all members speak in {room} again",
    "+i": "{by} let only those into {room} who are invited",
    "-i": "{by} opened {room} to all users again",
    "+t": "{by} let only operators set the topic of {room}",
    "-t": "{by} let all members set the topic of {room}",
    "-l": "{by} lifted the limit of people in {room}",
}


_OWN_MODES = {
    "+i": "only people in your rooms find you in lists",
    "-i": "you are shown in lists again",
    "+o": "you are an operator of the server",
    "-o": "you are no longer an operator of the server",
    "+w": "you receive notices of the server's operators",
    "+x": "your address is hidden",
    "+r": "you are logged in",
    "+B": "you are marked as a bot",
    "+Z": "your connection is encrypted",
}
_AUDIENCES = {"@": "operators", "+": "voiced", "%": "half-operators", "&": "admins", "~": "owners"}


def audience_words(symbols: str) -> str:
    """Name the recipients of a message to a part of a room (STATUSMSG), such as ``operators`` for ``@``."""
    return _AUDIENCES.get(symbols, symbols)


@dataclass(frozen=True, slots=True)
class SentenceContext:
    """The context of sentences: the client's own name (clean), whether to name rooms, whether being offline was
    reported."""

    me: str
    several: bool
    still_offline: bool = False


def words(event: e.Event, place: SentenceContext) -> list[Words]:
    """Return the lines for an event; empty if it needs none."""
    function = _WORDS.get(type(event))
    return function(event, place) if function is not None else []


def _said(event: e.RoomMessage, place: SentenceContext) -> list[Words]:
    room = f"{event.room} " if place.several else ""
    only = f" -> {audience_words(event.audience)}" if event.audience else ""
    if event.kind == "action":
        return [("said", f"{room}* {event.name}{only} {event.text}")]
    name = f"{event.name}{only} (notice)" if event.kind == "notice" else f"{event.name}{only}"
    return [("said", f"{room}[{name}]: {event.text}")]


def _private(event: e.PrivateMessage, place: SentenceContext) -> list[Words]:
    who = f"you -> {event.to}" if event.own else f"{event.name} -> you"
    text = f"* {event.name} {event.text}" if event.kind == "action" else event.text
    notice = " (notice)" if event.kind == "notice" else ""
    return [("private", f"[{who}{notice}]: {text}")]


def _joined(event: e.Joined, place: SentenceContext) -> list[Words]:
    if event.own:
        return [("coming", f"--> You are in {event.room}")]
    return [("coming", f"--> {event.name} joined{f' {event.room}' if place.several else ''}")]


def _left(event: e.Parted, place: SentenceContext) -> list[Words]:
    rooms = ", ".join(event.rooms)
    if event.how == "kick":
        who = "You were" if event.own else f"{event.name} was"
        reason = "" if event.reason in ("", event.by) else event.reason
        text = f"<-- {who} removed from {rooms} by {event.by}"
    else:
        # Servers put "Quit" before what a user gave as a reason; the arrow says that already.
        reason = event.reason.removeprefix("Quit: ") if event.how == "quit" else event.reason
        reason = "" if reason == "Quit" else reason
        where = f" {rooms}" if event.how == "part" and (place.several or event.own) else ""
        text = f"<-- {'You' if event.own else event.name} left{where}"
    return [("coming", f"{text} ({reason})" if reason else text)]


def _renamed(event: e.NickChanged, place: SentenceContext) -> list[Words]:
    if event.own:
        return [("news", f"--- You are {event.name} now")]
    return [("news", f"--- {event.old} is now {event.name}")]


def _topic(event: e.Topic, place: SentenceContext) -> list[Words]:
    if event.name is None:
        text = f"Topic of {event.room}: {event.text}" if event.text else f"{event.room} has no topic"
    elif event.text:
        text = f"{event.name} set the topic of {event.room}: {event.text}"
    else:
        text = f"{event.name} cleared the topic of {event.room}"
    return [("news", f"--- {text}")]


def _names(event: e.Names, place: SentenceContext) -> list[Words]:
    shown = event.names if event.asked else event.names[:_FEW]
    names = [
        f"{'you' if name == place.me else name}{' (operator)' if name in event.operators else ''}" for name in shown
    ]
    if len(event.names) > len(shown):
        names.append(f"and {len(event.names) - len(shown)} more (/names shows all)")
    if event.names == (place.me,):
        return [("news", f"--- Nobody else is in {event.room} yet")]
    return [("news", f"--- In {event.room}: {', '.join(names) or 'nobody'}")]


def _who(event: e.Who, place: SentenceContext) -> list[Words]:
    if not event.people:
        return [("news", f"--- No users match {event.mask}")]
    column = max(len(person.name) for person in event.people)
    return [
        (
            "news",
            f"--- {person.name:{column}}  {'away' if person.away else 'here'}"
            f"{'  operator' if person.operator else ''}"
            f"{f'  ({person.realname})' if person.realname not in ('', person.name) else ''}",
        )
        for person in event.people
    ]


def _missed(event: e.Missed, place: SentenceContext) -> list[Words]:
    moves: list[tuple[str, Move, str]] = []
    for past in event.events:
        if isinstance(past, e.Joined | e.Parted) and not past.own:
            moves.append((past.name, "joined" if isinstance(past, e.Joined) else "left", ""))
    where = f" in {event.room}" if place.several else ""
    return [("coming", f"--- Meanwhile{where}: {fold_words(moves)}")] if moves else []


def _away(event: e.Away, place: SentenceContext) -> list[Words]:
    return [("news", f"--- {event.name} is away: {event.text}")]


def _away_set(event: e.AwaySet, place: SentenceContext) -> list[Words]:
    return [("news", "--- You are marked as away; /back ends it" if event.away else "--- You are back")]


def _mode(event: e.ModeChanged, place: SentenceContext) -> list[Words]:
    change, _, who = event.change.partition(" ")
    by = "You" if event.name == place.me else event.name or "The server"
    form = (_STANDINGS.get(change) if " " not in who else None) if who else _SETTINGS.get(change)
    if event.own:
        meaning = f" ({_OWN_MODES[change]})" if change in _OWN_MODES else ""
        text = f"Your user modes changed: {event.change}{meaning}"
    elif form is None:
        text = f"{by} changed the settings of {event.target}: {event.change}"
    else:
        text = form.format(by=by, who="you" if who == place.me else who.removesuffix("!*@*"), room=event.target)
    return [("news", f"--- {text}")]


def _invited(event: e.Invited, place: SentenceContext) -> list[Words]:
    return [("news", f"--- {event.name} invites you to {event.room}; /join {event.room} enters it")]


def _server(event: e.ServerNotice, place: SentenceContext) -> list[Words]:
    return [("news", f"--- {event.text}")] if event.text.strip() else []


def _rooms(event: e.Listed, place: SentenceContext) -> list[Words]:
    if not event.rooms:
        return [("news", "--- The server has no rooms")]
    width = max(len(room.name) for room in event.rooms)
    return [("news", f"--- {room.name:{width}}  {room.people:3} here  {room.topic}".rstrip()) for room in event.rooms]


def _whois(event: e.Whois, place: SentenceContext) -> list[Words]:
    return [("news", f"--- {line}") for line in event.lines]


def _reacted(event: e.Reacted, place: SentenceContext) -> list[Words]:
    did = "took back" if event.removed else "reacted with"
    return [("news", f"--- {'You' if event.own else event.name} {did} {event.reaction}")]


def _deleted(event: e.Deleted, place: SentenceContext) -> list[Words]:
    return [("news", f"--- {'You' if event.own else event.name} deleted a message")]


def _page(event: e.HistoryReceived, place: SentenceContext) -> list[Words]:
    if event.failed:
        return [("trouble", "!!! This server keeps no history that can be asked for")]
    lines: list[Words] = []
    for found in event.events:
        moment = found.time.astimezone().strftime("%Y-%m-%d %H:%M")
        lines += [("said", f"{moment} {text}") for _, text in words(found, place)]
    return lines or [("news", "--- Nothing found")]


def _nothing(event: e.Event, place: SentenceContext) -> list[Words]:
    return []


def _trouble(event: e.Failed | e.NameTaken | e.NameRefused, place: SentenceContext) -> list[Words]:
    about = getattr(event, "about", None)
    text = event.text
    if isinstance(event, e.Failed) and event.said is not None:
        text = f"{text}: {event.said}"
    # Other servers' texts often do not say what they are about ("No such nick/channel").
    return [("trouble", f"!!! {text}" if about in (None, "*") or about in text else f"!!! {about}: {text}")]


def _unconfirmed(event: e.Unconfirmed, place: SentenceContext) -> list[Words]:
    head = "!!! The connection broke before these were confirmed; they may not have been delivered:"
    return [("trouble", head), *_listed(event.messages)]


def _unsent(event: e.Unsent, place: SentenceContext) -> list[Words]:
    return [("trouble", "!!! These were not sent:"), *_listed(event.messages)]


def _listed(messages: tuple[e.Outgoing, ...]) -> list[Words]:
    lines: list[Words] = [("trouble", f"!!!   to {message.target}: {message.text}") for message in messages[:_FEW]]
    if len(messages) > _FEW:
        lines.append(("trouble", f"!!!   and {len(messages) - _FEW} more"))
    return lines


def _reconnecting(event: e.Reconnecting, place: SentenceContext) -> list[Words]:
    if place.still_offline:
        return [("trouble", f"!!! Still no connection: {event.reason}")]
    return [("trouble", f"!!! No connection: {event.reason}. Trying again; what you type is sent when it is back")]


def _reconnected(event: e.Reconnected, place: SentenceContext) -> list[Words]:
    return [("news", "--- The connection is back")]


_WORDS: dict[type[e.Event], Callable[[Any, SentenceContext], list[Words]]] = {
    e.RoomMessage: _said,
    e.PrivateMessage: _private,
    e.Joined: _joined,
    e.Parted: _left,
    e.NickChanged: _renamed,
    e.Topic: _topic,
    e.Names: _names,
    e.Who: _who,
    e.Missed: _missed,
    e.Away: _away,
    e.AwaySet: _away_set,
    e.ModeChanged: _mode,
    e.Invited: _invited,
    e.ServerNotice: _server,
    e.Failed: _trouble,
    e.NameTaken: _trouble,
    e.NameRefused: _trouble,
    e.Unconfirmed: _unconfirmed,
    e.Unsent: _unsent,
    e.Reconnecting: _reconnecting,
    e.Reconnected: _reconnected,
    e.Whois: _whois,
    e.Listed: _rooms,
    e.Reacted: _reacted,
    e.Deleted: _deleted,
    e.HistoryReceived: _page,
    # A full screen has places for these; as lines they would only be in the way.
    e.Typing: _nothing,
    e.ReadUntil: _nothing,
    e.PresenceChanged: _nothing,
    e.Latency: _nothing,
    e.Conversations: _nothing,
}
