"""Decides by a connection's first byte between TLS and plain text, and whether plain text is allowed.

A TLS handshake begins with the byte 0x16, which no line of IRC does. Nothing is sent before that byte has arrived, so a
connection costs nothing until then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from chatctl.chat.engine.hub import Hub
from chatctl.poller import READ, Poller
from chatctl.protocol.message import Message
from chatctl.server.net.connection import Connection
from chatctl.server.net.listener import numeric, same_machine
from chatctl.server.tls_config import Mode

if TYPE_CHECKING:
    import ssl

    from chatctl.server.net.tls_connection import TlsConnection

TLS_UNAVAILABLE = "This server does not speak TLS; connect without it"
TLS_REQUIRED = "This server requires TLS{}: use TLS on this same port (--tls)"


class ProtocolSniffer:
    """Chooses the protocol of new connections, on the loop's thread.

    Args:
        mode: Which connections must or may use TLS; None: TLS is off.
        by_session: All connections.
        swap: Replaces a plaintext connection by a TLS connection.
        lost: Takes a connection whose handshake failed, and the reason.
    """

    def __init__(
        self,
        mode: Mode | None,
        hub: Hub,
        poller: Poller,
        by_session: Mapping[int, Connection],
        swap: Callable[[TlsConnection], None],
        lost: Callable[[Connection, str], None],
    ) -> None:
        self._mode = mode
        self._hub = hub
        self._poller = poller
        self._by_session = by_session
        self._swap = swap
        self._lost = lost
        self._context: ssl.SSLContext | None = None
        self._certificate_pending = mode not in (None, "off")
        self._waiting_for_certificate: list[Connection] = []

    def use_context(self, context: ssl.SSLContext | None) -> None:
        """Use this TLS context for new connections; None: no certificate could be loaded."""
        self._context = context
        self._certificate_pending = False
        waiting, self._waiting_for_certificate = self._waiting_for_certificate, []
        for connection in waiting:
            if self._by_session.get(connection.session.id) is connection and not connection.closing_at:
                self._poller.change(connection.fd, READ)
                self._begin_tls(connection)

    def sniff(self, connection: Connection) -> None:
        """Choose the protocol of a connection whose first bytes have arrived."""
        if connection.tls_hello:
            self._begin_tls(connection)
        elif not self._allows_plaintext(connection):
            if self._hub.sts_port:
                # A client that knows sts comes back with TLS by itself.
                upgrade = Message("CAP", ("*", "LS", f"sts=port={self._hub.sts_port}"), self._hub.rules.server_name)
                self._hub.fanout.send_in_order(connection.session, upgrade.line)
            always = self._mode == "required" or not self._hub.rules.local
            self._hub.disconnect(connection.session, TLS_REQUIRED.format("" if always else " from other computers"))

    def _allows_plaintext(self, connection: Connection) -> bool:
        if self._mode in ("off", "optional") or connection.session.console:
            return True
        if self._mode == "required" or not self._hub.rules.local:
            return False
        try:
            return same_machine(connection.session.address, numeric(connection.sock.getsockname()))
        except OSError:  # it is gone already
            return False

    def _begin_tls(self, connection: Connection) -> None:
        if self._context is not None:
            from chatctl.server.net.tls_connection import TlsConnection

            secure = TlsConnection(connection, self._context)
            self._swap(secure)
            try:
                secure.decrypt(connection.tls_hello)
            except OSError as error:
                self._lost(secure, f"No TLS: {error.strerror or 'the handshake failed'}")
        elif self._certificate_pending:
            self._poller.change(connection.fd, 0)
            self._waiting_for_certificate.append(connection)
        else:
            self._hub.disconnect(connection.session, TLS_UNAVAILABLE)
