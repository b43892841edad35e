"""What counts as one address for limits, cloaks and bans."""

from __future__ import annotations

import ipaddress

CUSTOMER = 64
"""Bits of an IPv6 address that name a network: one customer has all addresses of it (RFC 6177)."""


def origin(address: str) -> str:
    """Return what counts as one address: of an IPv6 address its network of 64 bits, which is what one customer has.

    A link-local address counts alone: that network is the same for all neighbours on a link (RFC 4291, 2.5.6).
    """
    if ":" not in address or is_link_local(address):
        return address
    return str(ipaddress.ip_network((address, CUSTOMER), strict=False).network_address)


def is_link_local(address: str) -> bool:
    """Return whether an IPv6 address, with or without a zone, is valid on one link only."""
    try:
        return address[:2].lower() == "fe" and ipaddress.IPv6Address(address).is_link_local
    except ValueError:
        return False


def is_loopback(address: str) -> bool:
    """Return whether a peer's numeric address, as the listener writes it, is a loopback address."""
    return address.startswith("127.") or address == "::1"
