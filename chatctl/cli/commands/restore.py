"""`chatctl restore`: restore a backup. The server must not run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatctl.cli import options
from chatctl.cli.columns import counted
from chatctl.cli.confirming import YesOption, confirm, needs_yes
from chatctl.cli.failures import reports, say
from chatctl.cli.time_arguments import local

if TYPE_CHECKING:
    from chatctl.journal.exchange.restore import Restoration


_WHAT = "a restore replaces what the data folder holds"


@reports
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file written by `chatctl backup`.")],
    yes: YesOption = False,
    data_dir: options.DataDirOption = None,
    config: options.ConfigOption = None,
) -> None:
    """Restore a backup. The server must not run.

    The content of the data folder is moved aside, after a question; messages since the backup are then only there.
    """
    from chatctl.config import load
    from chatctl.journal.exchange.restore import Restoration
    from chatctl.wiring import data_folder

    folder = data_folder(load(config_file=config, flags={"data_dir": data_dir}, use_files=True))
    with Restoration(file, folder) as restoration:
        if restoration.replaces:
            needs_yes(_WHAT, yes=yes)
        _report_losses(restoration)
        if restoration.replaces:
            confirm(f"Replace the content of {restoration.folder}? It is moved aside.", _WHAT, yes=yes)
        aside = restoration.finish()
        print(
            f"Restored to {restoration.folder}: {counted(restoration.messages, 'message')} and "
            f"{counted(restoration.events, 'other event')}, up to {local(restoration.last_time)}"
        )
        if restoration.kept:
            say(f"Not in the backup, so left unchanged: {', '.join(restoration.kept)}")
        if aside is not None:
            print(f"The previous content is in {aside}")
            if restoration.lost.messages or restoration.lost.events:
                print(f"To bring back messages since the backup: chatctl export --data-dir {aside} | chatctl import -")


def _report_losses(restoration: Restoration) -> None:
    """Report what was lost since the backup, and which removed things return."""
    lost = restoration.lost
    if restoration.created is not None:
        say(f"The backup was made at {local(restoration.created)}")
    else:
        say("This is a bare journal, as older versions wrote it, so it has no certificate")
    if lost.fault:
        say(f"The losses cannot be determined: {lost.fault}")
    elif restoration.replaces:
        say(f"Lost since the backup: {counted(lost.messages, 'message')} and {counted(lost.events, 'other event')}")
        for difference in lost.records:
            say(difference)
        say("Messages that were deleted or pruned since the backup come back")
    else:
        say("Messages since the backup are lost")
