"""Whether the server is who it was: which connections are encrypted, and which certificates are believed.

The rules of this file:

1. TLS is used wherever the server is not on this machine, unless the user says otherwise. Nothing is sent before the
   certificate is believed: no name, no password.
2. A certificate that a public authority vouches for is believed when it is for the name that was asked for, and
   refused when it is for another.
3. Any other is believed when its key is the one that this user accepted for this host and port: by comparing it with
   what the server's window shows, or by a fingerprint given with the command.
4. A key that is not the accepted one is refused, and nobody is asked: that is what somebody in between looks like. So
   is a certificate without an authority where there was one before, unless its key is the same.
5. A fingerprint given with the command decides alone, and is remembered.
6. A certificate that is not valid at this time is refused as such. Nobody is suspected unless the key has changed; a
   client that was in tries again, since certificates are renewed and clocks are set right.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from chatctl.client.profile import store
from chatctl.errors import RefusedError
from chatctl.protocol.loopback import is_local

AUTHORITY = "authority"
"""What is remembered of a server whose certificate a public authority vouched for."""

_SERVERS = "servers"
_KEYS = "keys"
"""The pins that servers with an authority showed last."""


@dataclass(frozen=True, slots=True)
class Trust:
    """What the user says: `tls` (None: rule 1), a `fingerprint` in its normal form or ``""``. `folder` stands in for
    the place where servers are remembered."""

    tls: bool | None = None
    fingerprint: str = ""
    folder: Path | None = None

    def wants_tls(self, sock: socket.socket) -> bool:
        """Rule 1, for a connected socket."""
        if self.tls is not None:
            return self.tls
        return not is_this_machine(sock)

    def known(self, address: str) -> str:
        """The pin that was accepted for ``host:port``, AUTHORITY, or ``""``."""
        return self._remembered(_SERVERS, address)

    def known_key(self, address: str) -> str:
        """Return the pin that the server showed last while an authority vouched for it, or ``""``."""
        return self._remembered(_KEYS, address)

    def _remembered(self, table: str, address: str) -> str:
        try:
            servers = store.read(self.folder).get(table)
        except OSError:
            return ""
        found = servers.get(address.lower()) if isinstance(servers, dict) else None
        return found if isinstance(found, str) else ""

    def accept(self, address: str, pin: str, key: str = "") -> None:
        """Remember `pin`, or AUTHORITY with the pin of the `key` that it vouched for, from now on. Raises OSError."""

        def change(content: store.Content) -> None:
            for table, value in ((_SERVERS, pin), (_KEYS, key)):
                servers = content.get(table)
                known = dict(servers) if isinstance(servers, dict) else {}
                known.pop(address.lower(), None)
                if value:
                    known[address.lower()] = value
                if known or table in content:
                    content[table] = known

        store.update(change, self.folder)


def is_this_machine(sock: socket.socket) -> bool:
    """Return whether a connected socket leads to this machine, so that nothing of it goes over a network."""
    return is_local(str(sock.getsockname()[0]), str(sock.getpeername()[0]))


class UntrustedError(RefusedError):
    """The server's certificate is not believed (code 5). Nothing was sent to it."""


class UnknownServerError(UntrustedError):
    """The first visit to a server that no public authority vouches for: `pin` is to be compared."""

    def __init__(self, address: str, pin: str, validity: str = "") -> None:
        also = f", and {validity}" if validity else ""
        super().__init__(
            f"this is the first visit to {address}, and its certificate is not vouched for by a public authority"
            f"{also}. Its fingerprint is {pin}. If the server's window shows the same, give --fingerprint {pin}"
        )
        self.address = address
        self.pin = pin
        self.validity = validity
        """Why it is not valid at this time, or ``""``."""


class ChangedServerError(UntrustedError):
    """Rule 4."""

    def __init__(self, address: str, before: str, now: str) -> None:
        was = "one that a public authority vouched for" if before == AUTHORITY else before
        super().__init__(
            f"the server at {address} shows another certificate than before; somebody may be in between, so nothing "
            f"was sent to it. Before: {was}. Now: {now}. If whoever runs the server confirms the new one, accept it "
            f"with --fingerprint {now}"
        )


class LapsedCertificateError(UntrustedError):
    """The certificate is not valid (any more), but nobody else's key is shown. Coming back later may help."""


class DateError(LapsedCertificateError):
    """Rule 6. `validity`: what is wrong, as the end of a sentence; `pin`: of the key; `is_known`: whether it is the key
    that the server showed before."""

    def __init__(self, address: str, validity: str, pin: str, *, is_known: bool) -> None:
        key = "its key is the same as before; " if is_known else ""
        super().__init__(
            f"The certificate of {address} {validity}; {key}nothing was sent to it. Check the clock of this computer, "
            "or ask whoever runs the server to renew the certificate; if they confirm its key, --fingerprint "
            f"{pin} goes on without"
        )


class NoAuthorityError(LapsedCertificateError):
    """A server that an authority vouched for before shows the same key without."""

    def __init__(self, address: str, pin: str) -> None:
        super().__init__(
            f"The certificate of {address} is not vouched for by a public authority any more; its key is the same as "
            f"before; nothing was sent to it. Ask whoever runs the server, or accept its key with --fingerprint {pin}"
        )


class WrongFingerprintError(UntrustedError):
    """Rule 5: it is not the one that was given."""

    def __init__(self, address: str, wanted: str, now: str) -> None:
        super().__init__(
            f"the certificate of {address} is not the one with the fingerprint {wanted}; it has {now}. Nothing was sent"
        )


class WrongNameError(UntrustedError):
    """Rule 2."""

    def __init__(self, address: str, host: str, names: tuple[str, ...]) -> None:
        itself = f"such as {names[0]}" if len(names) > 1 else f"{names[0]}" if names else "the name it is for"
        super().__init__(
            f"the certificate of {address} is genuine, but not for {host}. Use {itself}, or give its "
            "fingerprint with --fingerprint"
        )
