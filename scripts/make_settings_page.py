"""Write docs/reference/settings.md from the table of settings: ``python -m scripts.make_settings_page``."""

from __future__ import annotations

from pathlib import Path

from chatctl.config.example import in_toml
from chatctl.config.settings import KEYS, TABLES, SettingKey

TARGET = Path(__file__).parents[1] / "docs" / "reference" / "settings.md"

_HEAD = """# Settings

All settings, with their defaults. This page is generated from `chatctl/config/settings.py` by `make docs`.

A setting is taken from the first of these sources that has it:

1. a flag of the command,
2. an environment variable,
3. the settings file, in TOML: the file named by `--config`, else by `CHATCTL_CONFIG`, else (for `serve` and `config`)
   `chatctl.toml` in the working directory, else `chatctl.toml` in the user's settings folder,
4. its default.

`chatctl config show` prints the settings in force and the source of each. `chatctl config init` writes a file with all
settings, commented out, as [config.example.toml](../../config.example.toml) has them. `chatctl config path` prints the
places where it is looked for. An unknown setting is an error (exit code 2), with the nearest known one.

`REHASH` and SIGHUP read the settings again: `motd`, `admin`, `operators`, `password`, `accounts` and `listener_limit`
change at once, the others at the next start.

A whole table may be given as JSON, `CHATCTL_LIMITS='{"idle_seconds": 60}'`; a variable for one key overrides it. An
empty variable counts as not set. In the file, `""` stands for none.

A password in the settings belongs to the `host` and `port` beside it. It is sent to no other server, and to another
machine over TLS only.
"""


def page() -> str:
    """Return the text of the page."""
    parts = [_HEAD, _table("General", "", [key for key in KEYS.values() if "." not in key.name])]
    for name, about in TABLES.items():
        parts.append(_table(f"`[{name}]`", about, [key for key in KEYS.values() if key.name.startswith(f"{name}.")]))
    return "\n".join(parts)


def _table(title: str, about: str, keys: list[SettingKey]) -> str:
    head = [f"## {title}", ""]
    if about:
        head += [about.partition("\n\n")[0].replace("\n", " "), ""]
    head += ["| setting | default | meaning | variable | flag |", "|---|---|---|---|---|"]
    return "\n".join(head + [_row(key) for key in keys]) + "\n"


def _row(key: SettingKey) -> str:
    flag = f"`{key.flag}`" if key.flag else ""
    cells = (f"`{key.name}`", f"`{in_toml(key)}`", key.about, f"`{key.variable}`", flag)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
