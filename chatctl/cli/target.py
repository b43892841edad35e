"""Where `join`, `check-name` and their like connect to, and what to say when nobody is there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from chatctl.errors import UnreachableError

if TYPE_CHECKING:
    from chatctl.config import Settings

_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1", "*": "127.0.0.1"}


def target(settings: Settings) -> tuple[str, int]:
    """Host and port. A host that means "all addresses" to a server means this computer to a client; an IPv6 address may
    stand in brackets, as in a URL."""
    host = settings.host[1:-1] if settings.host[:1] == "[" and settings.host[-1:] == "]" else settings.host
    return _LOOPBACK.get(host, host), settings.port


@contextlib.contextmanager
def hinting() -> Iterator[None]:
    """Add what to do to an UnreachableError."""
    try:
        yield
    except UnreachableError as error:
        hint = 'start one with "chatctl serve", or name another with --host and --port'
        raise UnreachableError(f"{error}; {hint}") from None
