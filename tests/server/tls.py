"""Certificates and TLS connections for tests."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

from tests.wire import DEADLINE, Wire


def trusting() -> ssl.SSLContext:
    """A client's context that looks at nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class TlsWire(Wire):
    """A :class:`Wire` under TLS."""

    def __init__(self, port: int, host: str = "127.0.0.1", context: ssl.SSLContext | None = None) -> None:
        super().__init__(port, host)
        self.sock: socket.socket = (context or trusting()).wrap_socket(self.sock, server_hostname=host)

    @property
    def certificate(self) -> bytes:
        """The server's, in DER."""
        assert isinstance(self.sock, ssl.SSLSocket)
        found = self.sock.getpeercert(binary_form=True)
        assert found is not None
        return found


class Authority:
    """A certificate authority of one's own. `file` is its certificate, for clients to trust."""

    def __init__(self, folder: Path) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec

        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name, self._certificate = self._sign("test authority", None, self._key.public_key(), ca=True)
        self.file = folder / "authority.pem"
        self.file.write_bytes(self._pem(self._certificate))

    def issue(
        self, *names: str, to: str = "server", days: float = 100, begins: float = -2, key: object = None
    ) -> tuple[Path, Path]:
        """Files of a certificate for `names` and of its key, mode 0600; the same files again with the same `to`.
        It is valid from in `begins` days until in `days`. `key`: None for a new one."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = key or ec.generate_private_key(ec.SECP256R1())
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        _, certificate = self._sign(names[0], self._name, key.public_key(), names=names, days=days, begins=begins)
        files = self.folder / f"{to}.crt", self.folder / f"{to}.key"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        for path, data in zip(files, (self._pem(certificate), private), strict=True):
            new = path.with_suffix(".new")
            new.touch(mode=0o600)
            new.write_bytes(data)
            new.replace(path)
        return files

    @staticmethod
    def _pem(certificate: object) -> bytes:
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization

        assert isinstance(certificate, x509.Certificate)
        return certificate.public_bytes(serialization.Encoding.PEM)

    def _sign(
        self,
        subject: str,
        issuer: object,
        key: object,
        *,
        names: tuple[str, ...] = (),
        ca: bool = False,
        days: float = 100,
        begins: float = -2,
    ) -> tuple[object, object]:
        import datetime
        import ipaddress

        from cryptography import x509
        from cryptography.hazmat.primitives import hashes

        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)])
        now = datetime.datetime.now(datetime.UTC)
        day = datetime.timedelta(days=1)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer if isinstance(issuer, x509.Name) else name)
            .public_key(key)  # type: ignore[arg-type]  # every kind of public key will do
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begins * day)
            .not_valid_after(now + days * day)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if names:
            alternatives: list[x509.GeneralName] = [
                x509.IPAddress(ipaddress.ip_address(item)) if item[:1].isdigit() else x509.DNSName(item)
                for item in names
            ]
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        return name, builder.sign(self._key, hashes.SHA256())


__all__ = ["DEADLINE", "Authority", "TlsWire", "trusting"]
