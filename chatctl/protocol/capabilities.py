"""The capabilities this server offers, as a table: what stands here is what CAP LS shows and a session may ask for.

A session's capabilities are an `int`, one bit each, so that a set of them is a dictionary key and a test is one ``&``.
"""

from __future__ import annotations

from typing import NamedTuple


class Capability(NamedTuple):
    """One row: the name on the wire, its bit, the value shown to clients that speak CAP 302, and what specifies it."""

    name: str
    bit: int
    value: str
    specification: str


SERVER_TIME = 1 << 0
MESSAGE_TAGS = 1 << 1
ECHO_MESSAGE = 1 << 2
MULTI_PREFIX = 1 << 3
STANDARD_REPLIES = 1 << 4
CAP_NOTIFY = 1 << 5
RESUME = 1 << 6
USERHOST_IN_NAMES = 1 << 7
BATCH = 1 << 8
CHATHISTORY = 1 << 9
EVENT_PLAYBACK = 1 << 10
SEARCH = 1 << 11
LABELED_RESPONSE = 1 << 12

CAPABILITIES: tuple[Capability, ...] = (
    Capability("batch", BATCH, "", "ircv3.net/specs/extensions/batch"),
    Capability("cap-notify", CAP_NOTIFY, "", "ircv3.net/specs/extensions/capability-negotiation"),
    Capability("chatctl/resume", RESUME, "", "ARCHITECTURE.md, 'Who somebody is'"),
    Capability("draft/chathistory", CHATHISTORY, "", "ircv3.net/specs/extensions/chathistory"),
    Capability("draft/event-playback", EVENT_PLAYBACK, "", "ircv3.net/specs/extensions/chathistory"),
    Capability("echo-message", ECHO_MESSAGE, "", "ircv3.net/specs/extensions/echo-message"),
    Capability("labeled-response", LABELED_RESPONSE, "", "ircv3.net/specs/extensions/labeled-response"),
    Capability("message-tags", MESSAGE_TAGS, "", "ircv3.net/specs/extensions/message-tags"),
    Capability("multi-prefix", MULTI_PREFIX, "", "ircv3.net/specs/extensions/multi-prefix"),
    Capability("server-time", SERVER_TIME, "", "ircv3.net/specs/extensions/server-time"),
    Capability("soju.im/search", SEARCH, "", "codeberg.org/emersion/soju, doc/ext/search.md"),
    Capability("standard-replies", STANDARD_REPLIES, "", "ircv3.net/specs/extensions/standard-replies"),
    Capability("userhost-in-names", USERHOST_IN_NAMES, "", "ircv3.net/specs/extensions/userhost-in-names"),
)

BY_NAME: dict[str, Capability] = {capability.name: capability for capability in CAPABILITIES}

SHAPING = SERVER_TIME | MESSAGE_TAGS
"""The capabilities on which the bytes of a message to a room depend: members who agree in these get the same bytes."""


def listing(mask: int, *, values: bool) -> list[str]:
    """The names in `mask`, in the table's order; with ``=value`` where `values` is set and the row has one."""
    return [f"{row.name}={row.value}" if values and row.value else row.name for row in CAPABILITIES if mask & row.bit]


ALL = 0
for _row in CAPABILITIES:
    ALL |= _row.bit
