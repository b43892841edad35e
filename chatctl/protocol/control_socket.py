"""Where the control socket of a data folder is, and how long its path may be."""

from __future__ import annotations

import sys
from pathlib import Path

NAME = "control.sock"

MAX_PATH_BYTES = 107 if sys.platform.startswith("linux") else 103
"""`sun_path` has 108 bytes on Linux (unix(7)) and 104 on macOS and the BSDs, one of them for the NUL at the end."""


def control_path(folder: Path) -> Path:
    """Return the path of the socket in a data folder."""
    return folder / NAME


def path_problem(folder: Path) -> str:
    """Return the clause that says that a data folder's path is too long for the socket in it; ``""`` if it fits."""
    size = len(str(control_path(folder)).encode(errors="surrogateescape"))
    if size <= MAX_PATH_BYTES:
        return ""
    most = MAX_PATH_BYTES - len(f"/{NAME}")
    return f"has a path of {size - len(f'/{NAME}')} bytes, and a socket in it needs one of at most {most}"
