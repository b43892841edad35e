"""The server's certificate: generated, loaded, watched.

Invariants:

- [generated] A generated one is a P-256 key with a self-signed certificate, both in one file, so that they always
  match; mode 0600, written completely or not at all, never through a symbolic link.
- [private-key] A key that others can read is refused. One of root may be readable by its group, which is how systems
  share keys with services.
- [reload] Certificates of the operator are watched. Changed ones apply to new connections; if key and certificate do
  not match (yet), the old ones stay.
- [warn-expiry] From WARN_DAYS before a certificate expires this is logged, on loading and once a day, and `chatctl
  status` shows it.
- [not-in-loop] The event loop never waits: slow work is done on the calling thread.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import ssl
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chatctl.errors import StartError
from chatctl.protocol import certificate as certificate_data
from chatctl.server.tls_config import CERTIFICATE as FILE

WARN_DAYS = 14
"""Automatic renewal takes place 30 days before expiry, so by then it has failed."""

_VALID_DAYS = 3650
_MAX_COMMON_NAME_CHARACTERS = 64  # X.520
_PEM = "-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class LoadedCertificate:
    """A certificate in use.

    Attributes:
        pin: See :mod:`chatctl.protocol.certificate`.
        fingerprint: See :mod:`chatctl.protocol.certificate`.
        signed_by_authority: Whether it is not self-signed, so that clients may be told to insist on TLS.
        names: The hosts it is valid for, which clients must use; empty for a self-signed one.
        ends: When it expires.
    """

    context: ssl.SSLContext
    pin: str
    fingerprint: str
    signed_by_authority: bool
    names: tuple[str, ...]
    ends: datetime

    def warning(self, now: datetime) -> str:
        """Return the warning about its expiry at `now` ([warn-expiry]); ``""`` while that is far away."""
        if now >= self.ends:
            return f"the certificate ended on {self.ends:%Y-%m-%d}: clients refuse it; renew it"
        days = (self.ends - now).days
        if days >= WARN_DAYS:
            return ""
        left = f"in {days} days" if days > 1 else "within two days" if days else "today or tomorrow"
        return f"the certificate ends {left} ({self.ends:%Y-%m-%d}): renew it"


def generate(names: Sequence[str]) -> bytes:
    """Generate a key and a certificate for these names and addresses, in PEM. Slow: not for the loop's thread."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0][:_MAX_COMMON_NAME_CHARACTERS])])
    now = datetime.now(UTC)
    alternatives: list[x509.GeneralName] = []
    for name in dict.fromkeys(names):
        try:
            alternatives.append(x509.IPAddress(ipaddress.ip_address(name.partition("%")[0])))
        except ValueError:
            with contextlib.suppress(ValueError):  # a host name that is not plain ASCII
                alternatives.append(x509.DNSName(name))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # clocks differ
        .not_valid_after(now + timedelta(days=_VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)


def save(folder: Path, pem: bytes) -> Path:
    """Write the result of :func:`generate` into the data folder ([generated]). Raises OSError."""
    path = folder / FILE
    descriptor, name = tempfile.mkstemp(prefix=".tls.", dir=folder)  # mkstemp makes it 0600
    try:
        with open(descriptor, "wb") as stream:
            stream.write(pem)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise
    return path


def load_saved(folder: Path) -> LoadedCertificate | None:
    """Load the generated certificate of this data folder, or None.

    Raises:
        StartError: It is unusable.
    """
    path = folder / FILE
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise StartError(f"{path} is not a file; move it away, and a new certificate is made")
    return load(path, path)


def load_unsaved(pem: bytes) -> LoadedCertificate:
    """Load a generated certificate without a data folder to save it in: it is lost when the server ends."""
    # The ssl module reads files only; this one is removed at once.
    with tempfile.TemporaryDirectory() as folder:
        return load(save(Path(folder), pem), Path(folder) / FILE)


def load(certificate: Path, key: Path) -> LoadedCertificate:
    """Load a certificate, with its chain, and its key.

    Raises:
        StartError: They are unusable; the message says why.
    """
    try:
        _refuse_readable_by_others(key)
        der = ssl.PEM_cert_to_DER_cert(_first_certificate(certificate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.num_tickets = 0  # the few clients per host do not pay for their memory
        context.load_cert_chain(certificate, key, password=lambda: "")  # never asked on a terminal
        signed_by_authority = not certificate_data.is_self_signed(der)
        names = certificate_data.names(der) if signed_by_authority else ()
        return LoadedCertificate(
            context,
            certificate_data.pin(der),
            certificate_data.fingerprint(der),
            signed_by_authority,
            names,
            certificate_data.ends(der),
        )
    except ssl.SSLError as error:
        raise StartError(
            f"The certificate {certificate} and the key {key} do not work together "
            f"({(error.reason or 'no PEM, or a key with a password').lower().replace('_', ' ')})"
        ) from None
    except OSError as error:
        where = error.filename or certificate
        raise StartError(f"The certificate cannot be used: {where}: {error.strerror or error}") from None
    except ValueError as error:
        raise StartError(f"The certificate {certificate} cannot be used: {error}") from None


def changed_at(certificate: Path, key: Path) -> tuple[tuple[int, int, int], ...]:
    """Return a value that changes when one of the files does ([reload]); empty if one is missing."""
    try:
        found = [os.stat(path) for path in (certificate, key)]
    except OSError:
        return ()
    return tuple((item.st_mtime_ns, item.st_size, item.st_ino) for item in found)


def _first_certificate(path: Path) -> str:
    text = path.read_text(encoding="ascii", errors="replace")
    begin = text.find(_PEM)
    if begin < 0:
        raise ValueError("it holds no certificate in PEM form")
    return text[begin:].partition("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"


def _refuse_readable_by_others(key: Path) -> None:
    """Refuse a key that others can read ([private-key]). Raises StartError, OSError."""
    found = os.stat(key)
    if found.st_uid not in (os.geteuid(), 0):
        raise StartError(
            f"The key {key} belongs to another user (user id {found.st_uid}); give this user a key of its own"
        )
    allowed = stat.S_IRGRP if found.st_uid == 0 and os.geteuid() != 0 else 0
    if stat.S_IMODE(found.st_mode) & (stat.S_IRWXG | stat.S_IRWXO) & ~allowed:
        raise StartError(f"The key {key} is open to other users: run `chmod 600 {key}`")
