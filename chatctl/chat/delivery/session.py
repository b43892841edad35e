"""The state of one connection: negotiated capabilities and registration. Local to this machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from chatctl.chat.model.hosts import origin
from chatctl.chat.model.ids import NO_USER, SessionId
from chatctl.protocol.framing import BadLine

if TYPE_CHECKING:
    from chatctl.chat.entries.facts import Fact
    from chatctl.chat.entries.multiline import MultilineBatch
    from chatctl.chat.model.token_bucket import TokenBucket


_NONE: dict[str, None] = {}


class RoomQueue(Protocol):
    """The output of a room, as its sessions see it: `waits` is the last tick that parked something."""

    waits: int


class Output:
    """The attributes that every delivery reads, separate from the rest of a session so that they are close in memory.

    A server that writes to thousands of sessions is mostly limited by memory latency.
    """

    __slots__ = ("fd", "out", "send")

    out: bytes | list[bytes] | None
    """Released output that the connection has not taken: nothing, one piece (most often) or several."""
    send: Callable[[bytes], int] | None
    """The `send` of the owner's socket: takes bytes and returns how many. None: the owner must be asked first."""
    fd: int
    """That socket's descriptor, for an owner who writes to many in one call. It means nothing while `send` is None."""

    def take_output(self) -> bytes:
        """Remove and return all released output."""
        out, self.out = self.out, None
        return b"".join(out) if isinstance(out, list) else out or b""


def append_output(out: bytes | list[bytes], data: bytes) -> list[bytes]:
    """Return the released output with `data` appended."""
    if isinstance(out, list):
        out.append(data)
        return out
    return [out, data]


class Session(Output):
    """One connection, from accept to close.

    `address` is the numeric address, for operators; `encrypted` says that it uses TLS, `local` that it comes from this
    computer and is trusted for that (:attr:`chatctl.chat.model.policy.Rules.local`).
    """

    __slots__ = (
        "account_id",
        "address",
        "ask_password",
        "away",
        "batch",
        "bucket",
        "cap_version",
        "caps",
        "closing",
        "console",
        "dropped",
        "encrypted",
        "host",
        "id",
        "in_flight",
        "inbox",
        "instance",
        "invite",
        "last_spoke",
        "leaving",
        "local",
        "messages_only",
        "metadata_due",
        "negotiating",
        "nick",
        "password",
        "queued",
        "realname",
        "registered",
        "registering",
        "rooms",
        "said_before",
        "sasl",
        "secret",
        "shape",
        "subscriptions",
        "transient",
        "tries",
        "unreachable",
        "user_id",
        "username",
        "waits",
        "wanted",
        "watching",
    )

    def __init__(
        self,
        id: SessionId,
        address: str,
        host: str,
        now: int,
        *,
        encrypted: bool = False,
        local: bool = False,
        console: bool = False,
    ) -> None:
        self.id = id
        self.address = address
        self.host = host
        self.encrypted, self.local = encrypted, local

        # `console`: it came through the control socket, which only the owner of the data folder can open.
        # `transient`: it is on a short visit (chat/apply/short_visits), from registration on.
        self.console, self.transient = console, False

        # Registration so far.
        self.nick = ""
        self.wanted = ""
        self.username = ""
        self.realname = ""
        self.password = ""
        self.account_id = ""
        self.invite = ""
        self.sasl: object | None = None  # the SASL exchange in progress (chat/commands/sasl.py)
        self.secret = ""
        self.instance = ""
        self.tries = 0
        self.negotiating = False
        self.registering = False
        self.registered, self.user_id = False, NO_USER
        self.caps = 0
        self.cap_version = 301
        self.last_spoke = now

        # Metadata: subscribed keys, and when its next change is allowed (chat/commands/metadata).
        self.subscriptions, self.metadata_due = _NONE, 0
        self.away = ""

        # Input: lines not yet handled, and the number of proposals and queries under way.
        self.inbox: list[str | BadLine] = []
        self.queued = False
        self.bucket: TokenBucket | None = None  # see chat/engine/rate_limit
        self.in_flight = 0
        self.messages_only = True
        self.batch: MultilineBatch | None = None

        # Output: see chat/delivery/fanout. `shape` is the set of capabilities it is grouped by, `waits` the last tick
        # that holds something of this session or because of it.
        self.shape = 0
        self.rooms: dict[str, RoomQueue] = {}
        self.out: bytes | list[bytes] | None = None
        self.send = None
        self.waits = 0

        # Deduplication (chat/commands/dedup): per place, its numbered messages there; None: sent since then.
        self.said_before: dict[str, dict[str, Fact | None]] = {}

        # Monitored nicks (chat/commands/monitor_list).
        self.watching: dict[str, str] | None = None

        self.closing = ""
        # `leaving`: why the session ends when its input is handled, "" while more may come; `unreachable`: whether the
        # connection is lost, so that nothing can be sent to it.
        self.leaving, self.unreachable = "", False
        self.dropped = False

    @property
    def secure(self) -> bool:
        """Whether passwords may be sent: no network that others can read lies between."""
        return self.encrypted or self.local

    @property
    def origin(self) -> str:
        """The address, or network, by which connections are counted and banned."""
        return origin(self.address)
