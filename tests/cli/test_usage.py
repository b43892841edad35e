"""Wrong usage reads like the program's own errors, whatever typer and pydantic call it."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from chatctl.cli.app import app

WRONG = {
    "history --limit 0": '--limit is "0", but this is a whole number from 1 to 1000000; see chatctl history --help',
    "history --limit=x": '--limit is "x", but this is a whole number from 1 to 1000000; see chatctl history --help',
    "bench --clients 1": '--clients is "1", but this is a whole number, 2 or more; see chatctl bench --help',
    "bench --rate -1": '--rate is "-1", but this is a number, 0 or more; see chatctl bench --help',
    "tail -n many": '--limit is "many", but this is a whole number from 0 to 10000; see chatctl tail --help',
    "history --limti 3": "chatctl history has no option --limti; did you mean --limit? See chatctl history --help",
    "history --bogus": "chatctl history has no option --bogus; see chatctl history --help",
    "--bogus": "chatctl has no option --bogus; see chatctl --help",
    "hystory": "chatctl has no command hystory; did you mean history? See chatctl --help",
    "accounts bogus": "chatctl accounts has no command bogus; see chatctl accounts --help",
    "join a b c": "chatctl join takes nothing more, but was given: b c; see chatctl join --help",
    "prune": "--older-than is missing; see chatctl prune --help",
    "kick": "NAME is missing; see chatctl kick --help",
    "export --room": "--room needs a value; see chatctl export --help",
    "config show --json=x": "--json takes no value; see chatctl config show --help",
}


@pytest.mark.parametrize("words", WRONG)
def test_usage_error_is_one_sentence(words: str) -> None:
    found = CliRunner().invoke(app, words.split())
    assert (found.exit_code, found.stdout, found.stderr) == (2, "", f"chatctl: {WRONG[words]}\n")


def test_usage_error_is_safe_on_a_terminal() -> None:
    found = CliRunner().invoke(app, ["history", "--limit", "\x1b[2J" + "9" * 500])
    assert "\x1b" not in found.stderr
    assert len(found.stderr) < 200


def test_no_command_shows_the_help() -> None:
    for words in ([], ["accounts"]):
        found = CliRunner().invoke(app, words)
        assert found.exit_code == 2
        assert found.stderr.startswith(f"Usage: {' '.join(['chatctl', *words])} [OPTIONS] COMMAND")


def test_help_and_version_end_with_0() -> None:
    for words in (["--version"], ["--help"], ["history", "-h"]):
        found = CliRunner().invoke(app, words)
        assert (found.exit_code, found.stderr) == (0, "")
        assert "chatctl" in found.stdout
