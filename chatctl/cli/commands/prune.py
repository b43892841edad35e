"""`chatctl prune`: deletes messages older than a time."""

from __future__ import annotations

import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from chatctl.cli import options
from chatctl.cli.columns import counted
from chatctl.cli.commands.import_ import history_in_force
from chatctl.cli.confirming import YesOption, confirm, needs_yes
from chatctl.cli.failures import remark, reports, say
from chatctl.cli.time_arguments import local, moment
from chatctl.errors import UnreachableError

_WHAT = "deleted messages cannot be restored"


@reports
def prune(
    older_than: Annotated[
        str,
        typer.Option(
            "--older-than", metavar="TIME", help="Delete older messages: 90d, 6mo, or a time.", show_default=False
        ),
    ],
    yes: YesOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print how many messages would be deleted.")] = False,
    data_dir: options.DataDirOption = None,
    verbose: options.VerboseOption = False,
    config: options.ConfigOption = None,
) -> None:
    """Delete messages older than a time, for good.

    They are overwritten on disk. The command prints their number and asks first.
    """
    from chatctl.config import load
    from chatctl.journal import journal_file
    from chatctl.wiring import data_folder

    before = moment("--older-than", older_than, datetime.now(UTC))
    if not dry_run:
        needs_yes(_WHAT, yes=yes)
    folder = data_folder(load(config_file=config, flags={"data_dir": data_dir}, use_files=True))
    if not journal_file(folder).exists():
        raise UnreachableError(f"There is no history in {folder}; give the right folder with --data-dir")
    how_much = f"{_count(folder, before)} older than {local(before)}"
    if dry_run:
        print(f"This would be deleted: {how_much}.")
        return
    if not yes:
        confirm(f"Delete {how_much} for good?", _WHAT, yes=yes)
    else:
        remark(f"forgetting {how_much}")
    with history_in_force(data_dir, config, make=False) as history:
        live = sys.stderr is not None and sys.stderr.isatty()

        def progress(facts: int) -> None:
            if live:
                print(f"\r{facts:,} deleted so far", end="", file=sys.stderr, flush=True)

        gone = history.prune(before, progress)
        if live:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    print(f"Deleted: {gone:,} messages and events.")


def _count(folder: Path, before: int) -> str:
    """Return how much is older than a time, in words. Nothing is written for that: the disk may be full."""
    import sqlite3

    from chatctl.journal import holder, journal_file
    from chatctl.journal.maintenance.retention import count
    from chatctl.journal.store.schema import check, open_quietly

    path = journal_file(folder)
    try:
        check(path)
        with closing(open_quietly(path, may_change=holder(folder) is not None)) as connection:
            messages, events = count(connection, before)
    except sqlite3.Error as error:
        say(f"Older messages cannot be counted ({error})")
        return "all messages and events"
    return f"{counted(messages, 'message')} and {counted(events, 'other event')} (joins, topics, ...)"
