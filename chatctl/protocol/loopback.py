"""Whether a connection stays on one machine, by the addresses of its two ends."""

from __future__ import annotations

import ipaddress


def is_local(own: str, peer: str) -> bool:
    """Return whether no network lies between two addresses: the same one, or loopback."""
    own, peer = (address.removeprefix("::ffff:").partition("%")[0] for address in (own, peer))
    return peer == own or ipaddress.ip_address(peer).is_loopback
