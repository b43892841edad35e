"""The options that commands share, each written once.

All of them are text or flags, even the port: what they mean is checked where every other source of a setting is checked
(`chatctl.config`), so a wrong `--port` is told in the same words as a wrong CHATCTL_PORT. `None` means "not given".
"""

from __future__ import annotations

from typing import Annotated

import typer

from chatctl.cli.failures import set_verbose

ConfigOption = Annotated[
    str | None, typer.Option("--config", metavar="FILE", help="Read settings from this TOML file.", show_default=False)
]
HostOption = Annotated[
    str | None, typer.Option("--host", metavar="ADDRESS", help="The server's address (default: 127.0.0.1).")
]
PortOption = Annotated[str | None, typer.Option("--port", metavar="NUMBER", help="The server's port (default: 5106).")]
ListenerLimitOption = Annotated[
    str | None,
    typer.Option("--listener-limit", metavar="NUMBER", help="The maximum number of users at once (default: 5)."),
]
ServerNameOption = Annotated[
    str | None, typer.Option("--server-name", metavar="NAME", help="The server's IRC name (default: chatctl.local).")
]
TlsOption = Annotated[
    str | None, typer.Option("--tls", metavar="MODE", help="auto, required, optional or off (default: auto).")
]
LogLevelOption = Annotated[
    str | None, typer.Option("--log-level", metavar="LEVEL", help="debug, info, warning or error (default: info).")
]
SecureOption = Annotated[
    bool | None,
    typer.Option("--tls/--no-tls", help="Encrypt, or not (default: unless the server is on this computer)."),
]
FingerprintOption = Annotated[
    str | None,
    typer.Option("--fingerprint", metavar="SHA256:...", help="Trust only the server with this fingerprint."),
]
NameOption = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="Your name; you are asked if it is not given.")
]
AccountOption = Annotated[
    str | None, typer.Option("--account", metavar="NAME", help="Log in to this account.", show_default=False)
]
PasswordFileOption = Annotated[
    str | None,
    typer.Option(
        "--password-file", metavar="FILE", help="The account's password, in a file of one line.", show_default=False
    ),
]
RoomOption = Annotated[str | None, typer.Option("--room", metavar="ROOM", help="The room to enter (default: #lobby).")]
DataDirOption = Annotated[
    str | None,
    typer.Option(
        "--data-dir", metavar="FOLDER", help="The folder for history, accounts and bans (default: the usual place)."
    ),
]
HistoryOption = Annotated[
    bool | None,
    typer.Option("--history/--no-history", help="Keep history on disk, or in memory only (default: --history)."),
]
VerboseOption = Annotated[
    bool,
    typer.Option("--verbose", "-v", callback=set_verbose, help="Print to stderr which folder is used, and how."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]
PlainOption = Annotated[bool, typer.Option("--plain", help="Use line mode instead of the full screen.")]
