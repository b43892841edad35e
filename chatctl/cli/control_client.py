"""Speaking to the running server of a data folder, through its control socket."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from chatctl.errors import ChatctlError, ConfigError, UnreachableError
from chatctl.protocol.control_socket import control_path
from chatctl.protocol.json_text import parse_json

_SECONDS = 10.0


class NobodyThereError(UnreachableError):
    """No server is running on this data folder (code 4)."""


def ask_server(
    folder: Path,
    request: Mapping[str, object],
    seconds: float = _SECONDS,
    progress: Callable[[dict[str, object]], None] = lambda answer: None,
) -> dict[str, object]:
    """Return the running server's answer to one request. `progress` gets the lines that come before it with ``more``;
    there may be `seconds` between two lines.

    Raises NobodyThereError if no server runs on `folder`, ConfigError if this user may not read it, UnreachableError
    if the server does not answer in time, ChatctlError with the server's own sentence if it refuses.
    """
    path = control_path(folder)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(seconds)
            sock.connect(str(path))
            sock.sendall(json.dumps(request).encode() + b"\n")
            with sock.makefile("rb") as lines:
                while (answer := parse_json(_line(lines))).get("more"):
                    progress(answer)
    except TimeoutError:
        raise UnreachableError(f"The server on {folder} does not answer") from None
    except PermissionError:
        raise ConfigError(
            f"The data folder {folder} cannot be read: permission denied; it belongs to another user"
        ) from None
    except (OSError, ValueError):
        why = "one started with --no-history takes no commands"
        raise NobodyThereError(f"No server runs on the data folder {folder}; {why}") from None
    if not answer.get("ok"):
        raise ChatctlError(str(answer.get("error", "the server refused the request")))
    return dict(answer)


def _line(lines: BinaryIO) -> bytes:
    line = lines.readline()
    if not line.endswith(b"\n"):
        raise OSError("the server hung up")
    return line
