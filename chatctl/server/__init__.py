"""Threads and sockets around the chat's rules."""

from chatctl.server.limits.bounds import Limits
from chatctl.server.server import Server
from chatctl.server.tls_config import TlsConfig

__all__ = ["Limits", "Server", "TlsConfig"]
