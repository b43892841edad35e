"""Servers to join by one word: the settings under `client.servers.<word>`."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from chatctl.config import kinds
from chatctl.protocol.clean import clean

MAX_NAME_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class SavedServer:
    """A saved server. `host` may be an address such as ``ircs://chat.example/tea`` with port, TLS and room; None values
    are as without a saved server."""

    host: str
    port: int | None = None
    name: str | None = None
    room: str | None = None
    tls: bool | None = None
    fingerprint: str | None = None
    password_file: Path | None = None
    account: str | None = None


_KINDS: dict[str, Any] = {
    "host": kinds.Address,
    "port": kinds.Port,
    "name": kinds.OptionalText,
    "room": kinds.Room,
    "tls": kinds.YesNo,
    "fingerprint": kinds.OptionalText,
    "password_file": kinds.OptionalFile,
    "account": kinds.OptionalText,
}


def servers(value: object) -> object:
    """Return the table `client.servers`, checked; other types are left to pydantic. Raises ValueError."""
    if not isinstance(value, dict):
        return value
    try:
        return {word: _server(word, found) for word, found in value.items()}
    except ValueError as error:
        raise ValueError(clean(str(error))) from None


def _server(word: str, value: object) -> SavedServer:
    if isinstance(value, SavedServer):
        return value
    if not 0 < len(word) <= MAX_NAME_CHARACTERS or "://" in word or kinds.has_controls(word):
        raise ValueError(f"a server's word is 1 to {MAX_NAME_CHARACTERS} characters, and not an address")
    given = {"host": value} if isinstance(value, str) else value
    if not isinstance(given, dict):
        raise ValueError(f"{word} must be an address such as ircs://chat.example/tea, or a table with host in it")
    for key in given:
        if key not in _KINDS:
            raise ValueError(f'{word} has an unknown setting "{key}"; it may have {", ".join(_KINDS)}')
    if "host" not in given:
        raise ValueError(f"{word} has no host")
    return SavedServer(**{key: _checked(f"{word}.{key}", _KINDS[key], given[key]) for key in given})


def _checked(where: str, kind: Any, value: object) -> Any:
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError:
        clause = next(item.clause for item in kind.__metadata__ if isinstance(item, kinds.AllowedClause))
        shown = json.dumps(value, ensure_ascii=False, default=str)
        shown = shown if len(shown) <= MAX_NAME_CHARACTERS else f"{shown[:MAX_NAME_CHARACTERS]}…"
        raise ValueError(f"{where} is {shown}: {clause}") from None


def plain(server: SavedServer) -> dict[str, object]:
    """Return it for JSON; unset values are left out."""
    given = {item.name: getattr(server, item.name) for item in fields(server)}
    return {key: str(value) if isinstance(value, Path) else value for key, value in given.items() if value is not None}
