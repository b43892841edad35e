"""The command table, the manual that HELP shows, and the page in docs/ say the same."""

from __future__ import annotations

import pytest

from chatctl.chat.commands.help_text import MANUAL
from chatctl.chat.commands.registry import COMMANDS
from scripts import make_command_table
from tests.chat.world import World


def test_every_command_has_a_page_and_every_page_a_command() -> None:
    assert sorted(MANUAL) == sorted(COMMANDS)


def test_the_page_in_docs_is_the_table() -> None:
    written = make_command_table.TARGET.read_text(encoding="utf-8")
    assert written == make_command_table.page(), "run: python -m scripts.make_command_table"


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_command_without_its_parameters_is_answered_461(command: str) -> None:
    """modern.ircdocs.horse, "ERR_NEEDMOREPARAMS (461)"."""
    row = COMMANDS[command]
    alice = World().person("alice")
    if row.least and not row.operator:
        assert alice.send(command).one("461").params[1] == command


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help_is_given_on_every_command(command: str) -> None:
    """modern.ircdocs.horse, "HELP message": 704, 705..., 706, each with the subject."""
    alice = World().person("alice")
    for asked in (f"HELP {command}", f"HELPOP {command.lower()}"):
        read = alice.send(asked).read()
        assert [message.command for message in read][0 :: max(1, len(read) - 1)] == ["704", "706"]
        assert {message.command for message in read[1:-1]} == {"705"}
        assert {message.params[1] for message in read} == {command}
        assert read[0].params[2].split()[0].startswith((command, "@<tags>"))


def test_help_without_or_with_an_unknown_subject() -> None:
    alice = World().person("alice")
    read = alice.send("HELP").read()
    assert (read[0].command, read[-1].command, read[0].params[1]) == ("704", "706", "*")
    assert alice.send("HELP nonsense").one("524").params[1] == "nonsense"


@pytest.mark.parametrize("command", sorted(name for name, row in COMMANDS.items() if row.operator))
def test_operator_commands_are_refused_to_others(command: str) -> None:
    """modern.ircdocs.horse, "ERR_NOPRIVILEGES (481)"."""
    alice = World().person("alice")
    assert alice.send(f"{command} a b c").commands() == ["481"]
