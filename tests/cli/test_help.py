"""`--help` of every command: whole sentences, without programming terms."""

from __future__ import annotations

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from chatctl.cli.app import app


def _paths(command: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [path]
    for name, child in getattr(command, "commands", {}).items():
        found += _paths(child, (*path, name))
    return found


@pytest.mark.e2e
@pytest.mark.parametrize("path", _paths(get_command(app)), ids=" ".join)
def test_help_consists_of_whole_sentences(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "78"}, prog_name="chatctl").stdout
    assert shown.startswith(f"Usage: {' '.join(('chatctl', *path))} [OPTIONS]")
    assert not [line for line in shown.splitlines() if line.endswith("...") and not line.startswith("Usage:")]
    for jargon in ("<str>", "<int", "<float", "<path>", "<list", "[[", "{", "TEXT.."):
        assert jargon not in shown


@pytest.mark.e2e
@pytest.mark.parametrize("path", _paths(get_command(app)), ids=" ".join)
def test_placeholders_in_help_are_in_capitals(path: tuple[str, ...]) -> None:
    usage = (
        CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "78"}, prog_name="chatctl").stdout.splitlines()[0]
    )
    words = usage.removeprefix(f"Usage: {' '.join(('chatctl', *path))} ")
    assert words == words.upper()


@pytest.mark.parametrize("command", ["send", "tail", "rooms", "users"])
def test_commands_of_scripts_do_not_claim_to_ask(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "78"}, prog_name="chatctl").stdout
    assert "asked for" not in shown
