"""Lengths announced in ISUPPORT, computed so that accepted text fits into one line for every recipient.

Recipients get a topic or an away message in a numeric that names them. Nothing is ever truncated, so the maximum is the
length that still fits with the longest possible names around it.
"""

from __future__ import annotations

from chatctl.chat.model.policy import Rules
from chatctl.protocol.message import MAX_LINE_BYTES
from chatctl.protocol.names import MAX_NAME_CHARACTERS, MAX_ROOM_BYTES

USERNAME = 10
"""Bytes of the user part that a client may choose; USERLEN counts the tilde before it as well."""

HOST = 17
"""Bytes of the host that others see (:mod:`chatctl.chat.model.cloak`)."""

KEY = 32
"""Bytes of a room's key (KEYLEN)."""

_COUNT = len("1000000")  # users of a room, as LIST shows them
_NICK = 4 * MAX_NAME_CHARACTERS  # UTF-8, at the most
_PREFIX = _NICK + 1 + (1 + USERNAME) + 1 + HOST  # nick ! ~username @ cloak
_CRLF = 2


def topic_length(rules: Rules) -> int:
    """Return the bytes for a topic: ``:server 322 nick #room users :topic``, and ``:nick!user@host TOPIC #room
    :topic``."""
    numeric = MAX_LINE_BYTES - _CRLF - len(f":{rules.server_name} 322   ") - _NICK - MAX_ROOM_BYTES - _COUNT - 2
    relayed = MAX_LINE_BYTES - _CRLF - len(": TOPIC ") - _PREFIX - MAX_ROOM_BYTES - 2
    return min(numeric, relayed)


def realname_length(rules: Rules) -> int:
    """Return the bytes for a real name: ``:server 352 nick #room user host server nick flags :0 realname``."""
    server = len(rules.server_name)
    numeric = len(":  352        :0 ") + 2 * server + 2 * _NICK + MAX_ROOM_BYTES + 1 + USERNAME + HOST + len("G@+")
    return min(150, MAX_LINE_BYTES - _CRLF - numeric)


def away_length(rules: Rules) -> int:
    """Return the bytes for an away message: ``:server 301 nick nick :text``."""
    return MAX_LINE_BYTES - _CRLF - len(f":{rules.server_name} 301  ") - 2 * _NICK - 2


METADATA_KEY = 32
"""Bytes of a key of metadata."""


def metadata_length(rules: Rules) -> int:
    """Return the bytes for a value of metadata: ``:server 761 nick nick key * :value``."""
    return MAX_LINE_BYTES - _CRLF - len(f":{rules.server_name} 761    * :") - 2 * _NICK - METADATA_KEY


def kick_length(rules: Rules) -> int:
    """Return the bytes of a kick reason that always fit: ``:nick!user@host KICK #room nick :reason``."""
    return MAX_LINE_BYTES - _CRLF - len(": KICK  ") - _PREFIX - MAX_ROOM_BYTES - _NICK - 2
