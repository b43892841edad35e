"""`chatctl rooms`: list the rooms: how many people, and about what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chatctl.cli import options
from chatctl.cli.failures import reads, say

if TYPE_CHECKING:
    pass
from chatctl.cli.script_client import GuestNameOption, await_event, entered_client, print_rows, script_wish


@reads
def rooms(
    server: Annotated[
        str | None,
        typer.Argument(metavar="[ADDRESS]", help="The server, such as ircs://chat.example:5106 (irc:// without TLS)."),
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
    """List the rooms, with their number of members and their topic."""
    from chatctl.client import events as e
    from chatctl.destination.join_plan import JoinArguments

    said = JoinArguments(server or "", host, port, name, None, tls, fingerprint, config, account, password_file)
    client = entered_client(script_wish(said, nameless=True, enters=False))
    try:
        client.send_raw("LIST")
        listed = await_event(client, e.Listed).rooms
    finally:
        client.stop()
    found: list[dict[str, object]] = [
        {"room": each.name, "people": each.people, "topic": each.topic} for each in listed
    ]
    if not found:
        say("The server lists no rooms")
    print_rows(found, as_json=as_json)
