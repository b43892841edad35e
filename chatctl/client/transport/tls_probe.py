"""Probes a server for programs that connect by other means: whether it speaks TLS, and with which key."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from chatctl.client.transport.trust import Trust, UntrustedError
from chatctl.client.transport.wire import DialError, WakeUp, dial
from chatctl.errors import UnreachableError


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The result. `tls`: use TLS. `pin`: the trusted key, which all connections must present; ``""``: any, because
    nobody is in between on this computer."""

    tls: bool
    pin: str = ""


def probe_server(host: str, port: int, trust: Trust, seconds: float) -> ProbeResult:
    """Verify a server as every client here does (`trust`); on this computer, where no fingerprint is given, it
    may show any. Raises UnreachableError, UntrustedError."""
    if trust.tls is False:
        return ProbeResult(False)
    wake = WakeUp()  # there is nothing to wake
    wake.open()
    try:
        with dial(host, port, seconds, wake, lambda: False, trust) as sock:
            return _seen(sock)
    except UntrustedError:
        if trust.fingerprint or not _is_here(host):
            raise
        return ProbeResult(True)
    except DialError as error:
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise UnreachableError(f"No chat server answers at {address} ({error})") from None
    finally:
        wake.close()


def _seen(sock: object) -> ProbeResult:
    shown = sock.getpeercert(binary_form=True) if hasattr(sock, "getpeercert") else None
    if shown is None:
        return ProbeResult(False)
    from chatctl.protocol.certificate import pin

    return ProbeResult(True, pin(shown))


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
