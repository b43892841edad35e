"""/register line by line: passwords are not shown, and never said in the room (chatctl/cli/plain/hidden)."""

from __future__ import annotations

import os
import re
from types import SimpleNamespace
from typing import cast

import pexpect
import pytest

from chatctl.cli.plain.hidden_questions import NewPassword, RefusedQuestion, new_password
from chatctl.client import Client
from chatctl.client.errors import InputError
from chatctl.server import Server
from tests.cli.commands import COMMAND
from tests.wire import DEADLINE, Wire

PASSWORD = "sesame street"


def asking(shown: list[str], made: list[str]) -> NewPassword:
    client = SimpleNamespace(name="ann", register=made.append, may_register=True, account=None)
    return new_password(cast(Client, client), shown.append)


def test_new_password_must_be_typed_twice() -> None:
    shown: list[str] = []
    made: list[str] = []
    question = asking(shown, made)
    assert "Choose a password, so that ann is yours" in question.prompt
    answers = ["", "short", "first password", "another", PASSWORD, PASSWORD]
    assert [question.answer(line) for line in answers] == [False] * 5 + [True]
    assert made == [PASSWORD]
    assert "at least 6 characters" in shown[0]
    assert shown[1:] == ["The two passwords are not the same"]


def test_only_y_ends_a_refused_question() -> None:
    shown: list[str] = []
    question = RefusedQuestion(shown.append)
    assert [question.answer(line) for line in ("", PASSWORD, PASSWORD, "y")] == [False, False, False, True]
    assert shown == ["Nothing was sent"] * 2


def test_user_with_an_account_is_not_asked() -> None:
    client = SimpleNamespace(name="ann", may_register=False, account="ann")
    with pytest.raises(InputError, match="You are logged in as ann"):
        new_password(cast(Client, client), print)


@pytest.mark.e2e
@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_password_is_neither_shown_nor_sent_as_a_message(server: Server, bob: Wire, term: str) -> None:
    terminal = pexpect.spawn(
        COMMAND[0],
        [*COMMAND[1:], "join", "--plain", "--port", str(server.port), "--name", "ann"],
        encoding="utf-8",
        timeout=DEADLINE,
        dimensions=(24, 80),
        env={**os.environ, "TERM": term},
    )
    terminal.expect("In #lobby: bob, you")
    terminal.send("/register\r")
    terminal.expect("a password, so that ann is yours")
    if term == "dumb":
        terminal.waitnoecho(DEADLINE)
    terminal.send(f"{PASSWORD}\r{PASSWORD}\r")
    terminal.expect("You are now logged in as ann")
    assert PASSWORD not in str(terminal.before)
    terminal.send("between\r")
    assert bob.until("PRIVMSG").params[1] == "between"
    terminal.send("/register\r")
    terminal.expect("the name is yours")
    if term == "dumb":
        terminal.waitnoecho(DEADLINE)
    terminal.send(f"{PASSWORD}\r{PASSWORD}\r")
    terminal.expect("Nothing was sent")
    terminal.send("y\r")
    terminal.send("hello\r")
    assert bob.until("PRIVMSG").params[1] == "hello"
    terminal.expect("hello")
    assert PASSWORD not in str(terminal.before)
    terminal.send("/quit\r")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0


@pytest.mark.e2e
@pytest.mark.usefixtures("environment")
def test_register_typed_ahead_with_its_password_is_in_order(server: Server, bob: Wire) -> None:
    terminal = pexpect.spawn(
        COMMAND[0],
        [*COMMAND[1:], "join", "--plain", "--port", str(server.port), "--name", "ann"],
        encoding="utf-8",
        timeout=DEADLINE,
        dimensions=(24, 80),
    )
    terminal.send(f"/register\r{PASSWORD}\r{PASSWORD}\rhello\r")
    assert bob.until("PRIVMSG").params[1] == "hello"
    terminal.expect("You are now logged in as ann")
    terminal.send("/register\r")
    terminal.expect("No password is needed")
    terminal.sendintr()
    terminal.send("still here\r")
    assert bob.until("PRIVMSG").params[1] == "still here"
    terminal.expect(re.escape("[ann]: still here"))
    terminal.sendeof()
    terminal.expect(pexpect.EOF)
