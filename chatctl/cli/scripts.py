"""Commands for scripts: `send`, `tail`, `rooms`, `users`, on the client core of `join`.

stdout has the requested data and nothing else, or with --json one object per line; errors are on stderr, and the exit
code says how it went. They never ask questions. `send` needs a name; the others, which say nothing, make one up if none
is given.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from chatctl.cli import options
from chatctl.cli.columns import table
from chatctl.cli.failures import reads, reports, say
from chatctl.cli.interruption import leave_now, leave_when_interrupted, will_leave
from chatctl.cli.sending import PATIENCE, SendErrors, decoded, final, impatience, need_room, say_when_possible, texts
from chatctl.errors import ChatctlError, ConfigError, RefusedError, UnreachableError

if TYPE_CHECKING:
    from chatctl.client import Client
    from chatctl.client import events as e
    from chatctl.destination.login_wish import LoginWish

_SIGNS = "#&+!"
_FROM_NOW_ON = timedelta(days=1)
"""How far a clock may be wrong without a message of just now counting as one of the future."""

RoomArgument = Annotated[
    str | None,
    typer.Argument(metavar="[ROOM]", help="A room (default: #lobby), or where it is: ircs://chat.example:5106/lobby."),
]

YesOption = Annotated[
    bool,
    typer.Option(
        "--yes",
        "-y",
        help="Do not ask before a line of more than 64 KiB is sent, or with --whole such an input.",
    ),
]
SenderNameOption = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="Your name (default: client.name).")
]
GuestNameOption = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="Your name (default: client.name, else a made-up one)."),
]


def _parted(room: str | None) -> tuple[str, str | None]:
    """The address, and the room, of an argument that may be either; the address names its room itself."""
    from chatctl.destination.server_address import is_url

    return (room, None) if room is not None and is_url(room) else ("", room)


def _wish(said: object, *, nameless: bool, enters: bool, stays: bool = False) -> LoginWish:
    """Return target, identity and login. `stays`: the user reads messages for as long as they like, so others see them,
    unless it is their own server."""
    from chatctl.cli.own_server import own_server
    from chatctl.destination.join_plan import JoinPlan, plan_login

    assert isinstance(said, JoinPlan)
    wish = plan_login(said, give_up_after=PATIENCE, notify=say)
    if wish.name is None and nameless:
        import secrets

        wish = replace(wish, name=f"guest-{secrets.token_hex(3)}")
    control = own_server(wish)
    return replace(wish, enters=enters, control=control, transient=control is not None or not stays)


def _entered(wish: LoginWish) -> Client:
    from chatctl.cli.line.entering import enter
    from chatctl.destination.server_address import hinting

    ending = leave_when_interrupted()
    with hinting():
        return enter(wish, lambda client: will_leave(ending, client), asking=False)


@reports
def send(
    room: Annotated[
        str | None,
        typer.Argument(
            metavar="[ROOM]",
            help="A room (default: #lobby), or a person's name, or where a room is: ircs://chat.example:5106/lobby.",
        ),
    ] = None,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TEXT]...", help="What to say; without it the input, line by line."),
    ] = None,
    whole: Annotated[bool, typer.Option("--whole", help="The whole input is one message of several lines.")] = False,
    yes: YesOption = False,
    name: SenderNameOption = None,
    account: options.AccountOption = None,
    password_file: options.PasswordFileOption = None,
    host: options.HostOption = None,
    port: options.PortOption = None,
    tls: options.SecureOption = None,
    fingerprint: options.FingerprintOption = None,
    config: options.ConfigOption = None,
) -> None:
    """Say something from a script; wait until it has arrived.

    make 2>&1 | chatctl send '#builds' --name ci
    """
    from chatctl.destination.join_plan import JoinPlan

    text = " ".join(words) if words else None
    if text == "":
        raise ConfigError("There is nothing to say: the text is empty")
    if text is not None:
        decoded(os.fsencode(text), "the text")
    server, room = _parted(room)
    to_room = room is None or room[:1] in _SIGNS
    said = JoinPlan(
        server, host, port, name, room if to_room else None, tls, fingerprint, config, account, password_file
    )
    wish = _wish(said, nameless=False, enters=to_room)
    target = wish.room if to_room or room is None else room
    troubles = SendErrors()
    client = _entered(replace(wish, callback=troubles.event))
    try:
        something = False
        if to_room:
            need_room(client, target, troubles)
        for part in texts(text, whole=whole, yes=yes):
            say_when_possible(client, target, part, whole=whole)
            something = something or bool(part.strip("\r\n"))
        arrived = client.flush(enough=impatience(client))
    except KeyboardInterrupt:
        leave_now(client)
        raise
    finally:
        client.stop()
    if client.error is not None:
        raise client.error
    if not to_room and troubles.refused and client.fold(target) in map(client.fold, troubles.absent):
        troubles.refused.append(f"{target} is taken for a person's name; for the room: chatctl send '#{target}'")
    troubles.conclude()
    if not arrived:
        raise ChatctlError(f"Gave up: the server confirmed nothing for {PATIENCE:.0f} seconds")
    if not something:
        say("nothing was said: the input is empty")


@reads
def tail(
    room: RoomArgument = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new messages.")] = False,
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="NUMBER", min=0, max=10000, help="How many messages of before.")
    ] = 20,
    as_json: options.JsonOption = False,
    name: GuestNameOption = None,
    account: options.AccountOption = None,
    password_file: options.PasswordFileOption = None,
    host: options.HostOption = None,
    port: options.PortOption = None,
    tls: options.SecureOption = None,
    fingerprint: options.FingerprintOption = None,
    config: options.ConfigOption = None,
) -> None:
    """Print the last messages of a room, or follow it."""
    from chatctl.destination.join_plan import JoinPlan

    server, room = _parted(room)
    wish = _wish(
        JoinPlan(server, host, port, name, room, tls, fingerprint, config, account, password_file),
        nameless=True,
        enters=True,
        stays=follow,
    )
    troubles = SendErrors()
    client = _entered(replace(wish, callback=troubles.event))
    try:
        need_room(client, wish.room, troubles)
        shown = _print_past(client, wish.room, limit, as_json=as_json, follow=follow)
        for event in _to_come(client.events(), shown) if follow else ():
            _print_message(event, as_json=as_json)
    finally:
        client.stop()
    if client.error is not None:
        raise client.error


def _identity(message: e.RoomMessage) -> object:
    """Return what tells a message from others: its id, or on servers without ids its time, sender and text."""
    return message.id or (message.time, message.name, message.text)


def _to_come(events: Iterable[e.Event], shown: set[object]) -> Iterator[e.RoomMessage]:
    """Return new messages; of earlier ones only those missed by a broken connection."""
    from chatctl.client import events as e

    came_back = False
    for event in events:
        came_back = came_back or isinstance(event, e.Reconnected)
        if isinstance(event, e.RoomMessage) and _identity(event) not in shown and (came_back or not event.history):
            yield event


def _print_past(client: Client, room: str, limit: int, *, as_json: bool, follow: bool) -> set[object]:
    """Print the last messages; return what identifies them.

    `follow`: go on without them on a server that keeps no history.
    """
    from chatctl.client import events as e

    found: list[e.RoomMessage] = []
    meanwhile: list[e.Event] = []
    before, id = datetime.now(UTC) + _FROM_NOW_ON, None
    while len(found) < limit:
        number = client.look_back(room, "BEFORE", before, id, limit - len(found))
        page = _awaited(
            client, e.HistoryReceived, lambda event, number=number: event.number == number, meanwhile=meanwhile
        )
        if page.failed and follow:
            say("this server keeps no history that can be asked for; only new messages follow")
            for event in _to_come(meanwhile, set()):
                _print_message(event, as_json=as_json)
            return set()
        if page.failed:
            raise ChatctlError("This server keeps no history that can be asked for")
        messages = [event for event in page.events if isinstance(event, e.RoomMessage)]
        found[:0] = messages
        if page.ends or not page.events:
            break
        before, id = page.events[0].time, messages[0].id if messages else None
    if limit and not found:
        say(f"nothing that is kept was said in {room}")
    for message in found[-limit:] if limit else ():
        _print_message(message, as_json=as_json)
    return {_identity(message) for message in found}


def _print_message(event: e.RoomMessage, *, as_json: bool) -> None:
    from chatctl.cli.line.screen import by_line, cleaned, json_line
    from chatctl.client.events.sentences import SentenceContext, words
    from chatctl.protocol.clean import clean

    if as_json:
        print(json_line(event.to_json()), flush=True)
        return
    moment = event.time.astimezone().strftime("%Y-%m-%d %H:%M")
    for part in by_line(event):
        for _, line in words(cleaned(part, clean), SentenceContext("", several=False)):
            print(f"{moment} {line}", flush=True)


T = TypeVar("T")


def _awaited(
    client: Client, kind: type[T], fits: object = None, about: str = "", meanwhile: list[e.Event] | None = None
) -> T:
    """Wait for the next event of a kind; earlier events are added to `meanwhile`.

    Raises the client's error, RefusedError if the server refuses something about `about`, or UnreachableError if
    nothing arrives in time.
    """
    from chatctl.client import events as e

    end = time.monotonic() + PATIENCE
    for event in client.events(timeout=PATIENCE):
        if isinstance(event, kind) and (not callable(fits) or fits(event)):
            return event
        if isinstance(event, e.Failed) and about and client.fold(event.about or "") == client.fold(about):
            raise RefusedError(f"{about}: {final(event)}")
        if meanwhile is not None:
            meanwhile.append(event)
        if time.monotonic() >= end:
            break
    raise client.error or UnreachableError("The server did not answer in time")


@reads
def rooms(
    server: Annotated[
        str | None, typer.Argument(metavar="[ADDRESS]", help="Where: ircs://chat.example:5106 (irc:// without TLS).")
    ] = None,
    as_json: options.JsonOption = False,
    name: GuestNameOption = None,
    account: options.AccountOption = None,
    password_file: options.PasswordFileOption = None,
    host: options.HostOption = None,
    port: options.PortOption = None,
    tls: options.SecureOption = None,
    fingerprint: options.FingerprintOption = None,
    config: options.ConfigOption = None,
) -> None:
    """List the rooms: how many people, and about what."""
    from chatctl.client import events as e
    from chatctl.destination.join_plan import JoinPlan

    said = JoinPlan(server or "", host, port, name, None, tls, fingerprint, config, account, password_file)
    client = _entered(_wish(said, nameless=True, enters=False))
    try:
        client.send_raw("LIST")
        listed = _awaited(client, e.Listed).rooms
    finally:
        client.stop()
    found: list[dict[str, object]] = [
        {"room": each.name, "people": each.people, "topic": each.topic} for each in listed
    ]
    if not found:
        say("The server shows no rooms")
    _print_rows(found, as_json=as_json)


@reads
def users(
    room: RoomArgument = None,
    as_json: options.JsonOption = False,
    name: GuestNameOption = None,
    account: options.AccountOption = None,
    password_file: options.PasswordFileOption = None,
    host: options.HostOption = None,
    port: options.PortOption = None,
    tls: options.SecureOption = None,
    fingerprint: options.FingerprintOption = None,
    config: options.ConfigOption = None,
) -> None:
    """List who is in a room: here or away, operator or not."""
    from chatctl.client import events as e
    from chatctl.destination.join_plan import JoinPlan

    server, room = _parted(room)
    wish = _wish(
        JoinPlan(server, host, port, name, room, tls, fingerprint, config, account, password_file),
        nameless=True,
        enters=False,
    )
    client = _entered(wish)
    try:
        client.who(wish.room)
        people = _awaited(client, e.Who, about=wish.room).people
    finally:
        client.stop()
    if as_json:
        found: list[dict[str, object]] = [
            {"name": each.name, "away": each.away, "operator": each.operator} for each in people
        ]
    else:
        found = [
            {"name": each.name, "here": _here(away=each.away), "standing": "operator" if each.operator else ""}
            for each in people
        ]
    if not found:
        say(f"{wish.room} has no members, does not exist, or is not visible from outside")
    _print_rows(found, as_json=as_json)


def _here(*, away: bool) -> str:
    return "away" if away else "here"


def _print_rows(rows: Iterable[dict[str, object]], *, as_json: bool) -> None:
    """Objects, or columns."""
    from chatctl.cli.line.screen import json_line
    from chatctl.protocol.clean import clean

    known = list(rows)
    if as_json:
        for row in known:
            print(json_line(row))
        return
    for line in table([[clean(str(value)) for value in row.values()] for row in known]):
        print(line)
