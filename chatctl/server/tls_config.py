"""The TLS settings: plain values, given at the start. `server_identity` and `net/tls_connection` apply them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

CERTIFICATE = "tls.pem"
"""The file of the generated certificate and its key, in the data folder."""

Mode = Literal["auto", "required", "optional", "off"]


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """How connections are encrypted.

    Without `certificate` and `key` the server generates a self-signed certificate at its first start.

    Attributes:
        mode: ``auto``: plain text from this computer only, TLS from anywhere. ``required``: TLS only. ``optional``:
            both from anywhere. ``off``: plain text only, from anywhere.
        certificate: The operator's certificate, a file in PEM form.
        key: The certificate's private key.
        folder: The folder that keeps the generated certificate; None: it is lost when the server ends.
        names: Returns the names and addresses of the generated certificate. It is called on a thread of its own, since
            finding them may take a while.
        watch_seconds: The interval of checking the operator's files for changes.
    """

    mode: Mode = "auto"
    certificate: Path | None = None
    key: Path | None = None
    folder: Path | None = None
    names: Callable[[], Sequence[str]] | None = None
    watch_seconds: float = 2.0
