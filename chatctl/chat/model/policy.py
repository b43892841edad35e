"""Rules that every node agrees on: plain values. REHASH replaces them by an entry (ChangeRules)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chatctl.protocol import scram

OPT_OUT, OPT_IN = "opt-out", "opt-in"
ALWAYS_ON = (OPT_OUT, OPT_IN)
"""Values of `Rules.always_on` with which accounts stay in the chat while their devices are not connected."""

LOBBY = "#lobby"
"""The default room: it always exists and has no owner."""


@dataclass(frozen=True, slots=True)
class Rules:
    """`server_name` is the source of numerics; `admin` is the contact of the operator; `cloak_key` hides addresses (see
    :mod:`chatctl.chat.model.cloak`); `created` is when the server started, in ms since 1970 UTC."""

    server_name: str = "chatctl.local"
    network: str = "chatctl"
    local: bool = True
    """Whether connections from loopback addresses are trusted and exempt from limits; False behind a proxy."""
    motd: str = ""
    admin: str = ""
    password: str = ""
    registration: str = "open"
    """Which users may make an account: see MODES in :mod:`chatctl.chat.model.accounts`."""
    always_on: str = "off"
    """Whether accounts stay in the chat without a connection: opt-out (unless they choose not to), opt-in or off."""
    always_on_days: int = 90
    """Days after which an offline member leaves the chat."""
    max_members: int = 10_000
    """Offline members; past that the one offline for longest leaves."""
    guests: bool = True
    """Whether people may be here without an account."""
    iterations: int = scram.DEFAULT_ITERATIONS
    """PBKDF2 iterations of new verifiers."""
    operators: Mapping[str, str] = field(default_factory=dict)
    """Verifiers (see :mod:`chatctl.protocol.scram`) by operator's name."""
    listener_limit: int = 5
    cloak_key: bytes = b""
    created: int = 0
    version: str = "chatctl"

    max_rooms: int = 50
    """Rooms one user may be in (CHANLIMIT)."""

    replay_on_join: int = 20
    """Recent messages sent to a joining client that cannot request history."""

    max_targets: int = 4
    """Targets of one PRIVMSG or NOTICE (TARGMAX)."""

    multiline_bytes: int = 16_384
    """Bytes of one message of several lines (``max-bytes`` of draft/multiline)."""

    multiline_lines: int = 128
    """Lines of one (``max-lines``)."""

    redact_seconds: int = 24 * 3600
    """For how long one may take back what one said (draft/message-redaction)."""

    @property
    def description(self) -> str:
        """Return what WHOIS and LINKS say of the server."""
        return f"The {self.network} chat server"
