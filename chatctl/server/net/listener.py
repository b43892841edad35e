"""Listening sockets: where the server can be reached, and who may talk to it in plain text."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import ipaddress
import os
import socket
import struct
import sys
from collections.abc import Sequence

from chatctl.errors import StartError

_SIOCGIFADDR = 0xC0206921 if sys.platform == "darwin" else 0x8915  # netdevice(7)

BACKLOG = 1024
"""Connections the system keeps for us until they are accepted."""


def listen(host: str, port: int) -> list[socket.socket]:
    """Listening, non-blocking sockets for every address `host` stands for; ``::`` takes IPv4 as well.

    With port 0 the system picks one port, the same for all. Raises :class:`StartError` with a plain sentence.
    """
    sockets: list[socket.socket] = []
    try:
        for family, address in _addresses(host, port):
            if sockets and port == 0:
                address = (address[0], sockets[0].getsockname()[1], *address[2:])  # noqa: PLW2901
            sockets.append(_bound(family, address, host, port))
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, tuple[str | int, ...]]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise StartError(
            f'No address is known for the host "{host}". Use an address of this computer, '
            "127.0.0.1 for this computer only, or 0.0.0.0 for all its networks"
        ) from None
    unique: dict[tuple[socket.AddressFamily, tuple[str | int, ...]], None] = {}
    for family, _, _, _, address in found:
        if family in (socket.AF_INET, socket.AF_INET6):
            unique[family, tuple(_plain(part) for part in address)] = None
    return list(unique)


def _plain(part: str | bytes | int) -> str | int:
    return part.decode() if isinstance(part, bytes) else part


def _bound(family: socket.AddressFamily, address: tuple[str | int, ...], host: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if address[0] == "::" else 1)
        sock.bind(address)
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise StartError(_bind_problem(error, host, port)) from None
    except OverflowError:
        sock.close()
        raise StartError(f"{port} is not a valid port (0 to 65535)") from None
    return sock


def _bind_problem(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is in use already. Is another chatctl running? Stop it, or choose another port "
            f"with --port {port + 1 if port < 65535 else port - 1}, or any free one with --port 0"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"This user may not open port {port}. Choose one above 1023, like --port 5106"
    if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return (
            f"{host} is not an address of this computer. Use 127.0.0.1 for this computer only, "
            "or 0.0.0.0 for all its networks"
        )
    return f"Cannot listen on {host} port {port}: {error.strerror or error}"


def own_addresses(listening: Sequence[tuple[str, int]]) -> list[str]:
    """Return the addresses under which others reach a wildcard socket: those the system would send from, loopback
    last."""
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
    # Where no way leads outside (a network of its own, a hotspot), others are in the same network.
    for group in (found, on_interfaces()):
        outside = [host for host in group if not ipaddress.ip_address(host).is_loopback]
        if outside:
            return outside
    return ["127.0.0.1"]


def on_interfaces() -> list[str]:
    """Return the IPv4 address of each network interface that has one."""
    found: list[str] = []
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for _, name in socket.if_nameindex():
            with contextlib.suppress(OSError):  # it has none
                answer = fcntl.ioctl(any_socket.fileno(), _SIOCGIFADDR, struct.pack("256s", os.fsencode(name)[:15]))
                found.append(socket.inet_ntoa(answer[20:24]))  # struct ifreq: a name of 16 bytes, a sockaddr_in
    return found


def bound_address(sock: socket.socket) -> tuple[str, int]:
    """Return the address and port of a listening socket; a link-local address with its zone (``fe80::1%eth0``)."""
    host, port, *rest = sock.getsockname()
    if len(rest) == 2 and rest[1] and "%" not in host:
        with contextlib.suppress(OSError):  # the interface is gone
            host = f"{host}%{socket.if_indextoname(rest[1])}"
    return host, port


def numeric(address: tuple[object, ...]) -> str:
    """Return the numeric address of a peer, an IPv4 one as such even if it came through an IPv6 socket."""
    text = str(address[0])
    return text[7:] if text.startswith("::ffff:") and "." in text else text.partition("%")[0]


def same_machine(peer: str, own: str) -> bool:
    """Return whether `peer` connects from this computer: from a loopback address, or from the address it connected
    to."""
    return peer == own or ipaddress.ip_address(peer).is_loopback
