"""Limits of connections: plain values, given at the start, and the home of their defaults."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of connections in number, bytes and seconds.

    The first seven are settings of the same name under ``limits``. This computer is exempt from the limits per address,
    unless `Rules.local` is False.

    Attributes:
        messages_per_second: The rate limit of one session; 0: none. The setting's default is 10.
        connections_per_address: Connections from one address; 0: no limit.
        unregistered: Connections that have not registered yet.
        registration_seconds: The time to register.
        idle_seconds: A connection without input for this long is sent a PING. It has half of this time to answer.
        outbox_bytes: The limit of one send queue. A client past it is disconnected as too slow.
        outbox_total_bytes: The limit of all send queues together. Past it the client with the largest is disconnected.
        unregistered_per_address: Unregistered connections from one address; 0: no limit.
        new_per_second: New connections from one address; 0: no limit.
        new_burst: New connections from one address at once.
        registration_bytes: Input of an unregistered connection: enough for hundreds of name checks, not for a flood.
        registration_outbox_bytes: The send queue of an unregistered connection. Much more than any answer needs, but a
            request of 7 bytes can cause a thousand.
        probe_seconds: The time a silent client has to answer a PING if another one wants its name or the last place.
        linger_seconds: The time an ending connection has to close after its last byte was sent.
        drain_seconds: The time an ending connection has to read its queued output, so that the last line arrives whole.
        drain_bytes: Input of an ending connection that is read and discarded; unread, it would make the kernel reset
            the connection.
        inbox_lines: Lines of queued input of one session. Past it reading is paused, and TCP slows the sender down.
        inbox_bytes: Bytes of the same, with the same effect.
        tick_seconds: The time that one tick spends on input before its output is sent.
    """

    messages_per_second: float = 0
    connections_per_address: int = 32
    unregistered: int = 256
    registration_seconds: float = 30
    idle_seconds: float = 120
    outbox_bytes: int = 4 * 1024 * 1024
    outbox_total_bytes: int = 512 * 1024 * 1024

    unregistered_per_address: int = 16
    new_per_second: float = 2
    new_burst: int = 64
    registration_bytes: int = 16 * 1024
    registration_outbox_bytes: int = 64 * 1024
    probe_seconds: float = 5
    linger_seconds: float = 3
    drain_seconds: float = 30
    drain_bytes: int = 1024 * 1024
    inbox_lines: int = 1024
    inbox_bytes: int = 256 * 1024
    tick_seconds: float = 0.02
