"""The address that `join`, `check-name` and others connect to, and the error if no server answers there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatctl.errors import ConfigError, UnreachableError

if TYPE_CHECKING:
    from chatctl.client.transport.trust import Trust
    from chatctl.config import Settings

_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1", "*": "127.0.0.1"}

_SCHEMES = {"irc": (6667, False), "ircs": (6697, True)}
"""By scheme: the usual port (RFC 7194), and whether it means TLS."""


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """The address of a server. `room` is the one that a URL names, or ``""``."""

    host: str
    port: int
    room: str
    trust: Trust
    invite: str = ""
    """The token of an invitation."""

    @property
    def address(self) -> str:
        """``host:port``, as people write it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def is_url(text: str) -> bool:
    """Return whether this is an address such as ``ircs://chat.example/lobby``."""
    return text.partition("://")[0].lower() in _SCHEMES and "://" in text


def target(settings: Settings, tls: bool | None = None, fingerprint: str | None = None, url: str = "") -> ServerAddress:
    """Return the address of `url`, or of the settings. A host that means "all addresses" to a server means this
    computer to a client; an IPv6 address may be in brackets. Raises ConfigError for an invalid URL or fingerprint."""
    from chatctl.client.transport.trust import Trust

    host, port, room, secure, invite = settings.host, settings.port, "", None, ""
    url = url or (host if is_url(host) else "")
    if url:
        host, port, room, secure = _parsed(url)
        invite, pin = _query(url)
        fingerprint = fingerprint or pin
    else:
        host = _host(host)
    trust = Trust(secure if tls is None else tls, _normal(fingerprint))
    if trust.fingerprint and trust.tls is None:
        trust = Trust(True, trust.fingerprint)  # who gives one wants it looked at, on this machine too
    return ServerAddress(_LOOPBACK.get(host, host), port, room, trust, invite)


def _parsed(url: str) -> tuple[str, int, str, bool]:
    """``irc[s]://host[:port][/room]``; the ``#`` of the room may be left out, or written ``%23``."""
    from urllib.parse import unquote, urlsplit

    try:
        parts = urlsplit(url)
        usual, secure = _SCHEMES[parts.scheme.lower()]
        port = parts.port or usual
    except (ValueError, KeyError):
        parts, usual, secure, port = urlsplit(""), 0, False, 0
    if not parts.hostname:
        raise ConfigError(f"{url} is not a valid address, such as ircs://chat.example:5106/lobby (irc:// without TLS)")
    room = unquote(parts.path.lstrip("/").partition(",")[0])
    if not room and parts.fragment:
        room = f"#{unquote(parts.fragment)}"
    return unquote(parts.hostname) if ":" in parts.hostname else parts.hostname, port, room, secure


def _host(host: str) -> str:
    """Return a host without the brackets of an IPv6 address. Raises ConfigError if a port follows."""
    if host[:1] == "[" and host[-1:] == "]":
        return host[1:-1]
    name, colon, port = host.rpartition(":")
    if colon and port.isascii() and port.isdigit() and (":" not in name or name[-1:] == "]"):
        raise ConfigError(f'The host is "{host}", but a port is given on its own: --host {name} --port {port}')
    return host


def _query(url: str) -> tuple[str, str]:
    """Return the token of an invitation and the pin that ``?invite=...&pin=...`` gives; ``""`` for none."""
    from urllib.parse import parse_qs, urlsplit

    given = parse_qs(urlsplit(url).query)
    return given.get("invite", [""])[0], given.get("pin", [""])[0]


def _normal(fingerprint: str | None) -> str:
    if not fingerprint:
        return ""
    from chatctl.protocol.certificate import normal_fingerprint

    try:
        return normal_fingerprint(fingerprint)
    except ValueError as error:
        raise ConfigError(f"--fingerprint {fingerprint}: {error}") from None


@contextlib.contextmanager
def hinting() -> Iterator[None]:
    """Add what to do to an UnreachableError."""
    try:
        yield
    except UnreachableError as error:
        hint = 'start one with "chatctl serve", or name another with --host and --port'
        raise UnreachableError(f"{error}; {hint}") from None
