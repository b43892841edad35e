"""`chatctl unban`: take a ban back."""

from __future__ import annotations

from typing import Annotated

import typer

from chatctl.cli import options
from chatctl.cli.admin_requests import asking
from chatctl.cli.failures import reports
from chatctl.cli.user_requests import Account


@reports
def unban(
    target: Annotated[str, typer.Argument(metavar="NAME|ADDRESS", help="As `chatctl ban` lists it.")],
    account: Account = False,
    data_dir: options.DataDirOption = None,
    config: options.ConfigOption = None,
) -> None:
    """Remove a ban."""
    with asking(data_dir, config, "bans") as ask:
        print(ask({"command": "unban", "target": target, "account": account})["text"])
