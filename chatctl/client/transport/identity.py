"""The secret by which a chatctl server recognises this installation.

Invariants:

- [owner-only] An installation has one random secret, made on first use and stored in `client.json` (`store`). Only the
  user may read it, and it is never printed or logged.
- [per-server] Servers never see it. Each gets a token derived from it and the server's address, so the operator of one
  server cannot impersonate this user at another. All names of this computer (localhost, 127.0.0.1, ::1) count as one.
- [not-required] If it cannot be stored, it lasts as long as the program.
"""

from __future__ import annotations

from pathlib import Path

from chatctl.client.login.resume_tokens import ResumeTokens
from chatctl.client.profile import store

_LOOPBACK = {"localhost", "127.0.0.1", "::1", "ip6-localhost"}
_KEY = "secret"
_BYTES = 32


def identity(host: str, port: int, secret: str | None) -> ResumeTokens:
    """Return the token for the server at this address. `secret`: None for this installation's own, or another text."""
    import hmac  # here, since both load a crypto library that importing the client need not wait for
    import secrets

    key = installation_secret() if secret is None else secret
    place = "localhost" if host.lower() in _LOOPBACK else host.lower()
    token = hmac.new(key.encode(), f"chatctl/resume {place} {port}".encode(), "sha256").hexdigest()
    return ResumeTokens(token, secrets.token_hex(_BYTES))


def installation_secret(folder: Path | None = None) -> str:
    """Return the secret ([owner-only]), made if there is none. `folder` replaces the platform's own."""
    import secrets

    fresh = secrets.token_hex(_BYTES)

    def keep(content: store.Content) -> None:
        if not _usable(content.get(_KEY)):
            content[_KEY] = fresh

    try:
        known = store.read(folder).get(_KEY)
        if not _usable(known):  # another client may be quicker; what stands in the file counts for both
            known = store.update(keep, folder).get(_KEY)
    except OSError:
        return fresh
    return str(known)


def _usable(secret: object) -> bool:
    return isinstance(secret, str) and bool(secret)
