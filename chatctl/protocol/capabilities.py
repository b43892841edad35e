"""The capabilities this server offers, as a table: what stands here is what CAP LS shows and a session may ask for.

A session's capabilities are an `int`, one bit each, so that a set of them is a dictionary key and a test is one ``&``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Capability(NamedTuple):
    """A capability: its name on the wire, its bit, its specification, and its use for a client.

    Its value in CAP LS depends on the server's settings (:mod:`chatctl.chat.commands.offered_capabilities`).
    """

    name: str
    bit: int
    specification: str
    meaning: str


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
AWAY_NOTIFY = 1 << 13
EXTENDED_JOIN = 1 << 14
SETNAME = 1 << 15
NO_IMPLICIT_NAMES = 1 << 16
PRE_AWAY = 1 << 17
MULTILINE = 1 << 18
INVITE_NOTIFY = 1 << 19
CHGHOST = 1 << 20
EXTENDED_MONITOR = 1 << 21
EXTENDED_ISUPPORT = 1 << 22
MESSAGE_REDACTION = 1 << 23
SASL = 1 << 24
ACCOUNT_NOTIFY = 1 << 25
ACCOUNT_TAG = 1 << 26
ACCOUNT_REGISTRATION = 1 << 27
READ_MARKER = 1 << 28
CHANNEL_RENAME = 1 << 29
METADATA_2 = 1 << 30
METADATA_3 = 1 << 31
TRANSIENT = 1 << 32

_IRCV3 = "ircv3.net/specs/extensions/"

CAPABILITIES: tuple[Capability, ...] = (
    Capability("account-notify", ACCOUNT_NOTIFY, _IRCV3 + "account-notify", "who logs in and out (ACCOUNT)"),
    Capability("account-tag", ACCOUNT_TAG, _IRCV3 + "account-tag", "the account of who says something"),
    Capability("away-notify", AWAY_NOTIFY, _IRCV3 + "away-notify", "AWAY of others in the same rooms"),
    Capability("batch", BATCH, _IRCV3 + "batch", "what belongs together is marked as such"),
    Capability("cap-notify", CAP_NOTIFY, _IRCV3 + "capability-negotiation", "is told when capabilities come and go"),
    Capability(
        "chatctl/resume",
        RESUME,
        "docs/reference/extensions.md",
        "takes its name back (RESUME)",
    ),
    Capability(
        "chatctl/transient",
        TRANSIENT,
        "docs/reference/extensions.md",
        "a short visit: its rooms and MONITOR hear nothing of its coming and going",
    ),
    Capability("chghost", CHGHOST, _IRCV3 + "chghost", "that the host of a user changed"),
    Capability(
        "draft/account-registration", ACCOUNT_REGISTRATION, _IRCV3 + "account-registration", "makes accounts (REGISTER)"
    ),
    Capability("draft/channel-rename", CHANNEL_RENAME, _IRCV3 + "channel-rename", "another name for a room (RENAME)"),
    Capability("draft/chathistory", CHATHISTORY, _IRCV3 + "chathistory", "asks for history (CHATHISTORY)"),
    Capability("draft/event-playback", EVENT_PLAYBACK, _IRCV3 + "chathistory", "history with joins, topics, reactions"),
    Capability("draft/extended-isupport", EXTENDED_ISUPPORT, _IRCV3 + "extended-isupport", "ISUPPORT, in a batch"),
    Capability("draft/message-redaction", MESSAGE_REDACTION, _IRCV3 + "message-redaction", "taking back (REDACT)"),
    Capability("draft/metadata-2", METADATA_2, _IRCV3 + "metadata", "what all say of themselves (METADATA)"),
    Capability(
        "draft/metadata-3", METADATA_3, "github.com/ircv3/ircv3-specifications/pull/613", "METADATA, a later revision"
    ),
    Capability("draft/multiline", MULTILINE, _IRCV3 + "multiline", "messages of several lines, as one (BATCH)"),
    Capability(
        "draft/no-implicit-names",
        NO_IMPLICIT_NAMES,
        _IRCV3 + "no-implicit-names",
        "no-implicit-names, by its older name",
    ),
    Capability("draft/pre-away", PRE_AWAY, _IRCV3 + "pre-away", "AWAY while registering"),
    Capability("draft/read-marker", READ_MARKER, _IRCV3 + "read-marker", "up to where it has read (MARKREAD)"),
    Capability("echo-message", ECHO_MESSAGE, _IRCV3 + "echo-message", "reads its own messages as others do"),
    Capability("extended-join", EXTENDED_JOIN, _IRCV3 + "extended-join", "JOIN with account and real name"),
    Capability(
        "extended-monitor",
        EXTENDED_MONITOR,
        _IRCV3 + "extended-monitor",
        "away, account and so on of names it monitors",
    ),
    Capability("invite-notify", INVITE_NOTIFY, _IRCV3 + "invite-notify", "invitations of others to its rooms"),
    Capability(
        "labeled-response", LABELED_RESPONSE, _IRCV3 + "labeled-response", "which answer belongs to which command"
    ),
    Capability(
        "message-tags",
        MESSAGE_TAGS,
        _IRCV3 + "message-tags",
        "ids, client tags (typing, reactions), TAGMSG",
    ),
    Capability("multi-prefix", MULTI_PREFIX, _IRCV3 + "multi-prefix", "all of a member's prefixes"),
    Capability("no-implicit-names", NO_IMPLICIT_NAMES, _IRCV3 + "no-implicit-names", "no names on entering a room"),
    Capability("sasl", SASL, _IRCV3 + "sasl-3.2", "logs in to an account (AUTHENTICATE)"),
    Capability("server-time", SERVER_TIME, _IRCV3 + "server-time", "when something was said"),
    Capability("setname", SETNAME, _IRCV3 + "setname", "SETNAME of others in the same rooms, and its own"),
    Capability("soju.im/search", SEARCH, "codeberg.org/emersion/soju, doc/ext/search.md", "searches messages (SEARCH)"),
    Capability("standard-replies", STANDARD_REPLIES, _IRCV3 + "standard-replies", "FAIL, WARN and NOTE"),
    Capability("userhost-in-names", USERHOST_IN_NAMES, _IRCV3 + "userhost-in-names", "names as nick!user@host"),
)

BY_NAME: dict[str, Capability] = {capability.name: capability for capability in CAPABILITIES}

SHAPING = SERVER_TIME | MESSAGE_TAGS | ACCOUNT_TAG
"""The capabilities on which the bytes of a message to a room depend: members who agree in these get the same bytes."""


def listing(mask: int, values: Mapping[str, str]) -> list[str]:
    """Return the names in `mask`, in the table's order; with ``=value`` where `values` has one for it."""
    named = (row.name for row in CAPABILITIES if mask & row.bit)
    return [f"{name}={values[name]}" if values.get(name) else name for name in named]


ALL = 0
for _row in CAPABILITIES:
    ALL |= _row.bit
