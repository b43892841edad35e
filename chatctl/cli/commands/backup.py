"""`chatctl backup`: copy the data folder to one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatctl.cli import options
from chatctl.cli.failures import hint, reports
from chatctl.cli.stored_history import existing_journal

if TYPE_CHECKING:
    pass


@reports
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new file; it must not exist yet.")],
    data_dir: options.DataDirOption = None,
    verbose: options.VerboseOption = False,
    config: options.ConfigOption = None,
) -> None:
    """Copy the data folder to one file.

    History, accounts, bans, certificate: all of one moment, while the server runs or not. `chatctl restore` brings it
    back. Keep it as safe as the data folder: the certificate's key is in it.
    """
    from chatctl.config import load
    from chatctl.journal.exchange.backup import backup as write_backup
    from chatctl.wiring import data_folder

    loaded = load(config_file=config, flags={"data_dir": data_dir}, use_files=True)
    folder = data_folder(loaded)
    existing_journal(folder)
    manifest = write_backup(folder, file)
    names = ", ".join(entry.name for entry in manifest.files)
    print(f"Copied to {file} ({file.stat().st_size} bytes): {names}")
    outside = [name for name, given in (("settings file", loaded.file), ("tls.key", loaded.settings.tls.key)) if given]
    if outside:
        hint(f"Not in the backup, since it is not in the data folder: the {' and '.join(outside)}")
