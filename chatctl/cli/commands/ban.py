"""`chatctl ban`: ban a user, at once and from now on."""

from __future__ import annotations

import ipaddress
import json
from typing import Annotated

import typer

from chatctl.cli import options
from chatctl.cli.admin_requests import asking
from chatctl.cli.columns import padded
from chatctl.cli.confirming import YesOption, confirm
from chatctl.cli.failures import hint, reports
from chatctl.cli.user_requests import Account, Reason
from chatctl.errors import ConfigError

_LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


_MAX_BAN_SECONDS = 10 * 365 * 24 * 3600


@reports
def ban(
    target: Annotated[
        str | None,
        typer.Argument(metavar="[NAME|ADDRESS]", help="A name, an address, or a network (192.0.2.0/24)."),
    ] = None,
    account: Account = False,
    lasting: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="The duration: 30min, 2h, 7d; without it the ban does not expire."),
    ] = None,
    reason: Reason = "",
    yes: YesOption = False,
    as_json: options.JsonOption = False,
    data_dir: options.DataDirOption = None,
    config: options.ConfigOption = None,
) -> None:
    """Ban a name, an account, an address or a network.

    Without a name: list the bans. It asks before it bans an address of this computer.
    """
    if target is not None:
        if not account and (own := _own_address(target)):
            what = f"a ban on {target} excludes this computer ({own}), and all users who connect from it"
            confirm(f"{what[0].upper()}{what[1:]}. Go on?", what, yes=yes)
        request = {
            "command": "ban",
            "target": target,
            "account": account,
            "reason": reason,
            "seconds": _seconds(lasting),
        }
        with asking(data_dir, config, "bans") as ask:
            print(ask(request)["text"])
        return
    from chatctl.cli.time_arguments import iso, local
    from chatctl.protocol.clean import clean

    with asking(data_dir, config, "bans", reading=True) as ask:
        found = ask({"command": "bans"})["bans"]
    assert isinstance(found, list)
    if not found:
        hint("There are no bans")
    for item in found:
        if as_json:
            shown = {
                **item,
                "created": iso(item["created"]),
                "expires": iso(item["expires"]) if item["expires"] else None,
            }
            print(json.dumps(shown))
            continue
        until = f"until {local(item['expires'])}" if item["expires"] else "for good"
        print(f"{item['kind']:<8} {padded(clean(item['target']), 32)} {until}  {clean(item['reason'])}".rstrip())


def _own_address(target: str) -> str:
    """Return the address of this computer that a ban on `target` matches; ``""`` for none, or if it is not an
    address."""
    from chatctl.chat.model.server_bans import ban_key
    from chatctl.server.net.listener import on_interfaces, own_addresses

    try:
        kind, _, network = ban_key(target)[0].partition(" ")
    except ValueError:  # the server reports the error
        return ""
    if kind != "address":
        return ""
    banned = ipaddress.ip_network(network)
    if any(banned.version == loopback.version and banned.overlaps(loopback) for loopback in _LOOPBACK):
        return str(banned.network_address) if banned.is_loopback else "127.0.0.1" if banned.version == 4 else "::1"
    own = [*own_addresses([("::", 0)]), *on_interfaces()]
    return next((address for address in own if ipaddress.ip_address(address) in banned), "")


def _seconds(text: str | None) -> int:
    from chatctl.cli.time_arguments import length

    seconds = length("--for", text) if text is not None else 0
    if text is not None and not 0 < seconds <= _MAX_BAN_SECONDS:
        raise ConfigError(f'--for is "{text}", but a ban lasts from a second to ten years, or for good without --for')
    return seconds
