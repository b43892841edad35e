"""`chatctl accounts`: manages accounts, through the running server or on the data folder itself.

Passwords are asked for without echo, or read from the first line of a pipe; only a verifier is sent on.
"""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from typing import Annotated

import typer

from chatctl.cli import options
from chatctl.cli.admin_requests import asking
from chatctl.cli.columns import padded
from chatctl.cli.confirming import YesOption, confirm
from chatctl.cli.failures import hint, reads, reports
from chatctl.cli.help import PlainCommand
from chatctl.errors import InvalidNameError

app = typer.Typer(help="List, add, change and remove accounts.", no_args_is_help=True, rich_markup_mode=None)


class AlwaysOn(StrEnum):
    """Whether an account stays in the chat without a connection."""

    ON = "on"
    OFF = "off"
    DEFAULT = "default"


Name = Annotated[str, typer.Argument(metavar="NAME", help="The account.")]


@app.command("list", cls=PlainCommand)
@reads
def list_(
    as_json: options.JsonOption = False, data_dir: options.DataDirOption = None, config: options.ConfigOption = None
) -> None:
    """List all accounts, with date, status and presence."""
    from chatctl.cli.time_arguments import iso, local
    from chatctl.protocol.clean import clean

    with asking(data_dir, config, reading=True) as ask:
        found = ask({"command": "accounts"})["accounts"]
    assert isinstance(found, list)
    if not found:
        hint("No accounts yet; chatctl accounts add NAME makes one")
    for account in found:
        if as_json:
            print(json.dumps({**account, "created": iso(account["created"])}, ensure_ascii=False))
            continue
        marks = [word for word in ("operator", "here", "offline") if account.get(word)]
        print(f"{padded(clean(account['name']), 32)} since {local(account['created'])}  {', '.join(marks)}".rstrip())


@app.command(cls=PlainCommand)
@reports
def add(
    name: Name,
    operator: Annotated[bool, typer.Option("--operator", help="Make it an operator of the server.")] = False,
    data_dir: options.DataDirOption = None,
    config: options.ConfigOption = None,
) -> None:
    """Make an account. Its password is asked for, or read from a pipe."""
    from chatctl.protocol import names

    problem = names.problem(name)
    if problem is not None:
        raise InvalidNameError(f"{name} is not a valid name: {problem}")
    with asking(data_dir, config) as ask:
        verifier = _verifier(name, config)
        ask({"command": "add-account", "name": name, "verifier": verifier, "operator": operator})
    print(f"The account {name} is made" + (", an operator of the server" if operator else ""))


@app.command(cls=PlainCommand)
@reports
def remove(
    name: Name, yes: YesOption = False, data_dir: options.DataDirOption = None, config: options.ConfigOption = None
) -> None:
    """Remove an account: its name is free again. Its messages stay."""
    confirm(
        f"Remove the account {name} for good? Its name will be free again.",
        "an account that is removed cannot be brought back",
        yes=yes,
    )
    with asking(data_dir, config) as ask:
        print(ask({"command": "remove-account", "name": name})["text"])


@app.command("set-password", cls=PlainCommand)
@reports
def set_password(name: Name, data_dir: options.DataDirOption = None, config: options.ConfigOption = None) -> None:
    """Give an account another password. It is asked for, or read from a pipe."""
    with asking(data_dir, config) as ask:
        print(ask({"command": "set-password", "name": name, "verifier": _verifier(name, config)})["text"])


@app.command(cls=PlainCommand)
@reports
def promote(
    name: Name,
    undo: Annotated[bool, typer.Option("--undo", help="Remove its operator status.")] = False,
    data_dir: options.DataDirOption = None,
    config: options.ConfigOption = None,
) -> None:
    """Make an account an operator of the server, without OPER."""
    with asking(data_dir, config) as ask:
        print(ask({"command": "promote", "name": name, "operator": not undo})["text"])


@app.command("set", cls=PlainCommand)
@reports
def set_(
    name: Name,
    always_on: Annotated[
        AlwaysOn,
        typer.Option(
            "--always-on",
            help="Stay in the chat without a connection: on, off, or default (as accounts.always_on says).",
        ),
    ],
    data_dir: options.DataDirOption = None,
    config: options.ConfigOption = None,
) -> None:
    """Change the options of an account."""
    with asking(data_dir, config) as ask:
        print(ask({"command": "set-always-on", "name": name, "always_on": always_on.value})["text"])


def _verifier(name: str, config: str | None) -> str:
    import secrets

    from chatctl.cli.passwords import new_password
    from chatctl.config import load
    from chatctl.protocol import scram

    iterations = load(config_file=config, use_files=True).settings.accounts.iterations
    password = new_password("Password (not shown): ", sys.stdin, name)
    return str(scram.make(password, secrets.token_bytes(scram.SALT_BYTES), iterations))
