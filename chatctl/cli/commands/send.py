"""`chatctl send`: say something from a script; wait until it has arrived."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from chatctl.cli import options
from chatctl.cli.failures import reports, say
from chatctl.cli.interruption import leave_now
from chatctl.cli.script_sending import (
    PATIENCE_SECONDS,
    SendErrors,
    decoded,
    impatience,
    need_room,
    send_when_possible,
    texts,
)
from chatctl.errors import ChatctlError, ConfigError

if TYPE_CHECKING:
    pass
from chatctl.cli.script_client import entered_client, script_wish, split_target

_SIGNS = "#&+!"


YesOption = Annotated[
    bool,
    typer.Option(
        "--yes",
        "-y",
        help="Send a line (with --whole: an input) of more than 64 KiB without asking.",
    ),
]


SenderNameOption = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="Your name (default: client.name).")
]


@reports
def send(
    room: Annotated[
        str | None,
        typer.Argument(
            metavar="[ROOM]",
            help="A room (default: #lobby), a user's name, or a room's address: ircs://chat.example:5106/lobby.",
        ),
    ] = None,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TEXT]...", help="The text to send; without it, each line of the input is a message."),
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Send the whole input as one message of several lines.")
    ] = False,
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
    """Send messages from a script and wait for delivery.

    make 2>&1 | chatctl send '#builds' --name ci
    """
    from chatctl.destination.join_plan import JoinArguments

    text = " ".join(words) if words else None
    if text == "":
        raise ConfigError("The text must not be empty")
    if text is not None:
        decoded(os.fsencode(text), "the text")
    server, room = split_target(room)
    to_room = room is None or room[:1] in _SIGNS
    said = JoinArguments(
        server, host, port, name, room if to_room else None, tls, fingerprint, config, account, password_file
    )
    plan = script_wish(said, nameless=False, enters=to_room)
    target = plan.room if to_room or room is None else room
    troubles = SendErrors()
    client = entered_client(replace(plan, callback=troubles.event))
    try:
        something = False
        if to_room:
            need_room(client, target, troubles)
        for part in texts(text, whole=whole, yes=yes):
            send_when_possible(client, target, part, whole=whole)
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
        troubles.refused.append(f"{target} was taken as a user's name; to send to the room: chatctl send '#{target}'")
    troubles.conclude()
    if not arrived:
        raise ChatctlError(f"Gave up: the server confirmed nothing for {PATIENCE_SECONDS:.0f} seconds")
    if not something:
        say("Nothing was sent: the input is empty")
