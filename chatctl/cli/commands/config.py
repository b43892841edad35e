"""`chatctl config`: the settings in force and their origins, and a file to start from."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatctl.cli.failures import reads, reports, say
from chatctl.cli.help import PlainCommand
from chatctl.cli.options import ConfigOption, JsonOption
from chatctl.errors import ConfigError

if TYPE_CHECKING:
    from chatctl.config import LoadedSettings
    from chatctl.config.settings import SettingKey

HIDDEN = "********"
NONE = "-"

app = typer.Typer(help="Show the settings in force, or write a file to start from.", no_args_is_help=True)


@app.command(cls=PlainCommand)
@reads
def show(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Print every setting, its value and where the value came from."""
    from chatctl.config import KEYS, load
    from chatctl.protocol.clean import clean

    loaded = load(config_file=config, use_files=True)
    for notice in loaded.notices:
        say(notice)
    if as_json:
        for key in KEYS.values():
            print(json.dumps({"key": key.name, "value": _plain(key, loaded), "origin": loaded.origins[key.name]}))
        return
    rows = [(key.name, clean(_words(key, loaded)), clean(loaded.origins[key.name])) for key in KEYS.values()]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, value, origin in rows:
        print(f"{name:{widths[0]}}  {value:{widths[1]}}  {origin}")


@app.command(cls=PlainCommand)
@reads
def path(config: ConfigOption = None) -> None:
    """Print the path of the settings file.

    If there is none: print where it is looked for, and end with 1.
    """
    from chatctl.config.sources import find_file, lookup_places
    from chatctl.errors import ChatctlError

    found = find_file(config, True, os.environ, None)
    if found is None:
        raise ChatctlError(f"No configuration file; looked for {' and '.join(map(str, lookup_places()))}")
    print(found.absolute())


@app.command(cls=PlainCommand)
@reports
def init(
    file: Annotated[Path, typer.Argument(metavar="PATH", help="The file to write.")] = Path("chatctl.toml"),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is already there.")] = False,
) -> None:
    """Write a commented file with every setting. Only you can read it, since it may come to hold a password."""
    from chatctl.config.example import text

    try:
        _write(file, text(), force)
    except FileExistsError:
        raise ConfigError(f"{file} exists already; --force replaces it") from None
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror or error}") from None
    print(f"wrote {file}")


def _write(file: Path, text: str, force: bool) -> None:
    """Create `file` whole or not at all, mode 0600. An old one stays until the new one is complete."""
    if force:
        descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)  # makes it 0600
    else:
        descriptor, name = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), str(file)
    try:
        with open(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        if force:
            os.replace(name, file)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _plain(key: SettingKey, loaded: LoadedSettings) -> str | int | None:
    """Return a value for JSON: numbers as numbers, no secrets."""
    value = key.value(loaded.settings)
    if isinstance(value, dict) and not key.secret:
        value = ", ".join(sorted(value))
    if isinstance(key.default, dict):
        value = value or None
    if value is None or isinstance(value, int):
        return value
    return HIDDEN if key.secret else str(value)


def _words(key: SettingKey, loaded: LoadedSettings) -> str:
    """Return a value for people: several lines become one, and an empty value `-`."""
    value = _plain(key, loaded)
    if value is None:
        return key.says.unset or NONE
    return " / ".join(str(value).splitlines())
