"""Confirmation of destructive commands.

Invariants:

- [ask-before-destroying] A command that removes something for good asks on a terminal, and the default answer is no.
  Without a terminal it needs ``--yes``, otherwise it ends with exit code 2 and has changed nothing.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from chatctl.cli.failures import say
from chatctl.errors import ConfigError

YesOption = Annotated[
    bool, typer.Option("--yes", "-y", help="Do not ask for confirmation; required without a terminal.")
]


def can_ask() -> bool:
    """Return whether a question can be asked and answered on a terminal."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def needs_yes(what: str, *, yes: bool) -> None:
    """Refuse early if there is neither a terminal nor ``--yes``: `what` is destroyed, as in "deleted messages cannot be
    restored".

    Raises:
        ConfigError: There is neither a terminal nor ``--yes``.
    """
    if not yes and not can_ask():
        raise ConfigError(f"Nothing was changed: {what}. There is no terminal to ask on, so --yes is needed")


def confirm(question: str, what: str, *, yes: bool) -> None:
    """Ask, unless `yes`; `what` as in :func:`needs_yes`. End the command with exit code 1 if the answer is no."""
    needs_yes(what, yes=yes)
    if not yes and not typer.confirm(question, default=False, err=True):
        say("Nothing was changed")
        raise typer.Exit(1)
