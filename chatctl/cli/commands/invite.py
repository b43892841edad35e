"""`chatctl invite`: one line to send to a friend, with which they are in."""

from __future__ import annotations

import ipaddress
import secrets
import sys
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote

import typer

from chatctl.cli import options
from chatctl.cli.admin_requests import asking
from chatctl.cli.failures import reports, say
from chatctl.errors import ConfigError

_TOKEN_BYTES = 18
_MAX_USES = 1000


@reports
def invite(
    uses: Annotated[
        int,
        typer.Option(
            "--uses", metavar="NUMBER", min=1, max=_MAX_USES, help="The number of accounts that can be made with it."
        ),
    ] = 1,
    expires: Annotated[
        str, typer.Option("--expires", metavar="TIME", help="When it expires: 7d, 12h, 30min, or a time.")
    ] = "7d",
    room: Annotated[str, typer.Option("--room", metavar="ROOM", help="The room to enter.")] = "#lobby",
    data_dir: options.DataDirOption = None,
    config: options.ConfigOption = None,
) -> None:
    """Print a command to send to a friend, which lets them join.

    The friend types it, chooses a name and a password, and is in the chat. It is shown once; only a hash of it is
    stored. On a terminal there is a QR code as well.
    """
    from chatctl.chat.model.cloak import token_hash
    from chatctl.config import load
    from chatctl.protocol import names

    room = room if room.startswith("#") else f"#{room}"
    problem = names.room_problem(room)
    if problem is not None:
        raise ConfigError(f"--room {room}: {problem}")
    until = _until(expires)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    request = {"command": "invite", "key": token_hash(token), "uses": uses, "expires": until, "room": room}
    settings = load(config_file=config, flags={"data_dir": data_dir}, use_files=True).settings
    with asking(data_dir, config) as ask:
        reach = ask({"command": "reach"})
        ask(request)
    addresses, pin, hosts = reach["addresses"], str(reach["pin"]), reach["names"]
    assert isinstance(addresses, list)
    assert isinstance(hosts, list)
    host, port = _address([(str(found[0]), int(found[1])) for found in addresses], settings.advertise or "", hosts)
    if settings.accounts.registration == "closed":
        say("accounts.registration is closed, so the invitation cannot be used until it is open or invite")
    url = invitation_url(host, port, room, token, pin)
    print(f"chatctl join '{url}'", flush=True)
    if sys.stdout.isatty():
        import segno

        segno.make(url, error="l").terminal(compact=True)


def _until(text: str) -> int:
    """Return a future time in ms since 1970 UTC."""
    from chatctl.cli.time_arguments import moment

    now = datetime.now(UTC)
    at = moment("--expires", text, now)
    ms = round(now.timestamp() * 1000)
    until = at if at > ms else 2 * ms - at  # "7d" is 7 days ago to `moment`
    if until <= ms or not text[:1].isdigit() or ("-" in text and at <= ms):
        raise ConfigError(f"--expires {text}: that is over already")
    return until


def _address(addresses: list[tuple[str, int]], advertise: str, hosts: list[str]) -> tuple[str, int]:
    """Return where others find the server; `hosts`: see :func:`.banner.banner`."""
    from chatctl.cli.banner import host_for_others
    from chatctl.server.net.listener import own_addresses

    host, port = addresses[0]
    if advertise:
        return advertise, port
    if any(ipaddress.ip_address(found).is_unspecified for found, _ in addresses):
        return host_for_others((*own_addresses(addresses), host)[0], hosts), port
    if ipaddress.ip_address(host).is_loopback:
        say("This server can be reached from this computer only; --host 0.0.0.0 admits other computers")
        return host, port
    return host_for_others(host, hosts), port


def invitation_url(host: str, port: int, room: str, token: str, pin: str) -> str:
    shown = f"[{host.replace('%', '%25')}]" if ":" in host else host  # RFC 6874: the zone's sign is escaped
    query = f"invite={quote(token)}" + (f"&pin={quote(pin, safe=':+/=')}" if pin else "")
    return f"{'ircs' if pin else 'irc'}://{shown}:{port}/{quote(room.removeprefix('#'))}?{query}"
