"""Which saved password is sent to which server.

Invariants:

[one-server] A saved password belongs to one server, which is a host and a port. It is sent nowhere else, whatever
    address is given with the command, saved under a word or remembered from the last visit.
[settings-pair] The passwords in the settings (`client.password_file`, `password`, `password_file`) belong to the `host`
    and `port` of the same file, or of the same variables over that file. Flags and addresses do not move them.
[saved-server] The `password_file` of a server in `client.servers` belongs to that server's host and port.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chatctl.destination.server_address import ServerAddress, target
from chatctl.errors import ConfigError

if TYPE_CHECKING:
    from chatctl.config import LoadedSettings

_THIS_COMPUTER = {"localhost", "ip6-localhost", "127.0.0.1", "::1"}

_REMEDY = (
    "set CHATCTL_HOST and CHATCTL_PORT beside the password, or give the server a password_file of its own under "
    "client.servers"
)


@dataclass(frozen=True, slots=True)
class SavedPassword:
    """The password file of a server in `client.servers`, and where that server is."""

    word: str
    file: Path
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Credentials:
    """`password`: the one to send, or None. `withheld`: why a saved one is not sent, as a sentence, or empty."""

    password: str | None = None
    withheld: str = ""


def server_key(host: str, port: int) -> tuple[str, int]:
    """Return a key that is equal for all spellings of a server. All names of this computer are one host."""
    host = host.lower().rstrip(".")
    try:
        address = ipaddress.ip_address(host)
        host = str(getattr(address, "ipv4_mapped", None) or address)
    except ValueError:
        pass
    return "localhost" if host in _THIS_COMPUTER else host, port


def credentials(loaded: LoadedSettings, to: ServerAddress, saved: SavedPassword | None = None) -> Credentials:
    """Choose the password for the server `to` [one-server]. Only a file that is needed is read. Raises ConfigError."""
    withheld = ""
    if saved is not None:
        home = _home(loaded, saved.host, saved.port)
        if _is_same(home, to):
            return Credentials(loaded.read_password("client.servers", saved.file))
        withheld = _withheld(f"{loaded.written_at('client.servers')} for {saved.word}", home, to)
    settings = loaded.settings
    given = {
        "client.password_file": settings.client.password_file,
        "password": settings.password,
        "password_file": settings.password_file,
    }
    for key, value in given.items():
        if value is None:
            continue
        server = loaded.password_servers.get(key)
        home = _home(loaded, *server) if server is not None else None
        if _is_same(home, to):
            return Credentials(loaded.client_password() if key.startswith("client.") else loaded.server_password())
        withheld = withheld or _withheld(loaded.written_at(key), home, to)
    return Credentials(None, withheld)


def _home(loaded: LoadedSettings, host: str, port: int) -> ServerAddress | None:
    """Return the server that a host and a port of the settings name; None if they name none."""
    try:
        return target(loaded.settings.model_copy(update={"host": host, "port": port}))
    except ConfigError:
        return None


def _is_same(home: ServerAddress | None, to: ServerAddress) -> bool:
    return home is not None and server_key(home.host, home.port) == server_key(to.host, to.port)


def _withheld(written_at: str, home: ServerAddress | None, to: ServerAddress) -> str:
    owner = f"belongs to {home.address}" if home is not None else "belongs to no server"
    return f"The password of {written_at} {owner}, so it is not sent to {to.address}; {_REMEDY}"
