"""Common parts of `rooms`, `send`, `tail`, `users`.

stdout has the requested data and nothing else, or with --json one object per line; errors are on stderr, and the exit
code says how it went. They never ask questions. `send` needs a name; the others, which say nothing, make one up if none
is given.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from chatctl.cli.columns import table
from chatctl.cli.failures import say
from chatctl.cli.interruption import leave_when_interrupted, will_leave
from chatctl.cli.script_sending import PATIENCE_SECONDS, final
from chatctl.errors import RefusedError, UnreachableError

if TYPE_CHECKING:
    from chatctl.client import Client
    from chatctl.client import events as e
    from chatctl.destination.login_plan import LoginPlan


RoomArgument = Annotated[
    str | None,
    typer.Argument(metavar="[ROOM]", help="A room (default: #lobby), or its address: ircs://chat.example:5106/lobby."),
]


GuestNameOption = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="Your name (default: client.name, else a generated one)."),
]


def split_target(room: str | None) -> tuple[str, str | None]:
    """Return the address, and the room, of an argument that may be either; the address names its room itself."""
    from chatctl.destination.server_address import is_url

    return (room, None) if room is not None and is_url(room) else ("", room)


def script_wish(said: object, *, nameless: bool, enters: bool, stays: bool = False) -> LoginPlan:
    """Return target, identity and login. `stays`: the user reads messages for as long as they like, so others see them,
    unless it is their own server."""
    from chatctl.cli.own_server import own_server
    from chatctl.destination.join_plan import JoinArguments, plan_login

    assert isinstance(said, JoinArguments)
    plan = plan_login(said, give_up_after=PATIENCE_SECONDS, notify=say)
    if plan.name is None and nameless:
        import secrets

        plan = replace(plan, name=f"guest-{secrets.token_hex(3)}")
    control = own_server(plan)
    return replace(plan, enters=enters, control=control, transient=control is not None or not stays)


def entered_client(plan: LoginPlan) -> Client:
    from chatctl.cli.plain.entering import enter
    from chatctl.destination.server_address import hinting

    ending = leave_when_interrupted()
    with hinting():
        return enter(plan, lambda client: will_leave(ending, client), asking=False)


T = TypeVar("T")


def await_event(
    client: Client, kind: type[T], fits: object = None, about: str = "", meanwhile: list[e.Event] | None = None
) -> T:
    """Wait for the next event of a kind; earlier events are added to `meanwhile`.

    Raises the client's error, RefusedError if the server refuses something about `about`, or UnreachableError if
    nothing arrives in time.
    """
    from chatctl.client import events as e

    end = time.monotonic() + PATIENCE_SECONDS
    for event in client.events(timeout=PATIENCE_SECONDS):
        if isinstance(event, kind) and (not callable(fits) or fits(event)):
            return event
        if isinstance(event, e.Failed) and about and client.fold(event.about or "") == client.fold(about):
            raise RefusedError(f"{about}: {final(event)}")
        if meanwhile is not None:
            meanwhile.append(event)
        if time.monotonic() >= end:
            break
    raise client.error or UnreachableError("The server did not answer in time")


def print_rows(rows: Iterable[dict[str, object]], *, as_json: bool) -> None:
    """Objects, or columns."""
    from chatctl.cli.plain.screen import json_line
    from chatctl.protocol.clean import clean

    known = list(rows)
    if as_json:
        for row in known:
            print(json_line(row))
        return
    for line in table([[clean(str(value)) for value in row.values()] for row in known]):
        print(line)
