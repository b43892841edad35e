"""`chatctl tail`: print the last messages of a room, or follow it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from chatctl.cli import options
from chatctl.cli.failures import reads, say
from chatctl.cli.script_sending import SendErrors, need_room
from chatctl.errors import ChatctlError

if TYPE_CHECKING:
    from chatctl.client import Client
    from chatctl.client import events as e
from chatctl.cli.script_client import (
    GuestNameOption,
    RoomArgument,
    await_event,
    entered_client,
    script_wish,
    split_target,
)

_FROM_NOW_ON = timedelta(days=1)
"""How far a clock may be wrong without a message of just now counting as one of the future."""


@reads
def tail(
    room: RoomArgument = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print new messages as they arrive.")] = False,
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="NUMBER", min=0, max=10000, help="The number of earlier messages.")
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
    from chatctl.destination.join_plan import JoinArguments

    server, room = split_target(room)
    plan = script_wish(
        JoinArguments(server, host, port, name, room, tls, fingerprint, config, account, password_file),
        nameless=True,
        enters=True,
        stays=follow,
    )
    troubles = SendErrors()
    client = entered_client(replace(plan, callback=troubles.event))
    try:
        need_room(client, plan.room, troubles)
        shown = _print_past(client, plan.room, limit, as_json=as_json, follow=follow)
        for event in new_messages(client.events(), shown) if follow else ():
            _print_message(event, as_json=as_json)
    finally:
        client.stop()
    if client.error is not None:
        raise client.error


def _identity(message: e.RoomMessage) -> object:
    """Return what tells a message from others: its id, or on servers without ids its time, sender and text."""
    return message.id or (message.time, message.name, message.text)


def new_messages(events: Iterable[e.Event], shown: set[object]) -> Iterator[e.RoomMessage]:
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
        page = await_event(
            client, e.HistoryReceived, lambda event, number=number: event.number == number, meanwhile=meanwhile
        )
        if page.failed and follow:
            say("This server offers no history, so only new messages are printed")
            for event in new_messages(meanwhile, set()):
                _print_message(event, as_json=as_json)
            return set()
        if page.failed:
            raise ChatctlError("This server offers no history")
        messages = [event for event in page.events if isinstance(event, e.RoomMessage)]
        found[:0] = messages
        if page.ends or not page.events:
            break
        before, id = page.events[0].time, messages[0].id if messages else None
    if limit and not found:
        say(f"No stored messages in {room}")
    for message in found[-limit:] if limit else ():
        _print_message(message, as_json=as_json)
    return {_identity(message) for message in found}


def _print_message(event: e.RoomMessage, *, as_json: bool) -> None:
    from chatctl.cli.plain.screen import by_line, cleaned, json_line
    from chatctl.client.events.sentences import SentenceContext, words
    from chatctl.protocol.clean import clean

    if as_json:
        print(json_line(event.to_json()), flush=True)
        return
    moment = event.time.astimezone().strftime("%Y-%m-%d %H:%M")
    for part in by_line(event):
        for _, line in words(cleaned(part, clean), SentenceContext("", several=False)):
            print(f"{moment} {line}", flush=True)
