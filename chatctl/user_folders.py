"""The platform's folders for a user's programs, and errors if there are none.

In a container a process may run under a user id without an entry in the password database, and with HOME unset. Then
there is no home folder: `~` means nothing, and nothing can be stored unless a variable names a place.
"""

from __future__ import annotations

import os
from pathlib import Path

from chatctl.errors import ConfigError

_APP = "chatctl"


def user_data_folder() -> Path | None:
    """Return the folder for chatctl's data, or None if the user has no home folder."""
    import platformdirs

    try:
        return _absolute(platformdirs.user_data_dir(_APP, appauthor=False))
    except RuntimeError:  # recent versions of platformdirs raise, older ones return "~/..."
        return None


def user_config_folder() -> Path | None:
    """Return the folder for chatctl's settings, or None if the user has no home folder."""
    import platformdirs

    try:
        return _absolute(platformdirs.user_config_dir(_APP, appauthor=False))
    except RuntimeError:
        return None


def home_problem() -> str:
    """Return the clause that says why there is no home folder."""
    return f"HOME is not an absolute path, and user id {os.geteuid()} has no home folder"


def expand_home(path: Path, setting: str) -> Path:
    """Replace a leading `~` or `~user`. Raises ConfigError, which names `setting`, if that home folder is unknown."""
    user = path.parts[0] if path.parts else ""
    if not user.startswith("~"):
        return path
    expanded = os.path.expanduser(path)
    if not os.path.isabs(expanded) or (user == "~" and os.environ.get("HOME") == ""):
        why = home_problem() if user == "~" else f"the home folder of {user[1:]} is unknown"
        raise ConfigError(f"{setting} is {path}, but {why}: give an absolute path")
    return Path(expanded)


def _absolute(path: str) -> Path | None:
    return Path(path) if os.path.isabs(path) else None
