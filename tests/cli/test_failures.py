"""How commands end: one line, an exit code, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner, Result

from chatctl.cli.failures import reporting, reports
from chatctl.errors import ChatctlError, ConfigError, InvalidNameError, RefusedError, UnreachableError


def run(body: Callable[[], None]) -> Result:
    app = typer.Typer()

    @app.command()
    @reports
    def command() -> None:
        body()

    return CliRunner().invoke(app, [])


def fails_with(error: BaseException) -> Result:
    def body() -> None:
        raise error

    return run(body)


@pytest.mark.parametrize(
    ("error", "code"),
    [(ChatctlError, 1), (ConfigError, 2), (InvalidNameError, 3), (UnreachableError, 4), (RefusedError, 5)],
)
def test_error_is_one_sentence_and_an_exit_code(error: type[ChatctlError], code: int) -> None:
    result = fails_with(error("the chat is full"))
    assert (result.exit_code, result.stderr, result.stdout) == (code, "chatctl: the chat is full\n", "")


def test_each_line_of_an_error_is_prefixed_and_cleaned() -> None:
    result = fails_with(ConfigError("one\ntwo \x1b[31mred"))
    assert result.stderr.splitlines()[0] == "chatctl: one"
    assert result.stderr.splitlines()[1].startswith("chatctl: two ")
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize("error", [KeyboardInterrupt(), typer.Abort()])
def test_interrupt_exits_with_130_silently(error: BaseException) -> None:
    result = fails_with(error)
    assert (result.exit_code, result.stderr) == (130, "")


def test_internal_error_is_one_line_with_its_place() -> None:
    result = fails_with(KeyError("x"))
    assert result.exit_code == 1
    assert result.stderr.startswith("chatctl: This is a bug in chatctl, please report it: KeyError: 'x' (")
    assert "test_failures.py, line" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_system_error_is_reported_unchanged() -> None:
    result = fails_with(PermissionError(13, "Permission denied", "/etc/shadow"))
    assert (result.exit_code, result.stderr) == (1, "chatctl: /etc/shadow: Permission denied\n")


def test_typer_exceptions_pass_through() -> None:
    assert fails_with(typer.Exit(3)).exit_code == 3
    result = fails_with(typer.BadParameter("that is wrong"))
    assert result.exit_code == 2
    assert "that is wrong" in result.stderr


def test_decorated_command_keeps_its_options() -> None:
    app = typer.Typer()

    @app.command()
    @reports
    def command(count: Annotated[int, typer.Option("--count")] = 1) -> None:
        """The body of the command."""
        print(count + 1)

    assert CliRunner().invoke(app, ["--count", "4"]).stdout == "5\n"
    assert "The body of the command." in CliRunner().invoke(app, ["--help"]).stdout


def test_reporting_block_turns_errors_into_exit_codes() -> None:
    with pytest.raises(typer.Exit) as caught, reporting():
        raise ConfigError("no")
    assert caught.value.exit_code == 2


PRINTS = """
import sys, typer
from chatctl.cli.failures import reports
@reports
def command() -> None:
    for _ in range(COUNT):
        print("line")
typer.run(command)
"""


@pytest.mark.e2e
@pytest.mark.parametrize("count", [1, 100_000])
def test_closed_stdout_ends_silently(count: int) -> None:
    """One line is met by the last flush only, many lines in the middle of the work."""
    reading, writing = os.pipe()
    os.close(reading)
    code = PRINTS.replace("COUNT", str(count))
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=writing, stderr=subprocess.PIPE, timeout=30, check=False
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.e2e
@pytest.mark.parametrize("count", [1, 100_000])
def test_closed_stdout_of_a_reading_command_is_no_failure(count: int) -> None:
    """`set -o pipefail; chatctl export | head` works in scripts."""
    reading, writing = os.pipe()
    os.close(reading)
    code = PRINTS.replace("COUNT", str(count)).replace("reports", "reads")
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=writing, stderr=subprocess.PIPE, timeout=30, check=False
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.e2e
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has /dev/full")
@pytest.mark.parametrize("count", [1, 100_000])
def test_full_disk_of_stdout_is_reported(count: int) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", PRINTS.replace("COUNT", str(count))],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=30,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, b"chatctl: No space left on device\n")


@pytest.mark.e2e
def test_stdout_closed_from_the_start_ends_silently() -> None:
    code = f"import sys; sys.stdout = sys.stderr = None\n{PRINTS.replace('COUNT', '3')}"
    assert subprocess.run([sys.executable, "-c", code], timeout=30, check=False).returncode == 0
