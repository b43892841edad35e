"""Target and identity of `join` and the script commands: from typed, saved and remembered values, and settings.

Values given with the command take precedence over a server saved by name, that over the settings, and those over the
last visit. A name in the settings (`client.servers`) takes precedence over one of `--save`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from chatctl.client.profile.profile import Profile, SavedVisit
from chatctl.config.password_file import read_password_file
from chatctl.destination.credentials import SavedPassword, credentials
from chatctl.destination.login_plan import LoginPlan
from chatctl.destination.server_address import is_url, target
from chatctl.errors import ConfigError
from chatctl.user_folders import expand_home, user_data_folder

if TYPE_CHECKING:
    from chatctl.config import LoadedSettings

_SHOWN = 50
"""Letters of a wrong room name that are shown."""


@dataclass(frozen=True, slots=True)
class JoinArguments:
    """The values given with the command. `server`: an address, the name of a saved server, or empty."""

    server: str = ""
    host: str | None = None
    port: str | None = None
    name: str | None = None
    room: str | None = None
    tls: bool | None = None
    fingerprint: str | None = None
    config: str | None = None
    account: str | None = None
    password_file: str | None = None


def plan_login(
    given: JoinArguments,
    *,
    remembering: bool = False,
    give_up_after: float | None = None,
    notify: Callable[[str], None] = lambda notice: None,
) -> LoginPlan:
    """Return the login for the given values.

    Args:
        given: The values given with the command.
        remembering: Use the last visit, because a person is there.
        give_up_after: See Client.
        notify: Gets notices about the settings.

    Raises:
        ConfigError: A setting or value is wrong.
    """
    from chatctl.config import load

    memory, saved = Profile(), None
    if given.server and not is_url(given.server):
        given, saved = _with_saved(given, memory, load(config_file=given.config))
    client = {"name": given.name, "room": given.room}
    flags = {"host": given.host, "port": given.port, "client": client}
    loaded = load(config_file=given.config, flags=flags)
    for notice in loaded.notices:
        notify(notice)
    last = memory.last if remembering and not given.server else None
    if last is not None and _is_open(loaded, "host", "port"):
        loaded = load(config_file=given.config, flags={**flags, "host": last.host, "port": str(last.port)})
        given = replace(given, tls=last.tls if given.tls is None else given.tls)
    settings = loaded.settings
    to = target(settings, given.tls, given.fingerprint, given.server)
    name, room = settings.client.name, given.room or to.room or settings.client.room
    if last is not None and (last.host, last.port) == (to.host, to.port):
        name = name or last.name or None
        room = last.room or room if _is_open(loaded, "client.room") and not to.room else room
    found = credentials(loaded, to, saved)
    plan = LoginPlan(to, room_name(room), name, found.password, give_up_after, to.invite, withheld=found.withheld)
    plan = replace(plan, folder=_data_folder(loaded))
    return _with_account(plan, given)


def _with_account(plan: LoginPlan, given: JoinArguments) -> LoginPlan:
    """Add the account that was given. Its password is that of --password-file, else the saved one of this server."""
    account, file = given.account, given.password_file
    if account is not None and (not account or any(c.isspace() or not c.isprintable() for c in account)):
        raise ConfigError(f"--account {account!r} is not a valid account name")
    if account is None and file is None:
        return plan
    account = account or plan.name or ""
    if not account:
        raise ConfigError("--password-file holds the password of an account; give --account NAME as well")
    plan = replace(plan, name=plan.name or account, account=account, logs_in=True)
    if file is not None:
        return plan.with_login(read_password_file("--password-file", Path(os.path.expanduser(file))))
    return replace(plan, password=None).with_login(plan.password) if plan.password else plan


def _data_folder(loaded: LoadedSettings) -> Path | None:
    """Return the data folder in force, without the imports of wiring.data_folder, or None."""
    named = loaded.settings.data_dir
    return expand_home(named, loaded.written_at("data_dir")) if named is not None else user_data_folder()


def _is_open(loaded: LoadedSettings, *keys: str) -> bool:
    """Return whether these all have their defaults."""
    return all(loaded.origins[key] == "default" for key in keys)


def _with_saved(
    given: JoinArguments, memory: Profile, loaded: LoadedSettings
) -> tuple[JoinArguments, SavedPassword | None]:
    """Add the values of the server of that name; the second value is its password file. Raises ConfigError."""
    password: SavedPassword | None = None
    settings = loaded.settings.client.servers
    set_up, found = settings.get(given.server), memory.saved.get(given.server)
    if set_up is not None:
        given = replace(given, fingerprint=given.fingerprint or set_up.fingerprint)
        if set_up.password_file is not None:
            port = set_up.port or loaded.settings.port
            password = SavedPassword(given.server, set_up.password_file, set_up.host, port)
        found = SavedVisit(set_up.host, set_up.port or 0, set_up.name or "", set_up.room or "", set_up.tls)
    if found is None:
        known = sorted({*settings, *memory.saved})
        words = f"saved are: {', '.join(known)}" if known else "join --save WORD saves one"
        raise ConfigError(
            f"{given.server} is neither a valid address, such as ircs://chat.example:5106/lobby, nor a saved server; "
            f"{words}"
        )
    with_saved = replace(
        given,
        server="",
        host=given.host or found.host,
        port=given.port or (str(found.port) if found.port else None),
        name=given.name or found.name or None,
        room=given.room or found.room or None,
        account=given.account or (set_up.account if set_up is not None else None),
        tls=found.tls if given.tls is None else given.tls,
    )
    return with_saved, password


def room_name(name: str) -> str:
    """Return a room's name with its sign, which many people leave out because their shell takes it for a comment.

    Raises ConfigError where it can be no room's.
    """
    from chatctl.client import Client
    from chatctl.client.errors import InputError

    room = name if name[:1] in ("#", "&", "+", "!") else f"#{name}"
    try:
        Client(name="nobody", rooms=[room])  # not started: it only looks at what it is given
    except InputError as error:
        shown = room if len(room) <= _SHOWN else f"{room[:_SHOWN]}..."
        raise ConfigError(f"--room {shown}: {error}") from None
    return room
