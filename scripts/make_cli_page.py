"""Write docs/reference/cli.md from the help of every command: ``python -m scripts.make_cli_page``."""

from __future__ import annotations

import re
from pathlib import Path

from typer.testing import CliRunner

from chatctl.cli.app import app

TARGET = Path(__file__).parents[1] / "docs" / "reference" / "cli.md"

_HEAD = """# Command line

The output of `--help` for every command. `make docs` generates this page from the commands.
[exit-codes.md](exit-codes.md) lists the exit codes, [settings.md](settings.md) the settings behind the flags.
"""

_WIDTH = "100"


def page() -> str:
    """Return the text of the page."""
    parts = [_HEAD, _block((), _help())]
    for name in _subcommands(_help()):
        shown = _help(name)
        parts.append(_block((name,), shown))
        parts += [_block((name, below), _help(name, below)) for below in _subcommands(shown)]
    return "\n".join(parts)


def _help(*words: str) -> str:
    environment = {"COLUMNS": _WIDTH, "TERMINAL_WIDTH": _WIDTH, "HOME": "/home/ann"}
    done = CliRunner().invoke(app, [*words, "--help"], prog_name="chatctl", env=environment, terminal_width=int(_WIDTH))
    assert done.exit_code == 0, done.output
    return done.output.strip()


def _subcommands(shown: str) -> list[str]:
    _, found, below = shown.partition("\nCommands:\n")
    return re.findall(r"^ {2}([a-z][a-z-]*)(?= |$)", below, re.MULTILINE) if found else []


def _block(words: tuple[str, ...], shown: str) -> str:
    return f"## {' '.join(('chatctl', *words))}\n\n```text\n{shown}\n```\n"


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
