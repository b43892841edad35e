"""The sources of settings: file, environment, flags. Each is read into dotted keys and where they were written."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic_settings import EnvSettingsSource

from chatctl.config import complaints
from chatctl.config.settings import KEYS, NESTED, PREFIX, TABLES, Settings, variable
from chatctl.errors import ConfigError
from chatctl.protocol.json_text import parse_json
from chatctl.user_folders import user_config_folder

FILE_NAME = "chatctl.toml"

# Kubernetes describes every service of a namespace to its pods in variables named after the service; with a service
# called chatctl, or chatctl-web, they look like ours.
# https://kubernetes.io/docs/tutorials/services/connect-applications-service/
_KUBERNETES_NAME = re.compile(
    r"CHATCTL_(SERVICE_\w+|PORT_\w+|\w+_SERVICE_(HOST|PORT(_\w+)?)|\w+_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_KUBERNETES_PORT = re.compile(r"(tcp|udp|sctp)://", re.IGNORECASE)


# Tables with user-defined keys: CHATCTL_CLIENT__SERVERS__WORK=ircs://chat.example/tea, ..._WORK__PORT=6697.
_OPEN = tuple(f"{key.variable}{NESTED}" for key in KEYS.values() if isinstance(key.default, dict) and not key.secret)


@dataclass(frozen=True, slots=True)
class SourceValues:
    """One value: where a complaint says it was written (`chatctl.toml: port`), and what `config show` prints."""

    value: object
    where: str
    origin: str


@dataclass(slots=True)
class Source:
    """The values of one source: by dotted key, with its problems and notices."""

    given: dict[str, SourceValues] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def find_file(config_file: str | None, use_files: bool, environ: Mapping[str, str], cwd: Path | None) -> Path | None:
    """Return the file to read ([one-file]). Raises ConfigError if a named one does not exist."""
    for who, named in (
        ("--config", config_file),
        (complaints.CONFIG_VARIABLE, environ.get(complaints.CONFIG_VARIABLE)),
    ):
        if named:
            path = Path(os.path.expanduser(named))
            if not os.path.exists(path if cwd is None else cwd / path):
                raise ConfigError(f"{who} names {named}, but there is no such file")
            return path if cwd is None else cwd / path
    if not use_files:
        return None
    places = lookup_places(cwd)
    # lexists: a dangling link was made on purpose, and reading it reports the error.
    return next((place for place in places if os.path.lexists(place)), None)


def lookup_places(cwd: Path | None = None) -> tuple[Path, ...]:
    """Return the paths where an unnamed file is looked for, in this order."""
    here = Path(FILE_NAME) if cwd is None else cwd / FILE_NAME
    folder = user_config_folder()
    return (here,) if folder is None else (here, folder / FILE_NAME)


def from_file(path: Path) -> Source:
    """Return the settings in a TOML file. Raises ConfigError when it cannot be read at all."""
    source = Source()
    for name, value in _leaves(_read_toml(path)):
        where = f"{path}: {name}"
        if name in KEYS:
            source.given[name] = SourceValues(value, where, str(path))
        else:
            source.problems.append(_misplaced(str(path), where, name))
    if any(KEYS[name].secret for name in source.given) and path.stat().st_mode & 0o077:
        source.notices.append(f"{path} holds a password and others can read it: chmod 600 {path}")
    return source


def from_environment(environ: Mapping[str, str]) -> Source:
    """Return the settings in CHATCTL_* variables ([variables], [empty-is-unset], [unknown-refused])."""
    source = Source()
    ours = _our_variables(environ, source)
    for table in TABLES:
        name = variable(table)
        if name in ours and not _is_json_object(ours[name]):
            source.problems.append(complaints.not_json(name, table))
            del ours[name]
    for key in KEYS.values():
        if isinstance(key.default, dict) and key.variable in ours and not _is_json_object(ours[key.variable]):
            source.problems.append(f"{key.variable} is not a JSON object; {key.says.clause}")
            del ours[key.variable]
    reader = EnvSettingsSource(Settings, case_sensitive=False, env_prefix=PREFIX, env_nested_delimiter=NESTED)
    # It has read the process's environment; this is what it is to look at instead (lower case, as it keeps them).
    reader.env_vars = {name.lower(): value for name, value in ours.items()}
    for name, value in _leaves(reader()):
        single = variable(name)
        table = variable(name.partition(".")[0])
        if name not in KEYS:
            source.problems.append(_misplaced(table, f"{table}: {name}", name))
        elif origin := _of_variables(single, ours):
            source.given[name] = SourceValues(value, origin, origin)
        else:
            source.given[name] = SourceValues(value, f"{table}: {name}", table)
    return source


def from_flags(flags: Mapping[str, object]) -> Source:
    """Return the settings given on the command line, nested as in the file; None is a flag that was not given."""
    source = Source()
    for name, value in _leaves(flags):
        if value is not None:
            flag = KEYS[name].flag or name
            source.given[name] = SourceValues(value, flag, flag)
    return source


def _of_variables(single: str, ours: Mapping[str, str]) -> str:
    """Return the variable that sets a key, or a pattern for several that do it together; ``""`` if its table's does."""
    if single in ours:
        return single
    together = [name for name in ours if name.upper().startswith(f"{single}{NESTED}")]
    return together[0] if len(together) == 1 else f"{single}{NESTED}*" if together else ""


def _our_variables(environ: Mapping[str, str], source: Source) -> dict[str, str]:
    """Return the variables to read; report unknown, Kubernetes' and empty ones to `source`."""
    ours: dict[str, str] = {}
    kubernetes = []
    for name, value in sorted(environ.items()):
        if not name.upper().startswith(PREFIX):
            continue
        if _KUBERNETES_NAME.fullmatch(name) or (name.endswith("_PORT") and _KUBERNETES_PORT.match(value)):
            kubernetes.append(name)
        elif name not in complaints.KNOWN_VARIABLES and not name.upper().startswith(_OPEN):
            source.problems.append(complaints.unknown_variable(name))
        elif value:
            ours[name] = value
        elif any(key.secret and key.variable == name for key in KEYS.values()):
            source.notices.append(f"{name} is empty and counts as not set")
    if kubernetes:
        source.notices.append(f"ignored, since Kubernetes sets them for its services: {', '.join(kubernetes)}")
    return ours


def _leaves(data: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Nested tables as dotted keys. Only known tables are entered, so that an unknown one is one problem, not many."""
    for part, value in data.items():
        name = f"{prefix}{part}"
        if name in TABLES and isinstance(value, Mapping):
            yield from _leaves(value, f"{name}.")
        else:
            yield name, value


def _misplaced(source: str, where: str, name: str) -> str:
    return complaints.not_a_table(where, name) if name in TABLES else complaints.unknown_key(source, name)


def _is_json_object(text: str) -> bool:
    try:
        return isinstance(parse_json(text), dict)
    except ValueError:
        return False


def _read_toml(path: Path) -> dict[str, object]:
    try:
        text = path.read_bytes().decode("utf-8-sig")  # some editors begin a file with a byte order mark
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}, line {line}: this is not UTF-8; save the file as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from None
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ConfigError(f"{path} is not valid TOML: it is nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None
