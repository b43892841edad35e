"""The plan of a run, and its results: plain values."""

from __future__ import annotations

from dataclasses import dataclass, field

from chatctl.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Plan:
    """A run. Client `i` is in room ``i % rooms``; the first `senders` clients send.

    Attributes:
        rate: Messages per second of all senders together; 0: closed loop.
        window: Closed loop: messages of all senders in flight, that is, not delivered to all recipients.
        size: Bytes of a message's text.
        caps: Capabilities to request.
        caps_clients: How many of the clients request them, spread evenly (None: all).
        batch: Connections opened at a time.
        timeout: Seconds without input that end the run.
        pid: The server's process, if it is on this machine.
        pin: The key that the server must present with TLS (see :mod:`chatctl.protocol.certificate`); ``""``: any.
    """

    host: str
    port: int
    clients: int = 100
    rooms: int = 1
    senders: int = 1
    messages: int = 10_000
    rate: float = 0.0
    size: int = 64
    window: int = 100
    tls: bool = False
    pin: str = ""
    caps: tuple[str, ...] = ()
    caps_clients: int | None = None
    password: str = ""
    batch: int = 100
    timeout: float = 30.0
    pid: int | None = None
    token: str = "x"
    """Part of every name, so that two runs do not meet."""

    def __post_init__(self) -> None:
        """Raises ConfigError for a plan that cannot be."""
        if self.rooms * 2 > self.clients:
            raise ConfigError(f"{self.rooms} rooms need at least {2 * self.rooms} clients: --clients {self.clients}")
        if self.senders > self.clients:
            raise ConfigError(f"There are only {self.clients} clients: --senders {self.senders} cannot be")
        if self.messages < self.senders:
            raise ConfigError(f"Each sender says something: --messages must be at least {self.senders}")

    def quota(self, sender: int) -> int:
        """Return how many of the messages `sender` sends."""
        return self.messages // self.senders + (sender < self.messages % self.senders)

    @property
    def share(self) -> int:
        """A sender's share of the window; each has at least one."""
        return max(1, self.window // self.senders)

    def has_caps(self, client: int) -> bool:
        """Return whether `client` asks for `caps`."""
        wanted = self.clients if self.caps_clients is None else self.caps_clients
        member = client // self.rooms
        whole = max(1, self.clients // self.rooms)
        share = wanted / self.clients * whole
        return bool(self.caps) and int((member + 1) * share / whole) > int(member * share / whole)


@dataclass(slots=True)
class Usage:
    """CPU time of a process during the messages, and its memory (MiB)."""

    cpu_seconds: float
    memory_mib: float
    peak_mib: float
    memory_before_mib: float
    """Before the first client came."""


@dataclass(slots=True)
class Result:
    """The results of a run. Times are in seconds; latencies in milliseconds, from when a message was due to its
    delivery."""

    clients: int
    rooms: int
    messages: int
    expected: int
    deliveries: int
    seconds: float
    register_seconds: float
    join_seconds: float
    bytes_read: int
    generator_cpu: float
    told: str = ""
    """Other text of the server to a client."""
    sent_late_ms: float = 0.0
    """The most that a message was sent later than planned (open loop)."""
    latencies: dict[str, float] = field(default_factory=dict)
    """``p50``, ``p99``, ``p99.9``, ``max``; how many were measured is ``count``."""
    timeline: list[tuple[float, float, float, float]] = field(default_factory=list)
    """Slices of time: seconds since the start, p50, p99, max."""
    histogram: list[tuple[float, int]] = field(default_factory=list)
    """Upper bounds (ms) and counts."""
    server: Usage | None = None
    server_idle: float = 0.0

    @property
    def rate(self) -> float:
        """Deliveries a second."""
        return self.deliveries / self.seconds if self.seconds else 0.0

    @property
    def generator_busy(self) -> float:
        """The share of the time for which the generator's own thread computed."""
        return self.generator_cpu / self.seconds if self.seconds else 0.0
