"""Asking for a password: without an echo from a person, or from the first line of a pipe. Never from an argument."""

from __future__ import annotations

import getpass
from typing import TextIO

from chatctl.errors import ConfigError
from chatctl.protocol.passwords import password_problem


def new_password(question: str, stream: TextIO | None, name: str = "") -> str:
    """Read a new password for the account `name`: typed twice on a terminal. Raises ConfigError if it is refused."""
    if stream is None or not stream.isatty():
        return checked(read_password(stream), name)
    password = checked(getpass.getpass(question), name)
    if getpass.getpass("Once more: ") != password:
        raise ConfigError("The two passwords are not the same")
    return password


def read_password(stream: TextIO | None) -> str:
    """Return the first line of a pipe or a file."""
    line = stream.readline() if stream is not None else ""
    return line.removesuffix("\n").removesuffix("\r")


def checked(password: str, name: str = "") -> str:
    """Return `password`, or raise ConfigError if the account `name` may not have it."""
    problem = password_problem(password, name)
    if problem is not None:
        raise ConfigError(problem)
    return password
