"""`chatctl kick`: disconnect a user, who may come back."""

from __future__ import annotations

from typing import Annotated

import typer

from chatctl.cli import options
from chatctl.cli.failures import reports
from chatctl.cli.user_requests import Reason, ask_about_user


@reports
def kick(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The user to disconnect.")],
    reason: Reason = "",
    data_dir: options.DataDirOption = None,
    config: options.ConfigOption = None,
) -> None:
    """Disconnect a user, who may reconnect.

    `chatctl ban` prevents that.
    """
    print(ask_about_user(data_dir, config, {"command": "kick", "name": name, "reason": reason})["text"])
