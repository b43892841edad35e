"""Speaking to the running server of a data folder, through its control socket."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path

from chatctl.errors import ChatctlError, UnreachableError

_CONTROL = "control.sock"
_SECONDS = 10.0


def ask_server(folder: Path, request: Mapping[str, object], seconds: float = _SECONDS) -> dict[str, object]:
    """The running server's answer to one request.

    Raises UnreachableError where no server runs on `folder` (or it does not answer in time), ChatctlError with the
    server's own sentence where it says no.
    """
    path = folder / _CONTROL
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(seconds)
            sock.connect(str(path))
            sock.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(_line(sock))
    except TimeoutError:
        raise UnreachableError(f"The server on {folder} does not answer") from None
    except (OSError, ValueError):
        raise UnreachableError(f"No server runs on the data folder {folder}") from None
    if not answer.get("ok"):
        raise ChatctlError(str(answer.get("error", "the server refused the request")))
    return dict(answer)


def _line(sock: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\n"):
        piece = sock.recv(1 << 16)
        if not piece:
            raise OSError("the server hung up")
        data += piece
    return data
