"""What counts as one address, wherever addresses are counted, hidden or shut out."""

from __future__ import annotations

import ipaddress

CUSTOMER = 64
"""Bits of an IPv6 address that name a network: whoever has one has all that is in it (RFC 6177)."""


def origin(address: str) -> str:
    """What counts as one address: an IPv6 one is its network of 64 bits, which is what one customer has."""
    if ":" not in address:
        return address
    return str(ipaddress.ip_network((address, CUSTOMER), strict=False).network_address)


def is_loopback(address: str) -> bool:
    """Return whether a peer's numeric address, as the listener writes it, is a loopback address."""
    return address.startswith("127.") or address == "::1"
