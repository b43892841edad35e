"""The `chatctl` command: its subcommands, and what is the same for all of them."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from chatctl.cli import (
    accounts,
    bench,
    changing,
    check_name,
    config,
    hash_password,
    invite,
    join,
    moderation,
    past,
    scripts,
    serve,
    status,
)
from chatctl.cli.failures import INTERRUPTED, say
from chatctl.version import __version__

app = typer.Typer(
    name="chatctl",
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


app.command("serve")(serve.serve)
app.command("join")(join.join)
app.command("send")(scripts.send)
app.command("tail")(scripts.tail)
app.command("rooms")(scripts.rooms)
app.command("users")(scripts.users)
app.command("check-name")(check_name.check_name)
app.add_typer(accounts.app, name="accounts")
app.command("invite")(invite.invite)
app.command("hash-password")(hash_password.hash_password)
app.command("bench")(bench.bench)
app.command("status")(status.status)
app.command("sessions")(moderation.sessions)
app.command("kick")(moderation.kick)
app.command("ban")(moderation.ban)
app.command("unban")(moderation.unban)
app.command("history")(past.history)
app.command("search")(past.search)
app.command("export")(past.export)
app.command("import")(changing.import_)
app.command("backup")(past.backup)
app.command("prune")(changing.prune)
app.add_typer(config.app, name="config")


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
