"""`chatctl status`: is the server running, and how is it doing? Also the health check: 0 yes, 4 no.

A server with history is asked through its data folder. One without has nothing there, so that it may run beside one
that has: it is asked at its address, whether it is there, as any client could ask.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from chatctl.cli import options
from chatctl.cli.failures import reads
from chatctl.errors import RefusedError, UnreachableError

if TYPE_CHECKING:
    from pathlib import Path

    from chatctl.config import LoadedSettings, Settings


@reads
def status(
    data_dir: options.DataDirOption = None,
    as_json: options.JsonOption = False,
    config: options.ConfigOption = None,
) -> None:
    """Show the state of the server. Exit code 4 if none runs."""
    from chatctl.config import load

    loaded = load(config_file=config, flags={"data_dir": data_dir}, use_files=True)
    answer = _ask(_folder(loaded), loaded.settings, named=data_dir is not None)
    if as_json:
        answer.pop("ok", None)
        print(json.dumps(answer, ensure_ascii=False))
        return
    for label, text in _rows(answer):
        print(f"{label + ':':<12} {text}")


def _folder(loaded: LoadedSettings) -> Path | None:
    """Return the data folder; None if none is set and the user has no home folder. A server without history needs
    none."""
    from chatctl.user_folders import user_data_folder
    from chatctl.wiring import data_folder

    if loaded.settings.data_dir is None and user_data_folder() is None:
        return None
    return data_folder(loaded)


def _ask(folder: Path | None, settings: Settings, *, named: bool) -> dict[str, object]:
    """Return what the server on `folder` says, or ``{"address", "answers": True}`` for one without history.

    `named`: the user gave the folder, so that only the server on that one is meant. Raises UnreachableError if neither
    is there.
    """
    from chatctl.cli.control_client import NobodyThereError, ask_server

    if folder is not None and (settings.history.enabled or named):
        try:
            return ask_server(folder, {"command": "status"})
        except NobodyThereError as error:
            if fault := _fault(folder):
                raise UnreachableError(f"{error}\n{fault}") from None
            if named:
                raise
    from chatctl.destination.server_address import target

    to = target(settings)
    if not _answers(to.host, to.port):
        where = "" if not settings.history.enabled or folder is None else f"on the data folder {folder}, nor "
        raise UnreachableError(f"No server runs {where}at {to.address}")
    return {"address": to.address, "answers": True}


def _fault(folder: Path) -> str:
    """Return why a server could not start on `folder`: its journal is damaged or empty; ``""`` if it is not."""
    from chatctl.journal import holder, journal_file
    from chatctl.journal.maintenance.integrity_check import fault

    return fault(journal_file(folder)) if holder(folder) is None else ""


def _answers(host: str, port: int) -> bool:
    """Return whether a chatctl server answers. One that refuses the connection (too many unregistered ones, or TLS
    only) is running too."""
    from chatctl.client.name_check import NameCheck

    try:
        with NameCheck(host, port) as asking:
            return not asking.advice
    except RefusedError:
        return True
    except UnreachableError:
        return False


def _rows(answer: Mapping[str, object]) -> list[tuple[str, str]]:
    if "address" in answer:
        return [
            ("Running", f"at {answer['address']}, but not on this data folder: no more is known here"),
            (
                "History",
                "none (--no-history), in another data folder, or this one was removed or moved under it",
            ),
        ]
    journal = answer.get("journal")
    kept = journal if isinstance(journal, dict) else {}
    trouble = answer.get("journal_trouble")
    rows = [
        ("Running", f"{_duration(answer.get('uptime_seconds'))} (pid {answer.get('pid')}, {answer.get('version')})"),
        ("Users", f"{answer.get('users')} of {answer.get('listener_limit')}"),
        ("Rooms", str(answer.get("rooms"))),
        ("Messages", f"{answer.get('messages')} since the start, {answer.get('messages_per_second')} a second now"),
        ("Storing", f"in trouble: {trouble}" if trouble else f"works, {answer.get('journal_lag_ms')} ms behind"),
    ]
    if warning := answer.get("certificate_trouble"):
        rows.append(("Certificate", str(warning).removeprefix("the certificate ")))
    if "file_bytes" in kept:
        rows.append(("Journal", _sizes(kept)))
    if kept.get("checked"):
        whole = kept["checked"] == "whole"
        rows.append(("Checked", "at the start" if whole else "in part at the start; chatctl check looks at all of it"))
    if "last_commit" in kept:
        rows.append(("Last commit", _commit(kept)))
    return rows


def _sizes(kept: Mapping[str, object]) -> str:
    """Return the size of the journal, and of its free pages."""
    sizes = {name: size for name, size in kept.items() if isinstance(size, int)}
    text = f"{_megabytes(sizes.get('file_bytes', 0) + sizes.get('wal_bytes', 0))} on disk"
    if free := sizes.get("free_bytes", 0):
        text += f", {_megabytes(free)} of it free for new messages"
    if not kept.get("returns_space", True):
        text += "; free space returns to the system after a restart with enough room on the disk"
    return text


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB"


def _commit(kept: Mapping[str, object]) -> str:
    at = kept["last_commit"]
    if not isinstance(at, int):
        return "none since the start"
    return f"{_duration(max(0, round(time.time() - at / 1000)))} ago, took {kept.get('last_commit_ms')} ms"


def _duration(seconds: object) -> str:
    left = seconds if isinstance(seconds, int) else 0
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        if left >= size:
            parts.append(f"{left // size} {unit}")
            left %= size
    return " ".join(parts[:2]) or "0 s"
