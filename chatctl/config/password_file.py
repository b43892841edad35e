"""Reading a password from a file of one line."""

from __future__ import annotations

from pathlib import Path

from chatctl.config import kinds
from chatctl.errors import ConfigError


def read_password_file(source: str, path: Path) -> str:
    """Return the password in the file at `path`, which `source` (a flag or a setting) names. Raises ConfigError."""
    try:
        password = path.read_bytes().decode().removesuffix("\n").removesuffix("\r")
        kinds.check_password(password)
    except UnicodeDecodeError:
        raise ConfigError(f"{source} names {path}, which is not UTF-8 text") from None
    except OSError as error:
        raise ConfigError(f"{source} names {path}, which cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise ConfigError(f"{source} names {path}, whose content cannot be used: {error}") from None
    if not password:
        raise ConfigError(f"{source} names {path}, which is empty")
    return password
