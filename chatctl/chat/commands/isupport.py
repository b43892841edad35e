"""RPL_ISUPPORT (005): announces limits and letters, derived from the tables that define them.

Source: modern.ircdocs.horse, "RPL_ISUPPORT Parameters"; the IRCv3 specification of a feature for its token.
"""

from __future__ import annotations

from chatctl.chat.commands import monitor_list
from chatctl.chat.entries.queries import MAX_PAGE_MESSAGES
from chatctl.chat.model import line_lengths, mask_lists
from chatctl.chat.model.modes import BOT, PREFIXES, chanmodes, prefix
from chatctl.chat.model.policy import Rules
from chatctl.protocol.names import MAX_NAME_CHARACTERS, MAX_ROOM_BYTES

MAX_MODE_CHANGES = 20
"""Mode changes of one command (MODES): a bound on work, far above what fits in a sensible line."""

MAX_WHOIS_NAMES = 4
"""Nicks of one WHOIS (TARGMAX)."""

ELIST = "CMNTU"
"""The conditions that LIST knows."""

_ROOM_KINDS = "#"


def isupport(rules: Rules) -> list[str]:
    """Return the tokens, by name."""
    targets = rules.max_targets
    most = {
        "INVITE": 1,
        "JOIN": "",
        "KICK": "",
        "LIST": "",
        "MONITOR": monitor_list.MAX_TARGETS,
        "NAMES": 1,
        "NOTICE": targets,
        "PART": "",
        "PRIVMSG": targets,
        "TAGMSG": targets,
        "WHOIS": MAX_WHOIS_NAMES,
    }
    tokens = {
        "ACCOUNTEXTBAN": "a",
        "BOT": BOT,
        "AWAYLEN": line_lengths.away_length(rules),
        "CASEMAPPING": "ascii",
        "CHANLIMIT": f"{_ROOM_KINDS}:{rules.max_rooms}",
        "CHANMODES": chanmodes(),
        "CHANNELLEN": MAX_ROOM_BYTES,
        "CHANTYPES": _ROOM_KINDS,
        "CHATHISTORY": MAX_PAGE_MESSAGES,
        "ELIST": ELIST,
        "EXCEPTS": "e",
        "EXTBAN": f",{mask_lists.EXTENDED}",
        "HOSTLEN": line_lengths.HOST,
        "INVEX": "I",
        "KEYLEN": line_lengths.KEY,
        "KICKLEN": line_lengths.kick_length(rules),
        "MAXLIST": ",".join(f"{letter}:{mask_lists.MAX_LIST_ENTRIES}" for letter in mask_lists.LETTERS),
        "MODES": MAX_MODE_CHANGES,
        "MONITOR": monitor_list.MAX_TARGETS,
        "MSGREFTYPES": "msgid,timestamp",
        "NAMELEN": line_lengths.realname_length(rules),
        "NETWORK": rules.network,
        "NICKLEN": MAX_NAME_CHARACTERS,
        "PREFIX": prefix(),
        "SAFELIST": None,
        "STATUSMSG": "".join(row.symbol for row in PREFIXES),
        "TARGMAX": ",".join(f"{command}:{number}" for command, number in most.items()),
        "TOPICLEN": line_lengths.topic_length(rules),
        "USERLEN": line_lengths.USERNAME + 1,  # with the tilde that the server adds
        "UTF8ONLY": None,
        "WHOX": None,
    }
    return [name if value is None else f"{name}={value}" for name, value in tokens.items()]
