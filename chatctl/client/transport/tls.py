"""TLS over a connected socket, and the judgement of `trust` on what it shows. Loaded only when TLS is wanted."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime

from chatctl.client.transport.trust import (
    AUTHORITY,
    ChangedServerError,
    DateError,
    NoAuthorityError,
    Trust,
    UnknownServerError,
    UntrustedError,
    WrongFingerprintError,
    WrongNameError,
)
from chatctl.protocol import certificate

_OTHER_NAME = {62, 63, 64}
"""X509_V_ERR_HOSTNAME_MISMATCH, EMAIL_MISMATCH, IP_ADDRESS_MISMATCH (openssl-verification-options)."""

_DATES = {9, 10}
"""X509_V_ERR_CERT_NOT_YET_VALID, CERT_HAS_EXPIRED."""

Connect = Callable[[], socket.socket]
Wait = Callable[[socket.socket, bool], None]


class TlsStream(ssl.SSLSocket):
    """A TLS socket that raises BlockingIOError like other non-blocking sockets. Owned by one thread."""

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Receive, as `socket.recv`. The rest belongs to the same record, and 64 KiB hold any record."""
        try:
            return super().recv(buflen, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError(errno.EAGAIN, "nothing yet") from None

    def send(self, data: object, flags: int = 0) -> int:
        """Send, as `socket.send`."""
        try:
            return super().send(data, flags)  # type: ignore[arg-type]  # whatever a socket takes
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError(errno.EAGAIN, "not yet") from None


def secure(host: str, address: str, trust: Trust, sock: socket.socket, connect: Connect, wait: Wait) -> socket.socket:
    """`sock` under TLS, its certificate believed; or another connection, where looking took one (`connect` makes it).
    `wait` waits until a socket can be read (True: written). Takes over `sock`.

    Raises UntrustedError, ssl.SSLError (no TLS there) and what `connect` and `wait` raise.
    """
    known = trust.known(address)
    if trust.fingerprint or known not in ("", AUTHORITY):
        stream = _shaken(host, sock, wait, verify=False)
        shown = _shown(stream)
        if certificate.matches(trust.fingerprint or known, shown):
            _remember(trust, address, certificate.pin(shown), known)
            return stream
        stream.close()
        pin = certificate.pin(shown)
        if trust.fingerprint:
            raise WrongFingerprintError(address, trust.fingerprint, pin)
        # A server that has obtained a certificate from an authority since is still trusted ([pinned-key]).
        with contextlib.suppress(ssl.SSLCertVerificationError):
            stream = _shaken(host, connect(), wait, verify=True)
            _remember(trust, address, AUTHORITY, known, certificate.pin(_shown(stream)))
            return stream
        raise ChangedServerError(address, known, pin)
    try:
        stream = _shaken(host, sock, wait, verify=True)
    except ssl.SSLCertVerificationError as error:
        code = error.verify_code
    else:
        _remember(trust, address, AUTHORITY, known, certificate.pin(_shown(stream)))
        return stream
    with _shaken(host, connect(), wait, verify=False) as looking:
        shown = _shown(looking)
    raise _refusal(host, address, trust, code, shown)


def _refusal(host: str, address: str, trust: Trust, code: int, shown: bytes) -> UntrustedError:
    """Return why a certificate is not believed; `code` is what OpenSSL found wrong with it."""
    pin, known_key = certificate.pin(shown), trust.known_key(address)
    was_genuine = trust.known(address) == AUTHORITY
    if code in _OTHER_NAME:
        return WrongNameError(address, host, certificate.names(shown))
    if was_genuine and pin != known_key and (known_key or code not in _DATES):
        return ChangedServerError(address, AUTHORITY, pin)
    if code in _DATES:
        validity = _validity(shown) or "or one that vouches for it is not valid at this time"
        return DateError(address, validity, pin, is_known=pin == known_key)
    return NoAuthorityError(address, pin) if was_genuine else UnknownServerError(address, pin, _validity(shown))


def _validity(shown: bytes) -> str:
    """Return why a certificate is not valid at this time, as the end of a sentence; empty if it is."""
    now = datetime.now(UTC)
    begins, ends = certificate.begins(shown), certificate.ends(shown)
    if now > ends:
        return f"expired on {ends:%Y-%m-%d %H:%M} UTC"
    if now < begins:
        return f"is not valid before {begins:%Y-%m-%d %H:%M} UTC"
    return ""


def _context(*, verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = TlsStream
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _shaken(host: str, sock: socket.socket, wait: Wait, *, verify: bool) -> ssl.SSLSocket:
    """Return `sock` after the handshake; close it if that fails."""
    try:
        stream = _context(verify=verify).wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    except BaseException:
        sock.close()
        raise
    try:
        while True:
            try:
                stream.do_handshake()
            except ssl.SSLWantReadError:
                wait(stream, False)
            except ssl.SSLWantWriteError:
                wait(stream, True)
            else:
                return stream
    except BaseException:
        stream.close()
        raise


def _shown(stream: ssl.SSLSocket) -> bytes:
    der = stream.getpeercert(binary_form=True)
    if der is None:
        raise ssl.SSLError("the server shows no certificate")
    return der


def _remember(trust: Trust, address: str, what: str, known: str, key: str = "") -> None:
    if what != known or key != trust.known_key(address):
        with contextlib.suppress(OSError):  # failing to store it is no reason not to connect; the next visit asks again
            trust.accept(address, what, key)
