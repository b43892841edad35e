"""The `chatctl` command: its subcommands, and their common options."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from chatctl.cli.commands import (
    accounts,
    backup,
    ban,
    bench,
    check,
    check_name,
    config,
    export,
    hash_password,
    history,
    import_,
    invite,
    join,
    kick,
    prune,
    restore,
    rooms,
    search,
    send,
    serve,
    sessions,
    status,
    tail,
    unban,
    users,
)
from chatctl.cli.failures import INTERRUPTED, say
from chatctl.cli.help import PlainCommand
from chatctl.cli.usage import ReportingGroup
from chatctl.version import __version__

app = typer.Typer(
    name="chatctl",
    cls=ReportingGroup,
    help="A chat of your own: start one with `chatctl serve`, enter one with `chatctl join`.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: the same in every terminal and in a pipe, and rich is not loaded for it
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"chatctl {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


_COMMANDS: dict[str, Callable[..., None] | typer.Typer] = {
    "serve": serve.serve,
    "join": join.join,
    "send": send.send,
    "tail": tail.tail,
    "rooms": rooms.rooms,
    "users": users.users,
    "check-name": check_name.check_name,
    "accounts": accounts.app,
    "invite": invite.invite,
    "hash-password": hash_password.hash_password,
    "bench": bench.bench,
    "status": status.status,
    "sessions": sessions.sessions,
    "kick": kick.kick,
    "ban": ban.ban,
    "unban": unban.unban,
    "history": history.history,
    "search": search.search,
    "export": export.export,
    "import": import_.import_,
    "backup": backup.backup,
    "restore": restore.restore,
    "check": check.check,
    "prune": prune.prune,
    "config": config.app,
}
"""In the order of `chatctl --help`."""

for _word, _command in _COMMANDS.items():
    if isinstance(_command, typer.Typer):
        app.add_typer(_command, name=_word)
    else:
        app.command(_word, cls=PlainCommand)(_command)


def main() -> None:
    """Run the command line. UTF-8 on stdio whatever the locale; Windows is not supported."""
    if sys.platform == "win32":
        say("Windows is not supported; chatctl runs in WSL, the Windows Subsystem for Linux")
        sys.exit(2)
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
