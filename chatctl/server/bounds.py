"""Limits of connections: plain values, given at the start."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds in number, bytes and seconds; the first seven are settings of the same name under ``limits``."""

    messages_per_second: float = 0
    """Of one session; see `rate_limit`. 0: as many as it likes, as programs that embed a server do; the
    setting's default is 10."""

    connections_per_address: int = 32
    """0: as many as it likes. This computer is exempt from it and from the next three (but see `Rules.local`)."""

    unregistered: int = 256
    registration_seconds: float = 30
    idle_seconds: float = 120
    outbox_bytes: int = 4 * 1024 * 1024
    outbox_total_bytes: int = 512 * 1024 * 1024

    unregistered_per_address: int = 16
    new_per_second: float = 2
    new_burst: int = 64

    registration_bytes: int = 16 * 1024
    """Bytes an unregistered connection may send: enough for hundreds of name checks, but not for a flood."""

    registration_outbox_bytes: int = 64 * 1024
    """Bytes that may be queued for an unregistered connection: much more than any answer, but a 7-byte request can
    yield a thousand."""

    probe_seconds: float = 5
    """How long a silent user has to answer a probe when another user wants the name or the last place."""

    linger_seconds: float = 3
    """How long a connection that ends has to close after its last byte was sent."""

    drain_seconds: float = 30
    """How long a connection that ends has to read what still waits for it, so that its last line arrives whole."""

    drain_bytes: int = 1024 * 1024
    """Bytes of a closing connection that are read and discarded; otherwise the system would reset it."""

    inbox_lines: int = 1024
    inbox_bytes: int = 256 * 1024
    """Lines and bytes of one session that may wait; past either it is not read, and TCP holds its sender up."""

    tick_seconds: float = 0.02
    """How long handling input may take before what it gave goes out."""
