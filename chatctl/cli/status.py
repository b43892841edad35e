"""`chatctl status`: is the server running, and how is it doing? Also the health check: 0 yes, 4 no."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from chatctl.cli import options
from chatctl.cli.failures import reports


@reports
def status(
    data_dir: options.DataDirOption = None,
    as_json: options.JsonOption = False,
    config: options.ConfigOption = None,
) -> None:
    """Say how the server is doing; exit code 4: none runs."""
    from chatctl.cli.running import ask_server
    from chatctl.config import load
    from chatctl.wiring import data_folder

    loaded = load(config_file=config, flags={"data_dir": data_dir}, use_files=True)
    folder = data_folder(loaded)
    answer = ask_server(folder, {"command": "status"})
    if as_json:
        del answer["ok"]
        print(json.dumps(answer, ensure_ascii=False))
        return
    for label, text in _rows(answer):
        print(f"{label + ':':<12} {text}")


def _rows(answer: Mapping[str, object]) -> list[tuple[str, str]]:
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
    if "last_commit" in kept:
        rows.append(("Last commit", _commit(kept)))
    return rows


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
