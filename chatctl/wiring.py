"""A server built from settings: the only place that names the concrete classes of all rooms."""

from __future__ import annotations

import sys

from chatctl.chat.rules import Rules
from chatctl.config import Loaded
from chatctl.log import Log
from chatctl.server import Limits, Server
from chatctl.version import __version__


def build_log(loaded: Loaded) -> Log:
    """The server's log, on stderr: for people where that is a terminal, for programs elsewhere."""
    settings = loaded.settings.log
    terminal = sys.stderr is not None and sys.stderr.isatty()
    return Log(sys.stderr, level=settings.level, format=settings.format or ("text" if terminal else "json"))


def build_server(loaded: Loaded, log: Log) -> Server:
    """A server as the settings say, not started. Raises ConfigError for a password file that cannot be read."""
    settings = loaded.settings
    rules = Rules(
        server_name=settings.name,
        network=settings.network,
        motd=settings.motd or "",
        password=loaded.server_password() or "",
        version=f"chatctl-{__version__}",
    )
    bounds = settings.limits
    limits = Limits(
        unregistered=bounds.unregistered,
        registration_seconds=bounds.registration_seconds,
        idle_seconds=bounds.idle_seconds,
        outbox_bytes=bounds.outbox_bytes,
        outbox_total_bytes=bounds.outbox_total_bytes,
    )
    return Server(
        settings.host,
        settings.port,
        settings.listener_limit,
        rules=rules,
        limits=limits,
        log=log,
        plain_for_all=settings.tls.mode == "off",
    )
