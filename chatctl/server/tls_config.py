"""The TLS settings: plain values, given at the start. Loads nothing; `tls_connection` does the work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

CERTIFICATE = "tls.pem"
"""The made certificate and its key, in the data folder."""

Mode = Literal["auto", "required", "optional", "off"]


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """`mode`: ``auto`` takes plain text from this machine only and TLS from anywhere, ``required`` TLS alone,
    ``optional`` both from anywhere, ``off`` plain text alone, from anywhere.

    `certificate` and `key` are an operator's files. Without them one is made for what `names` gives (on a thread of its
    own: finding them may take a while), and kept in `folder`; without a folder it ends with the server.
    """

    mode: Mode = "auto"
    certificate: Path | None = None
    key: Path | None = None
    folder: Path | None = None
    names: Callable[[], Sequence[str]] | None = None
    watch_seconds: float = 2.0
