"""The certificate in use: loaded or generated at the start, and replaced when the operator's files change."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from chatctl.chat.ports import LogPort
from chatctl.errors import ChatctlError
from chatctl.server import certificate
from chatctl.server.certificate import LoadedCertificate
from chatctl.server.tls_config import TlsConfig


@dataclass(slots=True)
class _WatchedFiles:
    """Certificate files of the operator, and their state when they were loaded."""

    certificate: Path
    key: Path
    seen: tuple[tuple[int, int, int], ...]


class ServerIdentity:
    """The server's certificate. From :meth:`start` on, `loaded` is the one in use."""

    def __init__(self, plan: TlsConfig, log: LogPort) -> None:
        self.loaded: LoadedCertificate | None = None
        self._plan = plan
        self._log = log
        self._use: Callable[[LoadedCertificate | None], None] = lambda loaded: None
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._logged_on: date | None = None

    def start(self) -> None:
        """Load the certificate, or begin to generate one. Raises StartError if it is unusable."""
        plan = self._plan
        work: Callable[[], None] = self._generate
        if plan.certificate is not None and plan.key is not None:
            watched = _WatchedFiles(plan.certificate, plan.key, certificate.changed_at(plan.certificate, plan.key))
            self._replace(certificate.load(plan.certificate, plan.key))
            work = lambda: self._watch(watched)  # noqa: E731
        elif plan.folder is not None and (found := certificate.load_saved(plan.folder)) is not None:
            self._replace(found)
            return
        self._thread = threading.Thread(target=work, name="certificates", daemon=True)
        self._thread.start()

    def on_change(self, use: Callable[[LoadedCertificate | None], None]) -> None:
        """Call `use` with the certificate in use, and with each later one, on any thread."""
        with self._lock:
            self._use = use
            if self._ready.is_set():
                use(self.loaded)

    def wait(self, seconds: float) -> LoadedCertificate | None:
        """Return the certificate; None if it is not available within `seconds`."""
        self._ready.wait(seconds)
        return self.loaded

    def stop(self, seconds: float) -> None:
        """Stop watching the files."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(seconds)

    def _replace(self, loaded: LoadedCertificate | None) -> None:
        with self._lock:
            self.loaded = loaded
            self._ready.set()
            self._use(loaded)
        self._log_expiry()

    def _log_expiry(self) -> None:
        now = datetime.now(UTC)
        self._logged_on = now.date()
        if self.loaded is not None and (warning := self.loaded.warning(now)):
            self._log.warning(warning)

    def _generate(self) -> None:
        try:
            pem = certificate.generate(self._plan.names() if self._plan.names is not None else ("localhost",))
            folder = self._plan.folder
            if folder is not None:
                path = certificate.save(folder, pem)
                self._replace(certificate.load(path, path))
                self._log.info("made a certificate", file=str(path))
            else:
                self._replace(certificate.load_unsaved(pem))
        except (OSError, ChatctlError) as error:
            self._log.error("no certificate could be made; TLS is off", error=str(error))
            self._replace(None)

    def _watch(self, watched: _WatchedFiles) -> None:
        logged_error = ""
        while not self._stopped.wait(self._plan.watch_seconds):
            now = certificate.changed_at(watched.certificate, watched.key)
            if now == watched.seen:
                if self._logged_on != datetime.now(UTC).date():
                    self._log_expiry()
                continue
            try:
                loaded = certificate.load(watched.certificate, watched.key)
            except ChatctlError as error:
                # One of the two files may be missing or not written yet, so try again.
                if str(error) != logged_error:
                    logged_error = str(error)
                    self._log.warning("the changed certificate is not used", error=logged_error)
                continue
            watched.seen, logged_error = now, ""
            self._replace(loaded)
            self._log.info("the changed certificate is in use", fingerprint=loaded.fingerprint)
