"""A server built from settings: the only place that names the concrete classes of all packages."""

from __future__ import annotations

import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatctl.chat.engine.hub import Hub
from chatctl.chat.entries.tasks import ReadSettings
from chatctl.chat.model.policy import Rules
from chatctl.config import LoadedSettings
from chatctl.errors import ChatctlError, ConfigError
from chatctl.journal.store.data_folder import (
    CLOAK_BYTES,
    CLOAK_KEY,
    FolderLock,
    journal_file,
    lock,
    prepare,
    stored_secret,
)
from chatctl.log import LogWriter
from chatctl.server import Limits, Server, TlsConfig
from chatctl.server.control.control import Handler
from chatctl.server.net.listener import own_addresses
from chatctl.server.tls_config import CERTIFICATE
from chatctl.user_folders import expand_home, home_problem, user_data_folder
from chatctl.version import __version__

if TYPE_CHECKING:
    from chatctl.journal import SqliteJournal


@dataclass(slots=True)
class BuiltServer:
    """A server, and its locked data folder; None without one."""

    server: Server
    folder: Path | None
    lock: FolderLock | None

    def publish_address(self) -> None:
        """Publish the server's address in the lock file: another server that finds the folder in use reports it."""
        if self.lock is not None:
            host, port = self.server.addresses[0]
            self.lock.note(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")

    def stop(self, reason: str, seconds: float) -> None:
        """Stop the server, then release the folder: queued facts are committed first."""
        self.server.stop(reason, seconds)
        if self.lock is not None:
            self.lock.release()


def build_log(loaded: LoadedSettings) -> LogWriter:
    """Return the server's log on stderr: for people if that is a terminal, for programs otherwise."""
    settings = loaded.settings.log
    terminal = sys.stderr is not None and sys.stderr.isatty()
    return LogWriter(sys.stderr, level=settings.level, format=settings.format or ("text" if terminal else "json"))


def data_folder(loaded: LoadedSettings) -> Path:
    """Return the data folder in force: `data_dir`, else the platform's place for chatctl's data.

    Raises ConfigError if the user has no home folder and no folder is set.
    """
    named = loaded.settings.data_dir
    if named is not None:
        return expand_home(named, loaded.written_at("data_dir"))
    folder = user_data_folder()
    if folder is None:
        raise ConfigError(
            f"No data folder is known, since {home_problem()}: set CHATCTL_DATA_DIR (or --data-dir) to a folder of "
            "your own"
        )
    return folder


def build_server(loaded: LoadedSettings, log: LogWriter) -> BuiltServer:
    """Return a server according to the settings, not started. Raises ConfigError for a password file that cannot be
    read, StartError for a data folder that will not do or is in use."""
    password = loaded.server_password() or ""
    folder = held = journal = None
    if loaded.settings.history.enabled:
        folder = prepare(data_folder(loaded))
        held = lock(folder)
        journal = _journal(loaded, folder, log)
    return BuiltServer(_server(loaded, log, password, journal, folder), folder, held)


def _journal(loaded: LoadedSettings, folder: Path, log: LogWriter) -> SqliteJournal:
    from chatctl.journal import Retention, SqliteJournal

    history = loaded.settings.history
    retention = Retention(days=history.retention_days, messages=history.retention_messages)
    return SqliteJournal(journal_file(folder), log, retention=retention)


def _tls(loaded: LoadedSettings, folder: Path | None) -> TlsConfig:
    settings = loaded.settings
    given = settings.tls.certificate, settings.tls.key
    if settings.tls.mode == "off":
        return TlsConfig("off")
    if given[0] is not None and given[1] is not None:
        certificate, key = loaded.path_of("tls.certificate", given[0]), loaded.path_of("tls.key", given[1])
        return TlsConfig(settings.tls.mode, certificate, key)
    if given != (None, None):
        raise ConfigError("tls.certificate and tls.key belong together; only one of them is set")

    def names() -> list[str]:
        here = [settings.name, "localhost", "127.0.0.1", "::1", socket.gethostname(), *own_addresses([("::", 0)])]
        wanted = dict.fromkeys([*here, settings.host, settings.advertise or ""])
        return [name for name in wanted if name not in ("", "0.0.0.0", "::")]

    if folder is None:  # nothing is written, but a certificate that others trust already stays the same
        folder = _folder_with_certificate(loaded)
    return TlsConfig(settings.tls.mode, folder=folder, names=names)


def _folder_with_certificate(loaded: LoadedSettings) -> Path | None:
    try:
        folder = data_folder(loaded)
        return folder if (folder / CERTIFICATE).exists() else None
    except (ConfigError, OSError):  # no home folder, or one that this user may not read
        return None


LIVE_SETTINGS = (
    "accounts.guests",
    "accounts.iterations",
    "accounts.registration",
    "admin",
    "listener_limit",
    "motd",
    "operators",
    "password",
    "password_file",
)
"""Settings that change while people talk (REHASH, SIGHUP); the others need a restart."""


def _live_rules(loaded: LoadedSettings, password: str) -> dict[str, Any]:
    """Return the fields of Rules for LIVE_SETTINGS."""
    settings = loaded.settings
    return {
        "admin": settings.admin or "",
        "listener_limit": settings.listener_limit,
        "motd": settings.motd or "",
        "operators": {name: verifier.get_secret_value() for name, verifier in settings.operators.items()},
        "password": password,
        "registration": settings.accounts.registration,
        "guests": settings.accounts.guests,
        "iterations": settings.accounts.iterations,
    }


class SettingsReader:
    """Reads the settings again, and reports which changes take effect."""

    def __init__(self, loaded: LoadedSettings) -> None:
        self._started_with = loaded
        self._in_force = loaded

    def read(self) -> ReadSettings:
        """Never raises: settings that will not do leave all as it is."""
        file = str(self._in_force.file or "")
        try:
            found = self._in_force.again()
            changes = _live_rules(found, found.server_password() or "")
        except ChatctlError as error:
            report = (f"Nothing was changed: {line}" for line in str(error).splitlines())
            return ReadSettings(report=tuple(report), file=file)
        now = [name for name in self._in_force.differences(found) if name in LIVE_SETTINGS]
        later = [name for name in self._started_with.differences(found) if name not in LIVE_SETTINGS]
        self._in_force = found
        report_lines = [f"In force now: {', '.join(now)}." if now else "Nothing that can change now is different."]
        if later:
            report_lines.append(f"In force after a restart: {', '.join(later)}.")
        return ReadSettings(changes, tuple(report_lines), file)


def _server(
    loaded: LoadedSettings, log: LogWriter, password: str, journal: SqliteJournal | None, control: Path | None
) -> Server:
    def requests(hub: Hub) -> dict[str, Handler]:
        if journal is None:
            return {}
        from chatctl.journal.control import JournalRequests

        return JournalRequests(journal, lambda: hub.fanout.released_seq, hub.recent.forget).handlers

    settings = loaded.settings
    rules = Rules(
        server_name=settings.name,
        network=settings.network,
        local=settings.local,
        version=f"chatctl-{__version__}",
        cloak_key=stored_secret(control, CLOAK_KEY, CLOAK_BYTES) if control is not None else b"",
        replay_on_join=settings.history.replay_on_join,
        always_on=settings.accounts.always_on if journal is not None else "off",
        always_on_days=settings.accounts.always_on_days,
        max_members=settings.accounts.max_members,
        **_live_rules(loaded, password),
    )
    given = settings.limits
    limits = Limits(
        messages_per_second=given.messages_per_second,
        connections_per_address=given.connections_per_address,
        unregistered=given.unregistered,
        registration_seconds=given.registration_seconds,
        idle_seconds=given.idle_seconds,
        outbox_bytes=given.outbox_bytes,
        outbox_total_bytes=given.outbox_total_bytes,
    )
    return Server(
        settings.host,
        settings.port,
        reread=SettingsReader(loaded).read,
        rules=rules,
        limits=limits,
        journal=journal,
        log=log,
        tls=_tls(loaded, control),
        control=control,
        requests=requests,
    )
