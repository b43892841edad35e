"""`chatctl users`: list who is in a room: here or away, operator or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatctl.cli import options
from chatctl.cli.failures import reads, say

if TYPE_CHECKING:
    pass
from chatctl.cli.script_client import (
    GuestNameOption,
    RoomArgument,
    await_event,
    entered_client,
    print_rows,
    script_wish,
    split_target,
)


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
    """List the members of a room, with away and operator status."""
    from chatctl.client import events as e
    from chatctl.destination.join_plan import JoinArguments

    server, room = split_target(room)
    plan = script_wish(
        JoinArguments(server, host, port, name, room, tls, fingerprint, config, account, password_file),
        nameless=True,
        enters=False,
    )
    client = entered_client(plan)
    try:
        client.who(plan.room)
        people = await_event(client, e.Who, about=plan.room).people
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
        say(f"{plan.room} has no members, does not exist, or is not visible from outside")
    print_rows(found, as_json=as_json)


def _here(*, away: bool) -> str:
    return "away" if away else "here"
