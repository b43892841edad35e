"""Asking for a password: without an echo from a person, or from the first line of a pipe. Never from an argument."""

from __future__ import annotations

import getpass
from typing import TextIO

from chatctl.errors import ConfigError

_MOST_BYTES = 300
"""What one AUTHENTICATE message of SASL PLAIN takes beside a name, and one line of IRC."""


def new_password(question: str, stream: TextIO | None) -> str:
    """A password somebody chooses: typed twice where a person is asked. Raises ConfigError for one that will not do."""
    if stream is None or not stream.isatty():
        return checked(read_password(stream))
    password = checked(getpass.getpass(question))
    if getpass.getpass("Once more: ") != password:
        raise ConfigError("the two passwords are not the same")
    return password


def read_password(stream: TextIO | None) -> str:
    """The first line of a pipe or a file."""
    line = stream.readline() if stream is not None else ""
    return line.removesuffix("\n").removesuffix("\r")


def checked(password: str) -> str:
    """`password` if it can be sent and is not empty; else ConfigError."""
    if not password:
        raise ConfigError("an empty password is none")
    if len(password.encode(errors="replace")) > _MOST_BYTES:
        raise ConfigError(f"a password has at most {_MOST_BYTES} bytes")
    if any(character in "\0\r\n" for character in password):
        raise ConfigError("a password is one line")
    return password
