"""What `serve` prints when it is ready: where it is, and the exact line that others type."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Sequence

DEFAULT_PORT = 5106
_LABEL = 12


def banner(
    addresses: Sequence[tuple[str, int]],
    *,
    listener_limit: int,
    advertise: str,
    plain_for_all: bool,
    needs_password: bool,
    history: str,
    config_file: str,
    notices: Sequence[str] = (),
) -> str:
    """The lines, each with its label: addresses, the limit, how to join, history.

    `addresses` are those listened on; a wildcard is shown as the addresses this computer really has. `advertise` is
    printed for others instead, where it is set; `history` is the folder it is kept in, or "".
    """
    port = addresses[0][1]
    wildcard = any(ipaddress.ip_address(host).is_unspecified for host, _ in addresses)
    local = not wildcard and all(ipaddress.ip_address(host).is_loopback for host, _ in addresses)
    reached = own_addresses(addresses) if wildcard else [host for host, _ in addresses]
    shown = advertise or reached[0]
    rows = [("Listening", ", ".join(with_port(host, listened) for host, listened in addresses))]
    rows.append(("Places", f"{listener_limit} at once (more: --listener-limit {listener_limit * 10})"))
    if local and not advertise:
        rows.append(("Reach", "only this computer; for your network: --host 0.0.0.0 --tls off"))
    elif wildcard:
        others = ", ".join(with_port(host, port) for host in reached) or "no network is up"
        rows.append(("Reach", f"this computer's addresses: {others}"))
    if not local and not plain_for_all:
        rows.append(("Note", "other computers are refused while talk is in plain text; let them in with --tls off"))
    rows.append(("Join", join_line(shown, port)))
    rows.append(("IRC clients", f"/connect {shown} {port}   then   /join #lobby"))
    if needs_password:
        rows.append(("Password", "asked of everybody who joins"))
    rows.append(("History", f"kept in {history}" if history else "in memory only: it ends with the server"))
    if config_file:
        rows.append(("Settings", config_file))
    rows += [("Note", notice) for notice in notices]
    rows.append(("Stop", "Ctrl-C"))
    lines = ["chatctl is ready.", *(f"  {label + ':':<{_LABEL}} {text}" for label, text in rows)]
    return "\n".join(lines)


def join_line(host: str, port: int) -> str:
    """What somebody types to join: without what is the default anyway."""
    words = ["chatctl join"]
    if host != "127.0.0.1":
        words.append(f"--host {host}")
    if port != DEFAULT_PORT:
        words.append(f"--port {port}")
    return " ".join(words)


def with_port(host: str, port: int) -> str:
    """``127.0.0.1:5106``, ``[::1]:5106``."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def own_addresses(listening: Sequence[tuple[str, int]]) -> list[str]:
    """The addresses under which others reach a wildcard socket: those the system would send from, loopback last."""
    families = [(socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")]
    if not any(":" in host for host, _ in listening):
        families.pop()
    found: dict[str, None] = {}
    for family, anywhere in families:
        # Connecting a datagram socket sends nothing: it only asks which own address leads to the outside.
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((anywhere, 9))
            found[probe.getsockname()[0]] = None
    with contextlib.suppress(OSError):
        for *_, address in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET):
            found[str(address[0])] = None
    outside = [host for host in found if not ipaddress.ip_address(host).is_loopback]
    return outside or ["127.0.0.1"]
