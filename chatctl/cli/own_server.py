"""Whether a command leads to the server that this user runs on this computer, and then through its control socket.

Such a session takes no place and needs no password (`control`). It is preferred only if the address is
one at which the server of the data folder in force listens, and the user did not ask for TLS or a certificate.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from chatctl.errors import ChatctlError
from chatctl.protocol.control_socket import control_path

if TYPE_CHECKING:
    from chatctl.destination.login_plan import LoginPlan

_SECONDS = 2.0
_LOCALHOST = {"127.0.0.1", "::1"}
_ALL = {"0.0.0.0": ".", "::": ""}
"""Addresses that stand for all, and what those of them have in their text: ``::`` takes IPv4 as well."""


def own_server(plan: LoginPlan) -> Path | None:
    """Return the data folder of the server that `plan` leads to, or None if it is not this user's own."""
    folder, trust = plan.folder, plan.to.trust
    if folder is None or trust.tls or trust.fingerprint or plan.token or not os.path.exists(control_path(folder)):
        return None
    from chatctl.cli.control_client import ask_server

    try:
        answer = ask_server(folder, {"command": "reach"}, _SECONDS)
    except ChatctlError:
        return None
    addresses = answer.get("addresses")
    if not answer.get("chat") or not isinstance(addresses, list):
        return None
    known = ((str(each[0]), each[1]) for each in addresses if isinstance(each, list) and len(each) == 2)
    return folder if _listens(known, plan.to.host.lower(), plan.to.port) else None


def _listens(addresses: Iterable[tuple[str, object]], host: str, port: int) -> bool:
    wanted = _LOCALHOST if host == "localhost" else {host}
    for address, number in addresses:
        if number != port:
            continue
        if address in wanted:
            return True
        if address in _ALL and any(each in _LOCALHOST and _ALL[address] in each for each in wanted):
            return True
    return False
