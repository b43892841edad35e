"""Trust: which connections are encrypted, and which certificates are trusted.

Invariants:

- [trust-first] TLS is used if the server is not on this machine, unless the user says otherwise. Nothing is sent before
  the certificate is trusted: no name, no password.
- [authority] A certificate of a public authority is trusted if it is for the requested name, and refused if not.
- [pinned-key] Any other is trusted if its key is the one that the user accepted for this host and port: by comparing it
  with the server's window, or by a fingerprint given with the command.
- [changed-key] Another key is refused without a question: this is what an attack in between looks like. So is a
  certificate without an authority if there was one before, unless its key is the same.
- [fingerprint] A fingerprint given with the command decides alone, and is remembered.
- [validity] A certificate that is not valid at this time is refused as such, without suspicion unless the key changed;
  a connected client retries, since certificates are renewed and clocks corrected.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from chatctl.client.profile import store
from chatctl.errors import RefusedError
from chatctl.protocol.loopback import is_local

AUTHORITY = "authority"
"""Stored mark of a server whose certificate an authority has signed."""

_SERVERS = "servers"
_KEYS = "keys"
"""The pins that servers with an authority showed last."""


@dataclass(frozen=True, slots=True)
class Trust:
    """The user's wishes: `tls` (None: [trust-first] decides), a normalised `fingerprint` or ``""``. `folder` replaces
    the place where servers are remembered."""

    tls: bool | None = None
    fingerprint: str = ""
    folder: Path | None = None

    def wants_tls(self, sock: socket.socket) -> bool:
        """Return whether a connected socket must use TLS ([trust-first])."""
        if self.tls is not None:
            return self.tls
        return not is_this_machine(sock)

    def known(self, address: str) -> str:
        """Return the pin that was accepted for ``host:port``, AUTHORITY, or ``""``."""
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
    """The server's certificate is not trusted (code 5). Nothing was sent to it."""


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
    """The server shows another key than before ([changed-key])."""

    def __init__(self, address: str, before: str, now: str) -> None:
        was = "one that a public authority vouched for" if before == AUTHORITY else before
        super().__init__(
            f"The server at {address} shows another certificate than before; an attacker may be in between, so nothing "
            f"was sent to it. Before: {was}. Now: {now}. If the operator of the server confirms the new one, accept it "
            f"with --fingerprint {now}"
        )


class LapsedCertificateError(UntrustedError):
    """The certificate is not valid (any more), but the key has not changed. Reconnecting later may help."""


class DateError(LapsedCertificateError):
    """The certificate is not valid at this time ([validity]). `validity`: the problem, as the end of a sentence; `pin`:
    of the key; `is_known`: whether the server showed this key before."""

    def __init__(self, address: str, validity: str, pin: str, *, is_known: bool) -> None:
        key = "its key has not changed; " if is_known else ""
        super().__init__(
            f"The certificate of {address} {validity}; {key}nothing was sent to it. Check the clock of this computer, "
            "or ask the operator of the server to renew the certificate; if they confirm its key, --fingerprint "
            f"{pin} goes on without"
        )


class NoAuthorityError(LapsedCertificateError):
    """A server whose certificate came from an authority before shows the same key without one."""

    def __init__(self, address: str, pin: str) -> None:
        super().__init__(
            f"The certificate of {address} is not signed by a public authority any more; its key has not "
            "changed; nothing was sent to it. Ask the operator of the server, or accept its key with "
            f"--fingerprint {pin}"
        )


class WrongFingerprintError(UntrustedError):
    """The certificate does not have the given fingerprint ([fingerprint])."""

    def __init__(self, address: str, wanted: str, now: str) -> None:
        super().__init__(
            f"the certificate of {address} is not the one with the fingerprint {wanted}; it has {now}. Nothing was sent"
        )


class WrongNameError(UntrustedError):
    """The certificate of a public authority is for another name ([authority])."""

    def __init__(self, address: str, host: str, names: tuple[str, ...]) -> None:
        itself = f"such as {names[0]}" if len(names) > 1 else f"{names[0]}" if names else "the name it is for"
        super().__init__(
            f"the certificate of {address} is genuine, but not for {host}. Use {itself}, or give its "
            "fingerprint with --fingerprint"
        )
