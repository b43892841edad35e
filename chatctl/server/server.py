"""The server as a library: start it, stop it, a thread in between."""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from chatctl.chat.engine.hub import Hub
from chatctl.chat.engine.rate_limit import RateLimiter
from chatctl.chat.entries.order import LocalOrder
from chatctl.chat.entries.tasks import ReadSettings
from chatctl.chat.history.memory_journal import MemoryJournal
from chatctl.chat.model.policy import Rules
from chatctl.chat.ports import Journal, LogPort
from chatctl.server.control.accounts import account_handlers
from chatctl.server.control.control import Answer, Handler, control_socket
from chatctl.server.control.moderation import moderation_handlers
from chatctl.server.control.status import status_handlers
from chatctl.server.limits_config import Limits
from chatctl.server.loop import EventLoop
from chatctl.server.net.listener import bound_address, listen
from chatctl.server.tls_config import TlsConfig
from chatctl.server.workers import WorkerThreads
from chatctl.version import __version__

if TYPE_CHECKING:
    from chatctl.server.certificate import LoadedCertificate
    from chatctl.server.server_identity import ServerIdentity


class SilentLog:
    """A log that discards everything; for programs that embed the server."""

    def debug(self, event: str, **fields: object) -> None:
        """Nothing."""

    info = warning = error = debug


def _no_requests(hub: Hub) -> Mapping[str, Handler]:
    return {}


def now_ms() -> int:
    """Return the time in ms since 1970 UTC."""
    return time.time_ns() // 1_000_000


class Server:
    """A chat server. Usable as a context manager::

        with Server(port=0) as server:
            print(server.port)

    Args:
        host: The address to listen on.
        port: The port; 0: the system picks one.
        listener_limit: How many users may be connected at once; None: as many as `rules` says.
        rules: Settings of the chat.
        limits: Limits of connections.
        journal: The history. Without it, a limited history is kept in memory and ends with the server.
        tls: How connections are secured (see :class:`.tls_config.TlsConfig`). Without it only plain text is served, and
            only to this machine.
        control: The folder for the control socket, if there should be one.
        log: The log; None: nothing is logged.
        requests: Returns further handlers of the control socket by command, given the hub.
        reread: Reads the settings again; called on a worker thread.
        clock: Returns monotonic seconds.

    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 5106,
        listener_limit: int | None = None,
        *,
        rules: Rules | None = None,
        limits: Limits | None = None,
        journal: Journal | None = None,
        log: LogPort | None = None,
        tls: TlsConfig | None = None,
        control: Path | None = None,
        requests: Callable[[Hub], Mapping[str, Handler]] | None = None,
        reread: Callable[[], ReadSettings] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.host = host
        given = rules or Rules(version=f"chatctl-{__version__}")
        self.rules = replace(
            given,
            listener_limit=given.listener_limit if listener_limit is None else listener_limit,
            cloak_key=given.cloak_key or secrets.token_bytes(32),
            created=now_ms(),
        )
        self._port = port
        self._limits = limits or Limits()
        self._journal = journal or MemoryJournal()
        self._log: LogPort = log or SilentLog()
        self._tls = tls
        self._identity: ServerIdentity | None = None
        self._control = control
        self._requests = requests or _no_requests
        self._workers = WorkerThreads(reread=reread)
        self._clock = clock
        self._loop: EventLoop | None = None
        self._hub: Hub | None = None
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._addresses: list[tuple[str, int]] = []
        self._ended = threading.Event()
        self._on_end: list[Callable[[], None]] = []

    @property
    def port(self) -> int:
        """The port: the configured one, and once started the one in use."""
        return self._addresses[0][1] if self._addresses else self._port

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The numeric address and the port of every listening socket; empty before :meth:`start`."""
        return list(self._addresses)

    def start(self) -> Self:
        """Listen, and start the threads. When this returns, connections are accepted.

        Returns:
            The server itself.

        Raises:
            StartError: The address cannot be used, the certificate is unusable, or the control socket cannot be made.
        """
        with contextlib.ExitStack() as undone:
            listeners = [undone.enter_context(sock) for sock in listen(self.host, self._port)]
            control = control_socket(self._control) if self._control is not None else None
            if control is not None:
                undone.enter_context(control)
            self._load_certificate()  # last: if it succeeds, a thread may be running
            undone.pop_all()
        self._addresses = [bound_address(sock) for sock in listeners]
        boot = f"{now_ms():x}{secrets.token_hex(2)}"
        order = LocalOrder(now_ms, boot, self._journal.last_seq(), self._journal.last_time())
        hub = Hub(self.rules, order, self._journal, now_ms, self._log, self._workers, self._rate_limiter())
        self._hub = hub
        tls = self._tls.mode if self._tls else None
        loop = self._loop = EventLoop(hub, listeners, self._limits, self._log, tls=tls, clock=self._clock)
        self._use_certificates(self._loop, hub)
        if control is not None:
            handlers = {
                **status_handlers(hub, lambda: loop.connections, self._journal, lambda: self.certificate(0)),
                **account_handlers(hub),
                **moderation_handlers(hub),
                "reach": self._reach,
                **self._requests(hub),
            }
            self._loop.serve_control(control, handlers)
        self._journal.start(self._loop.call)
        self._workers.start(self._loop.call)
        self._thread = threading.Thread(target=self._run, args=(self._loop, listeners), name="loop", daemon=True)
        self._thread.start()
        for host, port in self._addresses:
            self._log.info("listening", address=host, port=port)
        return self

    def certificate(self, seconds: float = 5.0) -> LoadedCertificate | None:
        """Return the certificate in use.

        Args:
            seconds: How long to wait for a certificate that is being generated.

        Returns:
            None without TLS, before :meth:`start`, and if it was not generated in time.
        """
        return self._identity.wait(seconds) if self._identity is not None else None

    def _rate_limiter(self) -> RateLimiter | None:
        rate = self._limits.messages_per_second
        return RateLimiter(rate) if rate else None

    def _reach(self, request: Mapping[str, object], answer: Answer) -> None:
        """Answer the request ``reach``: addresses, the certificate's pin and names, and support for ``chat``."""
        certificate = self.certificate(0)
        pin, names = (certificate.pin, certificate.names) if certificate is not None else ("", ())
        answer({"ok": True, "addresses": self._addresses, "pin": pin, "names": names, "chat": True})

    def _load_certificate(self) -> None:
        if self._tls is not None and self._tls.mode != "off":
            from chatctl.server.server_identity import ServerIdentity

            self._identity = ServerIdentity(self._tls, self._log)
            self._identity.start()

    def _use_certificates(self, loop: EventLoop, hub: Hub) -> None:
        def use(loaded: LoadedCertificate | None) -> None:
            hub.sts_port = self.port if loaded is not None and loaded.signed_by_authority else 0
            loop.sniffer.use_context(loaded.context if loaded is not None else None)

        if self._identity is not None:
            self._identity.on_change(lambda loaded: loop.call(lambda: use(loaded)))

    def reread(self) -> None:
        """Read the settings again on a worker thread, and apply those that a running server can change."""
        if self._loop is not None and self._hub is not None:
            self._loop.call(self._hub.reread_settings)

    def stop(self, reason: str = "The server is stopping", seconds: float = 2.0) -> None:
        """Disconnect all sessions and end. Idempotent.

        Args:
            reason: The reason that the clients are sent.
            seconds: How long queued output is still written.
        """
        if self._loop is not None and self._thread is not None:
            self._loop.stop(reason, seconds)
            self._thread.join(seconds + 1.0)
            self._journal.stop(seconds)
            self._workers.stop(0.1)
            if self._identity is not None:
                self._identity.stop(seconds)

    def on_end(self, callback: Callable[[], None]) -> None:
        """Call `callback` on the loop's thread when the server has ended. To be used before :meth:`start`."""
        self._on_end.append(callback)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the server has ended.

        Args:
            timeout: Seconds to wait at most; None: without end.

        Returns:
            Whether it has ended.

        Raises:
            JournalError: The journal failed, so the server had to stop. Any other error of the loop is raised too.
        """
        ended = self._ended.wait(timeout)
        if ended and self._failure is not None:
            raise self._failure
        return ended

    def _run(self, loop: EventLoop, listeners: list[socket.socket]) -> None:
        try:
            loop.run()
        except BaseException as error:  # noqa: BLE001  # passed to the waiting caller
            self._failure = error
            self._log.error("the loop failed", error=repr(error))
        finally:
            for sock in listeners:
                sock.close()
            self._log.info("stopped")
            self._ended.set()
            for callback in self._on_end:
                callback()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
