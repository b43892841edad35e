"""Threads and sockets around the chat's rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatctl.server.limits_config import Limits
from chatctl.server.tls_config import TlsConfig

if TYPE_CHECKING:
    from chatctl.server.server import Server as Server

__all__ = ["Limits", "Server", "TlsConfig"]


def __getattr__(name: str) -> object:
    # Late, because the settings of every command take their defaults from Limits and need no server.
    if name == "Server":
        from chatctl.server.server import Server

        return Server
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
