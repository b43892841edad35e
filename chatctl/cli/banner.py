"""The output of `serve` when it is ready: its addresses, and the exact command for others to join."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from chatctl.protocol.certificate import is_for
from chatctl.server.net.listener import own_addresses

DEFAULT_PORT = 5106
_LABEL = 12


def banner(
    addresses: Sequence[tuple[str, int]],
    *,
    listener_limit: int,
    advertise: str,
    tls_mode: str,
    pin: str,
    fingerprint: str,
    hosts: Sequence[str] = (),
    needs_password: bool,
    history: str,
    config_file: str,
    notices: Sequence[str] = (),
) -> str:
    """Return the labelled lines: addresses, limit, how to join, history.

    `addresses` are those listened on; a wildcard is shown as the addresses of this computer. `advertise` replaces them
    for others, if set; `history` is its folder, or "". `pin` and `fingerprint` are the certificate's, or ""; `hosts`
    are those that an authority vouches for.
    """
    port = addresses[0][1]
    wildcard = any(ipaddress.ip_address(host).is_unspecified for host, _ in addresses)
    local = not wildcard and all(ipaddress.ip_address(host).is_loopback for host, _ in addresses)
    reached = own_addresses(addresses) if wildcard else [host for host, _ in addresses]
    shown = advertise or (reached[0] if local else host_for_others(reached[0], hosts))
    rows = [("Listening", ", ".join(with_port(host, listened) for host, listened in addresses))]
    rows.append(("Places", f"{listener_limit} at once (more: --listener-limit {listener_limit * 10})"))
    if local and not advertise:
        rows.append(("Reach", "only this computer; for your network: --host 0.0.0.0"))
    elif wildcard:
        others = ", ".join(with_port(host, port) for host in reached) or "no network is up"
        rows.append(("Reach", f"this computer's addresses: {others}"))
    rows.append(("Join", join_line(shown, port, tls=tls_mode == "required")))
    secure = "-tls " if pin and tls_mode != "off" and (tls_mode == "required" or not local) else ""
    rows.append(("IRC clients", f"/connect {secure}{shown} {port}   then   /join #lobby"))
    if hosts and not local and not is_for(shown, tuple(hosts)):
        rows.append(
            ("Note", f"the certificate is for {hosts[0]}, not for {shown}: set advertise to the name others use")
        )
    if pin:
        rows.append(("Fingerprint", pin))
        rows.append(("Certificate", f"SHA-256 {fingerprint}"))
    elif not local:
        rows.append(("Note", "without TLS others can read along on the way here"))
    if needs_password:
        rows.append(("Password", "required to join"))
    rows.append(("History", f"kept in {history}" if history else "in memory only: it ends with the server"))
    if config_file:
        rows.append(("Settings", config_file))
    rows += [("Note", notice) for notice in notices]
    rows.append(("Stop", "Ctrl-C"))
    lines = ["chatctl is ready.", *(f"  {label + ':':<{_LABEL}} {text}" for label, text in rows)]
    return "\n".join(lines)


def host_for_others(reached: str, hosts: Sequence[str]) -> str:
    """Return the address for others: with a certificate of an authority, only its own names are trusted."""
    whole = [host for host in hosts if "*" not in host]
    return reached if is_for(reached, tuple(hosts)) or not whole else whole[0]


def join_line(host: str, port: int, *, tls: bool = False) -> str:
    """Return the command to join, without options that are the default. `tls`: on this computer too."""
    words = ["chatctl join"]
    if host != "127.0.0.1":
        words.append(f"--host {host}")
    if port != DEFAULT_PORT:
        words.append(f"--port {port}")
    if tls:
        words.append("--tls")
    return " ".join(words)


def with_port(host: str, port: int) -> str:
    """``127.0.0.1:5106``, ``[::1]:5106``."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
