"""`chatctl sessions`: list who is connected, from where, since when."""

from __future__ import annotations

import json

from chatctl.cli import options
from chatctl.cli.columns import padded
from chatctl.cli.failures import hint, reads
from chatctl.cli.user_requests import ask_about_user


@reads
def sessions(
    as_json: options.JsonOption = False, data_dir: options.DataDirOption = None, config: options.ConfigOption = None
) -> None:
    """List the connected users, with address and time."""
    from chatctl.cli.time_arguments import iso, local
    from chatctl.protocol.clean import clean

    found = ask_about_user(data_dir, config, {"command": "sessions"})["sessions"]
    assert isinstance(found, list)
    if not found:
        hint("No users are connected")
    for item in found:
        if as_json:
            print(json.dumps({**item, "since": iso(item["since"]) if item["since"] else None}))
            continue
        since = f"since {local(item['since'])}" if item["since"] else "not registered"
        marks = [*(["operator"] if item["operator"] else []), *(["TLS"] if item["encrypted"] else [])]
        rooms = ", ".join(clean(room) for room in item["rooms"])
        who = clean(item["name"]) or "-"
        print(f"{padded(who, 24)} {item['address']:<16} {since}  {' '.join([*marks, rooms])}".rstrip())
