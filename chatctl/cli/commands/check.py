"""`chatctl check`: whether everything in the data folder is sound."""

from __future__ import annotations

from pathlib import Path

import typer

from chatctl.cli import options
from chatctl.cli.columns import counted
from chatctl.cli.failures import reports, say
from chatctl.cli.stored_history import existing_journal
from chatctl.errors import ChatctlError


@reports
def check(data_dir: options.DataDirOption = None, config: options.ConfigOption = None) -> None:
    """Look for damage in the data folder.

    The server may run or not, and nothing is changed. Exit code 2 if something is damaged.
    """
    import sqlite3

    from chatctl.config import load
    from chatctl.journal.maintenance.integrity_check import full_check
    from chatctl.journal.store.damage import DamagedJournalError
    from chatctl.wiring import data_folder

    folder = data_folder(load(config_file=config, flags={"data_dir": data_dir}, use_files=True))
    path = existing_journal(folder)
    try:
        report = full_check(path)
    except sqlite3.Error as error:
        raise ChatctlError(f"The history {path} cannot be read: {error}") from None
    for fault in report.faults:
        say(f"{path}: {fault}")
    others = _other_faults(folder)
    for fault in others:
        say(fault)
    if report.faults:
        count = len(report.faults)
        raise DamagedJournalError(path, "1 fault" if count == 1 else f"{count} faults", "see above")
    print(
        f"The journal is sound: {counted(report.messages, 'message')} and {counted(report.events, 'other event')}, "
        f"{counted(report.rooms, 'room')}, {counted(report.records, 'record')} of accounts, invitations and bans"
    )
    if others:
        raise typer.Exit(2)


def _other_faults(folder: Path) -> list[str]:
    """Return the faults of the certificate and of the cloak key."""
    from chatctl.errors import StartError
    from chatctl.journal.store.data_folder import CLOAK_BYTES, CLOAK_KEY
    from chatctl.server.certificate import load_saved

    found = []
    key = folder / CLOAK_KEY
    if key.exists() and key.stat().st_size != CLOAK_BYTES:
        found.append(f"{key} is damaged: restore a backup, or remove it, and a new one is made")
    try:
        load_saved(folder)
    except StartError as error:
        found.append(str(error))
    return found
