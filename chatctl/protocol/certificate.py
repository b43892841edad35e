"""Fingerprints of certificates, for people to compare (format: RFC 5280, section 4.1; pin: RFC 7469, 2.4).

A pin identifies the key: it stays the same if a certificate is renewed with the same key. IRC clients identify the
whole certificate, in hexadecimal digits. Only the part of the DER that leads to the key is parsed.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from collections.abc import Iterator
from datetime import UTC, datetime

PIN = "SHA256:"
_HEX_DIGITS = 64
_SEQUENCE = 0x30
_VERSION = 0xA0
_LONG = 0x80
_EXTENSIONS = 0xA3
_UTC_TIME = 0x17
_ALTERNATIVES = bytes((0x55, 0x1D, 0x11))
_DNS_NAME, _ADDRESS = 0x82, 0x87

_Element = tuple[int, int, int]
"""A DER element: its tag, the start and the end of its content."""


class NotACertificateError(ValueError):
    """These bytes are not an X.509 certificate."""


def pin(der: bytes) -> str:
    """``SHA256:`` and the unpadded base64url of the SHA-256 of the certificate's SubjectPublicKeyInfo."""
    return PIN + _base64(hashlib.sha256(_fields(der)[2]).digest())


def fingerprint(der: bytes) -> str:
    """Return the SHA-256 of the whole certificate, as 64 hexadecimal digits: what irssi and others compare."""
    return hashlib.sha256(der).hexdigest()


def is_self_signed(der: bytes) -> bool:
    """Return whether issuer and subject are equal: no authority vouches for it."""
    issuer, subject, *_ = _fields(der)
    return issuer == subject


def names(der: bytes) -> tuple[str, ...]:
    """Return the hosts that the certificate is for: names, perhaps with ``*``, and addresses (RFC 5280, section
    4.2.1.6). Raises NotACertificateError."""
    try:
        return tuple(_names(der))
    except (IndexError, ValueError):
        raise NotACertificateError("not a certificate") from None


def ends(der: bytes) -> datetime:
    """Return until when it is valid (RFC 5280, section 4.1.2.5). Raises NotACertificateError."""
    return _moment(der, 1)


def begins(der: bytes) -> datetime:
    """Return from when on it is valid (RFC 5280, section 4.1.2.5). Raises NotACertificateError."""
    return _moment(der, 0)


def _moment(der: bytes, which: int) -> datetime:
    try:
        validity = _fields(der)[3]
        tag, begin, end = _elements(validity, _elements(validity, (0, 0, len(validity)))[0])[which]
        form = "%y%m%d%H%M%SZ" if tag == _UTC_TIME else "%Y%m%d%H%M%SZ"
        return datetime.strptime(validity[begin:end].decode("ascii"), form).replace(tzinfo=UTC)
    except (IndexError, ValueError):
        raise NotACertificateError("not a certificate") from None


def is_for(host: str, hosts: tuple[str, ...]) -> bool:
    """Return whether one of :func:`names` is `host`; ``*`` is any one label at the beginning (RFC 9525, section
    6.3)."""
    host = host.lower()
    return host in hosts or f"*.{host.partition('.')[2]}" in hosts


def matches(wanted: str, der: bytes) -> bool:
    """Return whether `wanted`, a pin or a fingerprint as typed, identifies this certificate."""
    return normal_fingerprint(wanted) in (pin(der), fingerprint(der))


def normal_fingerprint(text: str) -> str:
    """Return a pin or fingerprint in its canonical form. Raises ValueError with a sentence if it is neither.

    Padding, the other base64 alphabet, capitals and colons between digits are forgiven.
    """
    text = text.strip()
    digits = text.replace(":", "").lower()
    if re.fullmatch(r"[0-9a-f]{64}", digits):
        return digits
    if text[: len(PIN)].upper() == PIN:
        body = text[len(PIN) :].rstrip("=").replace("+", "-").replace("/", "_")
        if re.fullmatch(r"[A-Za-z0-9_-]{43}", body):
            return PIN + body
    raise ValueError(
        f'a fingerprint is "{PIN}" and 43 letters, digits, "-" or "_", or {_HEX_DIGITS} hexadecimal digits'
    )


def _base64(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _fields(der: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Issuer, subject, SubjectPublicKeyInfo and validity, each with its header. Raises NotACertificateError."""
    tag, begin, _ = _header(der, 0)
    inner, at, end = _header(der, begin)
    if tag != _SEQUENCE or inner != _SEQUENCE:
        raise NotACertificateError("not a certificate")
    parts: list[bytes] = []
    while at < end and len(parts) < 6:
        tag, _, after = _header(der, at)
        if tag != _VERSION:
            parts.append(der[at:after])
        at = after
    if len(parts) < 6:
        raise NotACertificateError("not a certificate")
    _serial, _algorithm, issuer, validity, subject, key = parts
    return issuer, subject, key, validity


def _names(der: bytes) -> Iterator[str]:
    for extension in _elements(der, _extensions(der)):
        (_, begin, end), *_, value = _elements(der, extension)
        if der[begin:end] == _ALTERNATIVES:
            for tag, at, after in _elements(der, _elements(der, value)[0]):
                if tag == _DNS_NAME:
                    yield der[at:after].decode("ascii", "replace").lower()
                elif tag == _ADDRESS:
                    yield str(ipaddress.ip_address(der[at:after]))


def _extensions(der: bytes) -> _Element:
    """Return the sequence of extensions, or an empty one."""
    signed = _elements(der, _elements(der, (_SEQUENCE, 0, len(der)))[0])[0]
    for element in _elements(der, signed):
        if element[0] == _EXTENSIONS:
            return _elements(der, element)[0]
    return (_SEQUENCE, 0, 0)


def _elements(der: bytes, inside: _Element) -> list[_Element]:
    """Return the elements inside an element."""
    _, at, end = inside
    found = []
    while at < end:
        tag, begin, after = _header(der, at)
        found.append((tag, begin, after))
        at = after
    return found


def _header(der: bytes, at: int) -> tuple[int, int, int]:
    """Return the element at `at`: its tag, the start and the end of its content."""
    if at + 2 > len(der):
        raise NotACertificateError("not a certificate")
    tag, size = der[at], der[at + 1]
    begin = at + 2
    if size & _LONG:
        count = size & ~_LONG
        size = int.from_bytes(der[begin : begin + count], "big")
        begin += count
    if begin + size > len(der):
        raise NotACertificateError("not a certificate")
    return tag, begin, begin + size
