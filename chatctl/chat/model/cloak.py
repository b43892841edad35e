"""The host that other users see: a keyed hash of the address, the same for the same address, and not reversible."""

from __future__ import annotations

import base64
import hashlib
import hmac


def cloak(key: bytes, address: str) -> str:
    """Return `address` (see `hosts`) as a host name: 12 letters and digits under ``.user``.

    60 bits of HMAC-SHA-256: without the key, addresses cannot be found by trying them.
    """
    digest = hmac.new(key, address.encode(), hashlib.sha256).digest()
    return base64.b32encode(digest[:8]).decode().lower()[:12] + ".user"


def token_hash(token: str) -> str:
    """Return the stored form of a resume token: enough to recognise it, useless to a reader."""
    return hashlib.sha256(token.encode()).hexdigest() if token else ""
