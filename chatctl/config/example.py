"""The commented configuration file, made from the table: config.example.toml, and what `config init` writes."""

from __future__ import annotations

import json

from chatctl.config.settings import KEYS, TABLES, SettingKey

MIB = 1024 * 1024

_HEAD = """\
# chatctl.toml: the settings of chatctl.
#
# Every setting is listed with its default; to change one, remove the '#' before it.
# The variable in brackets takes precedence over this file, and the flag over both.
# An empty text, "", means that the setting has no value.
#
# A password belongs to the host and port that are set beside it, in this file or in variables. Clients such as
# `chatctl join` send it to no other server, whatever address they are given, and to another machine over TLS only.
# A server in client.servers has a password_file of its own.
"""


def text() -> str:
    """Return the text of the file."""
    parts = [_HEAD, *(_entry(key) for key in KEYS.values() if "." not in key.name)]
    for table, about in TABLES.items():
        entries = (_entry(key) for key in KEYS.values() if key.name.startswith(f"{table}."))
        # The header is not a comment: an uncommented key must not end up in another table.
        parts += [f"# {about}\n[{table}]\n", *entries]
    return "\n".join(parts)


def in_toml(key: SettingKey) -> str:
    """Return the key's default as TOML writes it. A JSON text or whole number is TOML as well."""
    value = key.default
    if value is None:
        return json.dumps(key.says.unset)
    if isinstance(value, int) and not isinstance(value, bool) and value >= MIB and value % MIB == 0:
        return json.dumps(f"{value // MIB} MiB")
    return json.dumps(value, ensure_ascii=False)


def _entry(key: SettingKey) -> str:
    beside = ", ".join(filter(None, (key.variable, key.flag)))
    return f"# {key.about} [{beside}]\n#{key.name.rpartition('.')[2]} = {in_toml(key)}\n"
