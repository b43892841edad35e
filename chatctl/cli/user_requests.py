"""Common parts of `ban`, `unban`, `kick`, `sessions`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

Account = Annotated[bool, typer.Option("--account", help="The name is an account's, whatever name its owner uses now.")]


Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="The reason that the user and others read.")]


def ask_about_user(data_dir: str | None, config: str | None, request: Mapping[str, object]) -> dict[str, object]:
    from chatctl.cli.control_client import ask_server
    from chatctl.config import load
    from chatctl.wiring import data_folder

    loaded = load(config_file=config, flags={"data_dir": data_dir}, use_files=True)
    return ask_server(data_folder(loaded), request)
