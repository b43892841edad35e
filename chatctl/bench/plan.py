"""What a run does, and what came of it: plain values."""

from __future__ import annotations

from dataclasses import dataclass, field

from chatctl.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Plan:
    """A run. Client `i` is in room ``i % rooms``; the first `senders` clients speak.

    `rate` messages a second from all senders together; 0: closed loop, in which `window` messages of all senders
    together are in flight, that is, not everybody has them yet. `size` is a message's text in bytes. `caps` are asked
    for by `caps_clients` of the clients, spread evenly (None: all). `batch` connections are under way at once.
    `timeout` (s) is how long nothing may happen. `pid`: the server's process, where it is on this machine. `pin`: the
    key that the server must show under TLS (see :mod:`chatctl.protocol.certificate`); ``""``: any.
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
            raise ConfigError(f"there are only {self.clients} clients: --senders {self.senders} cannot be")
        if self.messages < self.senders:
            raise ConfigError(f"each sender says something: --messages must be at least {self.senders}")

    def quota(self, sender: int) -> int:
        """How many of the messages `sender` says."""
        return self.messages // self.senders + (sender < self.messages % self.senders)

    @property
    def share(self) -> int:
        """A sender's share of the window; each has at least one."""
        return max(1, self.window // self.senders)

    def has_caps(self, client: int) -> bool:
        """Whether `client` asks for `caps`."""
        wanted = self.clients if self.caps_clients is None else self.caps_clients
        member = client // self.rooms
        whole = max(1, self.clients // self.rooms)
        share = wanted / self.clients * whole
        return bool(self.caps) and int((member + 1) * share / whole) > int(member * share / whole)


@dataclass(slots=True)
class Usage:
    """What a process used while messages flowed (CPU), and holds (MiB)."""

    cpu_seconds: float
    memory_mib: float
    peak_mib: float
    memory_before_mib: float
    """Before the first client came."""


@dataclass(slots=True)
class Result:
    """What came of a run. Times are in seconds; latencies from when a message was meant to be sent to when a client had
    it, in milliseconds."""

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
    """What the server had to say to a client meanwhile."""
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
