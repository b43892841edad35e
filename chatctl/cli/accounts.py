"""`chatctl accounts`: names that belong to people. Through the running server, else on the data folder itself.

Passwords are asked for and not shown, or read from the first line of a pipe; what is sent on is a verifier.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from chatctl.cli import options
from chatctl.cli.failures import reports
from chatctl.errors import ChatctlError, ConfigError, InvalidNameError, StartError, UnreachableError

if TYPE_CHECKING:
    from chatctl.chat import proposals as p
    from chatctl.journal.stopped import StoppedJournal

app = typer.Typer(help="Names that belong to people.", no_args_is_help=True, rich_markup_mode=None)

_Ask = Callable[[Mapping[str, object]], Mapping[str, object]]

Name = Annotated[str, typer.Argument(metavar="NAME", help="The account.")]


@app.command("list")
@reports
def list_(
    as_json: options.JsonOption = False, data_dir: options.DataDirOption = None, config: options.ConfigOption = None
) -> None:
    """List all accounts: since when they exist, operators, and who is here now."""
    from chatctl.cli.when import iso, local
    from chatctl.protocol.clean import clean

    with asking(data_dir, config) as ask:
        found = ask({"command": "accounts"})["accounts"]
    assert isinstance(found, list)
    for account in found:
        if as_json:
            print(json.dumps({**account, "created": iso(account["created"])}, ensure_ascii=False))
            continue
        marks = [*(["operator"] if account["operator"] else []), *(["here"] if account["here"] else [])]
        print(f"{clean(account['name']):<32} since {local(account['created'])}  {', '.join(marks)}".rstrip())


@app.command()
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
        raise InvalidNameError(f"{name} cannot be a name: {problem}")
    with asking(data_dir, config) as ask:
        verifier = _verifier(config)
        ask({"command": "add-account", "name": name, "verifier": verifier, "operator": operator})
    print(f"The account {name} is made" + (", an operator of the server" if operator else ""))


@app.command()
@reports
def remove(name: Name, data_dir: options.DataDirOption = None, config: options.ConfigOption = None) -> None:
    """Forget an account: its name is anybody's again. What its owner said stays."""
    with asking(data_dir, config) as ask:
        print(ask({"command": "remove-account", "name": name})["text"])


@app.command("set-password")
@reports
def set_password(name: Name, data_dir: options.DataDirOption = None, config: options.ConfigOption = None) -> None:
    """Give an account another password. It is asked for, or read from a pipe."""
    with asking(data_dir, config) as ask:
        print(ask({"command": "set-password", "name": name, "verifier": _verifier(config)})["text"])


@app.command()
@reports
def promote(
    name: Name,
    undo: Annotated[bool, typer.Option("--undo", help="Make it an operator no more.")] = False,
    data_dir: options.DataDirOption = None,
    config: options.ConfigOption = None,
) -> None:
    """Make an account an operator of the server, without OPER."""
    with asking(data_dir, config) as ask:
        print(ask({"command": "promote", "name": name, "operator": not undo})["text"])


def _verifier(config: str | None) -> str:
    import secrets

    from chatctl.cli.passwords import new_password
    from chatctl.config import load
    from chatctl.protocol import scram

    iterations = load(config_file=config, use_files=True).settings.accounts.iterations
    password = new_password("Password (not shown): ", sys.stdin)
    return str(scram.make(password, secrets.token_bytes(scram.SALT_BYTES), iterations))


@contextmanager
def asking(data_dir: str | None, config: str | None) -> Iterator[_Ask]:
    """Whom to ask: the running server, or a stand-in for it on its folder. What it refuses is a ChatctlError."""
    from chatctl.cli.running import ask_server
    from chatctl.config import load
    from chatctl.journal import holder, journal_file, prepare
    from chatctl.journal.stopped import StoppedJournal
    from chatctl.wiring import data_folder

    loaded = load(config_file=config, flags={"data_dir": data_dir}, use_files=True)
    if not loaded.settings.history.enabled:
        raise ConfigError("With history.enabled = false accounts end with the server; there is nothing to change here")
    folder = data_folder(loaded)
    held = holder(folder)
    if held is not None:
        try:
            ask_server(folder, {"command": "status"})
        except UnreachableError:
            raise StartError(f"The data folder {folder} is in use by {held}; try again when that has ended") from None
        yield lambda request: ask_server(folder, request)
        return
    if not journal_file(folder).exists() and data_dir is None:
        print(f"chatctl: no server is running; writing to {folder}", file=sys.stderr)
    with StoppedJournal(prepare(folder)) as stopped:
        yield lambda request: _stand_in(stopped, request)


def _stand_in(stopped: StoppedJournal, request: Mapping[str, object]) -> Mapping[str, object]:
    """What the server would answer, by the same rules."""
    from chatctl.chat.accounts import record_key
    from chatctl.chat.rules import Rules
    from chatctl.chat.state import State

    state = State(Rules())
    for record in stopped.records():
        state.accounts.put(record_key(record), record)
    if request["command"] == "accounts":
        listed = [
            {"name": found.name, "created": found.created, "operator": found.operator, "here": 0}
            for found in state.accounts
        ]
        return {"accounts": listed}
    if request["command"] == "reach":
        raise UnreachableError("No server is running, so nobody could be invited to it; start it with chatctl serve")
    from chatctl.server.accounts import proposal_for

    return {"text": _apply(stopped, state, proposal_for(request))}


def _apply(stopped: StoppedJournal, state: object, proposal: p.Proposal) -> str:
    import time

    from chatctl.chat.apply import apply
    from chatctl.chat.proposals import Entry
    from chatctl.chat.state import State

    assert isinstance(state, State)
    outcome = apply(state, Entry(0, time.time_ns() // 1_000_000, "", proposal))
    done, text = outcome.verdict
    if not done:
        raise ChatctlError(text)
    stopped.change({key: state.accounts.get(key) for key in outcome.records})
    return text
