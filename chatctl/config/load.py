"""From all sources to the settings in force."""

from __future__ import annotations

import functools
import os
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from chatctl.config import complaints, sources
from chatctl.config.password_file import read_password_file
from chatctl.config.settings import KEYS, Settings
from chatctl.errors import ConfigError

DEFAULT = "default"
PASSWORDS = ("password", "password_file", "client.password_file")
"""The settings that hold, or name, a password that clients send."""


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """The settings in force, and their origins.

    `file`: the file that was read, or None. `origins`: for every dotted key "--port", "CHATCTL_PORT", the file's path
    or "default". `password_servers`: the host and port that each password setting belongs to (:func:`_servers_of`).
    `notices`: sentences to report that are not errors. `again` reads the same sources again.
    """

    settings: Settings
    file: Path | None
    origins: Mapping[str, str]
    password_servers: Mapping[str, tuple[str, int]]
    notices: tuple[str, ...]
    again: Callable[[], LoadedSettings] = field(repr=False, compare=False)

    def differences(self, other: LoadedSettings) -> list[str]:
        """Return the dotted keys whose values differ."""
        return [name for name in KEYS if self.value(name) != other.value(name)]

    def value(self, name: str) -> object:
        """Return the value of the dotted key `name`."""
        return functools.reduce(getattr, name.split("."), self.settings)

    def server_password(self) -> str | None:
        """Return the password that the server asks for, read from its file if there is one. Raises ConfigError."""
        if self.settings.password is not None:
            return self.settings.password.get_secret_value()
        return self._optional_password("password_file", self.settings.password_file)

    def client_password(self) -> str | None:
        """Return the password that `join` sends, from `client.password_file`. Raises ConfigError."""
        return self._optional_password("client.password_file", self.settings.client.password_file)

    def path_of(self, key: str, named: Path) -> Path:
        """Return the path of a setting's file; in the settings file, it is relative to that file."""
        path = Path(os.path.expanduser(named))
        if self.file is not None and self.origins[key] == str(self.file):
            path = self.file.parent / path  # [relative-paths]; an absolute path stays unchanged
        return path

    def written_at(self, key: str) -> str:
        """Return the source of a setting, for a sentence: a variable, a flag, or the file with the key."""
        return f"{self.origins[key]}: {key}" if self.origins[key] == str(self.file) else self.origins[key]

    def _optional_password(self, key: str, named: Path | None) -> str | None:
        return self.read_password(key, named) if named is not None else None

    def read_password(self, key: str, named: Path) -> str:
        """Return the password in the file that the setting `key` names. Raises ConfigError."""
        return read_password_file(self.written_at(key), self.path_of(key, named))


def load(
    *,
    config_file: str | None = None,
    flags: Mapping[str, object] | None = None,
    use_files: bool = False,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> LoadedSettings:
    """Read every source and check what they say together.

    `config_file` is what --config says; `flags` are nested as in the file, None for one that was not given; `use_files`
    lets `serve` and `config` find an unnamed file; `environ` and `cwd` stand in for the process's own. Raises
    ConfigError with one line for each problem.
    """
    environ = os.environ if environ is None else environ
    file = sources.find_file(config_file, use_files, environ, cwd)
    read = [sources.from_flags(flags or {}), sources.from_environment(environ)]
    if file is not None:
        read.append(sources.from_file(file))
    given = ChainMap(*(source.given for source in read))  # the first one that has a key wins
    problems = [problem for source in read for problem in source.problems]
    settings = None
    try:
        settings = Settings(**_nested(given))
    except ValidationError as error:
        problems += complaints.refused(error, {name: found.where for name, found in given.items()})
    if settings is not None and settings.password is not None and settings.password_file is not None:
        problems.append(complaints.both_passwords(given["password"].where, given["password_file"].where))
    if settings is None or problems:
        raise ConfigError("\n".join(problems))
    return LoadedSettings(
        settings=settings,
        file=file,
        origins={name: given[name].origin if name in given else DEFAULT for name in KEYS},
        password_servers=_servers_of(read),
        notices=tuple(notice for source in read for notice in source.notices),
        again=functools.partial(
            load, config_file=config_file, flags=flags, use_files=use_files, environ=environ, cwd=cwd
        ),
    )


def _servers_of(read: Sequence[sources.Source]) -> dict[str, tuple[str, int]]:
    """Return the host and port that each password setting belongs to, strongest source first in `read`.

    They are those of the source that holds the password, or of a weaker one: a variable may not lead the password of a
    file to another host, and a flag leads none.
    """
    servers = {}
    for name in PASSWORDS:
        at = next((at for at, source in enumerate(read) if name in source.given), None)
        if at is None:
            continue
        weaker = ChainMap(*(source.given for source in read[max(at, 1) :]))
        try:
            settings = Settings(**_nested({key: weaker[key] for key in ("host", "port") if key in weaker}))
        except ValidationError:  # of a value that a stronger source replaces: the password belongs nowhere
            continue
        servers[name] = (settings.host, settings.port)
    return servers


def _nested(given: Mapping[str, sources.SourceValues]) -> dict[str, Any]:
    """Dotted keys as the tables they stand for."""
    nested: dict[str, Any] = {}
    for name, found in given.items():
        table, dot, last = name.rpartition(".")
        inner = nested.setdefault(table, {}) if dot else nested
        inner[last] = found.value
    return nested
