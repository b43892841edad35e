"""`chatctl check-name`: are these names free?"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Annotated

import typer

from chatctl.cli import options
from chatctl.cli.columns import padded, width
from chatctl.cli.failures import reports, say
from chatctl.errors import ConfigError

if TYPE_CHECKING:
    from chatctl.client.name_check import Answer

_CODES = {"free": 0, "taken": 1, "invalid": 3}
_LONGEST = 32
"""Columns of a usual name; a longer one is invalid, and moves its own line alone."""

_ADVICE = (
    "this is not a chatctl server, so the answer is advice only: a name may belong to an account, "
    "or be refused when you enter"
)


@reports
def check_name(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="[ADDRESS] NAME...", help="The names to check; an address may precede them: ircs://HOST:PORT."
        ),
    ],
    host: options.HostOption = None,
    port: options.PortOption = None,
    tls: options.SecureOption = None,
    fingerprint: options.FingerprintOption = None,
    as_json: options.JsonOption = False,
    config: options.ConfigOption = None,
) -> None:
    """Check whether names are free, without joining.

    Exit codes: 0 all are free, 1 one is taken, 3 one is invalid, 4 no server answers, 5 it refuses.
    """
    from chatctl.client.name_check import NameCheck
    from chatctl.config import load
    from chatctl.destination.server_address import hinting, is_url, target

    loaded = load(config_file=config, flags={"host": host, "port": port})
    for notice in loaded.notices:
        say(notice)
    url = names.pop(0) if is_url(names[0]) else ""
    if not names:
        raise ConfigError("No name to check was given")
    to = target(loaded.settings, tls, fingerprint, url)
    answers: list[Answer] = []
    with contextlib.ExitStack() as stack:
        with hinting():
            name_check = stack.enter_context(NameCheck(to.host, to.port, trust=to.trust))
        try:
            for name in names:
                answers.append(name_check.check(name))
        finally:  # if the server disconnects midway, the known results are printed anyway
            _print(answers, name_check.advice, as_json)
    code = max(_CODES[answer.status] for answer in answers)
    if code:
        raise typer.Exit(code)


def _print(answers: list[Answer], advice: bool, as_json: bool) -> None:
    if as_json:
        for answer in answers:
            print(json.dumps(answer.to_json(advice)))
    elif answers:
        for line in table(answers):
            print(line)
    if answers and advice:
        say(_ADVICE)


def table(answers: list[Answer]) -> list[str]:
    """Return one line per name, in columns."""
    from chatctl.protocol.clean import clean

    names = [clean(answer.name) or "''" for answer in answers]
    column = min(_LONGEST, max(map(width, names)))
    lines = []
    for name, answer in zip(names, answers, strict=True):
        parts = [padded(name, column), f"{answer.status:7}"]
        if answer.status == "invalid":
            parts.append(clean(answer.reason.removeprefix("That name cannot be used: ")))
        if answer.alternatives:
            parts.append(f"free instead: {', '.join(clean(other) for other in answer.alternatives)}")
        lines.append("  ".join(parts).rstrip())
    return lines
