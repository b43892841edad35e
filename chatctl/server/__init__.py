"""Threads and sockets around the chat's rules."""

from chatctl.server.limits import Limits
from chatctl.server.plan import TlsPlan
from chatctl.server.server import Server

__all__ = ["Limits", "Server", "TlsPlan"]
