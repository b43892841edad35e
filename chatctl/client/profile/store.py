"""`client.json`: the client's data in the platform's data folder for chatctl.

Invariants:

- [owner-only] File 0600, folder 0700: only the user may read it. It is written completely or not at all.
- [locked] Two programs that change it wait for each other.
- [never-overwrite] An unreadable file is left alone: its owner may want to look at it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from chatctl.protocol.json_text import parse_json
from chatctl.user_folders import home_problem, user_data_folder

FILE = "client.json"

Content = dict[str, object]


def folder() -> Path:
    """Return the platform's place for it. Raises OSError if the user has no home folder."""
    found = user_data_folder()
    if found is None:
        raise OSError(home_problem())
    return found


def read(where: Path | None = None) -> Content:
    """Return the stored data; empty without any. Raises OSError (also for [never-overwrite])."""
    try:
        found = parse_json(((where or folder()) / FILE).read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise OSError(str(error)) from None
    if not isinstance(found, dict):
        raise OSError("not an object")
    return found


def update(change: Callable[[Content], None], where: Path | None = None) -> Content:
    """Let `change` change the stored data; return the result. Raises OSError."""
    place = where or folder()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(place):
        content = read(place)
        before = json.dumps(content)
        change(content)
        if json.dumps(content) != before:
            _write(place / FILE, content)
    return content


@contextlib.contextmanager
def _alone(place: Path) -> Iterator[None]:
    descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # a file system without locks: the last one wins
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(file: Path, content: Content) -> None:
    descriptor, name = tempfile.mkstemp(prefix=".client.", dir=file.parent)  # mkstemp makes it 0600
    try:
        with open(descriptor, "w", encoding="utf-8") as stream:
            json.dump(content, stream)
        os.replace(name, file)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise
