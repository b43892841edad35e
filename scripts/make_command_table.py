"""Write docs/reference/commands.md from the command table and its manual: ``python -m scripts.make_command_table``."""

from __future__ import annotations

from pathlib import Path

from chatctl.chat.commands.help_text import MANUAL
from chatctl.chat.commands.registry import COMMANDS

TARGET = Path(__file__).parents[1] / "docs" / "reference" / "commands.md"

_HEAD = """# IRC commands

The commands that an IRC client may send. This page is generated from the command table
(`chatctl/chat/commands/registry.py`) and the texts of `HELP` (`help_text.py` beside it) by `make docs`.

The server answers a command with too few parameters with 461. A command that needs a registered connection is answered
with 451 before NICK and USER. A command for server operators is answered with 481 to other users.

| command | syntax | purpose | available | specification |
|---|---|---|---|---|
"""


def page() -> str:
    """Return the text of the page."""
    rows = []
    for name, command in sorted(COMMANDS.items()):
        manual = MANUAL[name]
        when = "always" if command.before else "operators" if command.operator else "once registered"
        cells = (f"`{name}`", f"`{manual.usage}`", " ".join(manual.text), when, manual.source)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n")
    return _HEAD + "".join(rows)


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
