"""Common parts of `ban`, `unban`, `kick`, `sessions`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

Account = Annotated[bool, typer.Option("--account", help="It is an account, whatever name its owner has now.")]


Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="What they read, and the others.")]


def ask_about_user(data_dir: str | None, config: str | None, request: Mapping[str, object]) -> dict[str, object]:
    from chatctl.cli.running import ask_server
    from chatctl.config import load
    from chatctl.wiring import data_folder

    loaded = load(config_file=config, flags={"data_dir": data_dir}, use_files=True)
    return ask_server(data_folder(loaded), request)
