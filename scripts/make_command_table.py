"""Writes docs/commands.md from the command table and its manual: ``python -m scripts.make_command_table``."""

from __future__ import annotations

from pathlib import Path

from chatctl.chat.commands.help_text import MANUAL
from chatctl.chat.commands.registry import COMMANDS

TARGET = Path(__file__).parents[1] / "docs" / "commands.md"

_HEAD = """# The commands of the server

What an IRC client may send. `HELP <command>` shows the same texts in the chat. A command with too few parameters is
answered with 461, one that must wait until NICK and USER have come with 451, one for operators of the server with 481.

| command | how it is written | what it does | when | specified in |
|---|---|---|---|---|
"""


def page() -> str:
    """The whole file."""
    rows = []
    for name, command in sorted(COMMANDS.items()):
        manual = MANUAL[name]
        when = "at any time" if command.before else "operators" if command.operator else "after NICK and USER"
        cells = (f"`{name}`", f"`{manual.usage}`", " ".join(manual.text), when, manual.source)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n")
    return _HEAD + "".join(rows)


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
