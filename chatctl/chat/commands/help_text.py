"""Help for each command: HELP shows it, and docs/reference/commands.md is made from it.

A test checks that every row of the command table has its page here, and every page its row.
"""

from __future__ import annotations

from typing import NamedTuple


class HelpPage(NamedTuple):
    """One command: how it is written, what it does (a sentence or two a line), and what specifies it."""

    usage: str
    text: tuple[str, ...]
    source: str


_MODERN = "modern.ircdocs.horse"
_IRCV3 = "ircv3.net/specs/extensions"


def _modern(section: str) -> str:
    return f'{_MODERN}, "{section}"'


OVERVIEW: tuple[str, ...] = (
    "",
    "Enter a room:       JOIN #room          Leave it:    PART #room",
    "Say something:      PRIVMSG #room :text (or a name in place of the room)",
    "Who is there:       NAMES #room         All rooms:   LIST",
    "Another name:       NICK newname        Be away:     AWAY :reason",
    "Run your own room:  TOPIC, MODE, INVITE, KICK",
    "",
    "Most clients have these as /join, /part, /msg and so on.",
    "HELP <command> says more about one command. All of them are in docs/reference/commands.md of the program.",
)

MANUAL: dict[str, HelpPage] = {
    "ADMIN": HelpPage(
        "ADMIN [<server>]", ("Shows how to reach the operator of this server.",), _modern("ADMIN message")
    ),
    "AUTHENTICATE": HelpPage(
        "AUTHENTICATE <mechanism> | <base64> | *",
        ("Logs in to an account (SASL). Your client does this by itself, once it knows account and password.",),
        f"{_IRCV3}/sasl-3.2",
    ),
    "AWAY": HelpPage(
        "AWAY [:<reason>]",
        ("Marks you as away; users who write to you privately read the reason. Without one you are back.",),
        _modern("AWAY message"),
    ),
    "BATCH": HelpPage(
        "BATCH +<reference> draft/multiline <target> | BATCH -<reference>",
        ("Around lines that are one message (each with the tag batch=<reference>). Your client does this by itself.",),
        f"{_IRCV3}/multiline",
    ),
    "CAP": HelpPage(
        "CAP LS [302] | LIST | REQ :<capabilities> | END",
        ("Lists what the server can do beyond plain IRC and turns it on. Your client does this by itself.",),
        f"{_IRCV3}/capability-negotiation",
    ),
    "CHATHISTORY": HelpPage(
        "CHATHISTORY <LATEST|BEFORE|AFTER|AROUND|BETWEEN> <room or name> <point> [<point>] <limit>",
        (
            "Shows past messages. A point is msgid=<id>, timestamp=<time> or, for LATEST, *.",
            "CHATHISTORY TARGETS timestamp=<time> timestamp=<time> <limit> lists where something was said between.",
        ),
        f"{_IRCV3}/chathistory",
    ),
    "CHGHOST": HelpPage(
        "CHGHOST <name> <host>",
        ("For operators of the server: changes what others see behind the @ of a name.",),
        f"{_IRCV3}/chghost",
    ),
    "CONNECT": HelpPage(
        "CONNECT <server>",
        ("For servers that link to others. This one does not, so there is nothing to connect to.",),
        _modern("CONNECT message"),
    ),
    "HELP": HelpPage("HELP [<command>]", ("Says what a command does.",), _modern("HELP message")),
    "HELPOP": HelpPage("HELPOP [<command>]", ("The same as HELP.",), _modern("HELP message")),
    "INFO": HelpPage("INFO [<server>]", ("Says what this server is.",), _modern("INFO message")),
    "INVITE": HelpPage(
        "INVITE <name> <#room>",
        (
            "Invites a user into a room you are in. From an operator of the room it lets them in once, whatever its",
            "modes say; if it is +i only operators may invite. INVITE alone lists the rooms you are invited to.",
        ),
        _modern("INVITE message"),
    ),
    "ISON": HelpPage("ISON <name> {<name>}", ("Says which of these are here.",), "RFC 2812, section 4.9"),
    "ISUPPORT": HelpPage("ISUPPORT", ("Shows what this server supports, once more.",), f"{_IRCV3}/extended-isupport"),
    "JOIN": HelpPage(
        "JOIN <#room>{,<#room>} [<key>{,<key>}]",
        (
            "Enters rooms. One that does not exist comes into being, and you are its operator.",
            "Keys are for rooms that have one, in the same order. JOIN 0 leaves every room.",
        ),
        _modern("JOIN message"),
    ),
    "KICK": HelpPage(
        "KICK <#room> <name>{,<name>} [:<reason>]",
        ("Removes people from a room; for its operators. They may come back unless they are banned (MODE +b).",),
        _modern("KICK message"),
    ),
    "KILL": HelpPage(
        "KILL <name> [:<reason>]",
        ("Ends the connection of a user; for operators of the server. They may come back at once: see chatctl ban.",),
        _modern("KILL message"),
    ),
    "LINKS": HelpPage("LINKS", ("Lists the servers of this network.",), _modern("LINKS message")),
    "LIST": HelpPage(
        "LIST [<condition>{,<condition>}]",
        (
            "Lists the rooms. A condition is a name or a mask (#a*), !mask for the others, >n or <n users,",
            "C>n or C<n for minutes since it was created, T>n or T<n for minutes since its topic was set.",
        ),
        _modern("LIST message"),
    ),
    "LUSERS": HelpPage("LUSERS", ("Says how many users and rooms there are.",), _modern("LUSERS message")),
    "MARKREAD": HelpPage(
        "MARKREAD <room or name> [timestamp=<time>]",
        ("Says up to when you have read, for your other clients; without a time it asks. Your client does this.",),
        f"{_IRCV3}/read-marker",
    ),
    "METADATA": HelpPage(
        "METADATA <* or name or room> <GET|LIST|SET|CLEAR|SUB|UNSUB|SUBS|SYNC> [<key> ...] [:<value>]",
        (
            "What people and rooms say of themselves: a picture, a display name, a web site.",
            "One changes one's own, and operators of a room the room's.",
        ),
        f"{_IRCV3}/metadata",
    ),
    "MODE": HelpPage(
        "MODE <#room> [<modes> {<parameter>}]",
        (
            "Shows or changes how a room is run; changes are for its operators. +x sets, -x unsets.",
            "o name: operator. v name: a voice. b mask: a ban. e mask: an exception. I mask: needs no invitation.",
            "i: invited people only, and who was in and did not leave. R: logged-in people only.",
            "k key: a key is needed. l number: at most this many members.",
            "m: only operators and voices speak. M: only logged-in people speak. n: only members speak.",
            "s: secret. t: only operators set the topic. C: no CTCP but /me. c: no colours.",
            "A mask is name!user@host with * and ?; a:account means an account; m: before a mask only silences.",
            "MODE <your name> [<modes>] is about yourself.",
        ),
        _modern("MODE message"),
    ),
    "MONITOR": HelpPage(
        "MONITOR + <name>{,<name>} | - <name>{,<name>} | C | L | S",
        ("Tells you when a user comes online or leaves: + adds, - removes, C clears, L lists, S says who is online.",),
        f"{_IRCV3}/monitor",
    ),
    "MOTD": HelpPage("MOTD [<server>]", ("Shows the message of the day.",), _modern("MOTD message")),
    "NAMES": HelpPage("NAMES <#room>{,<#room>}", ("Says who is in a room.",), _modern("NAMES message")),
    "NICK": HelpPage(
        "NICK <name>",
        ("Takes a name, or another one. It has up to 32 letters and digits of any one script and _-[]\\`^{}|.",),
        _modern("NICK message"),
    ),
    "NICKSERV": HelpPage(
        "NICKSERV <command> {<word>}",
        ("Sends a command to NickServ, which manages accounts: NICKSERV HELP lists its commands.",),
        "the same as PRIVMSG NickServ",
    ),
    "NOTICE": HelpPage(
        "NOTICE <room or name>{,<room or name>} :<text>",
        ("Like PRIVMSG, but never answered by a program. Nothing is said when it cannot be delivered.",),
        _modern("NOTICE message"),
    ),
    "NS": HelpPage("NS <command> {<word>}", ("The same as NICKSERV.",), "the same as PRIVMSG NickServ"),
    "OPER": HelpPage(
        "OPER <name> <password>",
        ("Makes you an operator of the server, if its settings name you as one.",),
        _modern("OPER message"),
    ),
    "PART": HelpPage("PART <#room>{,<#room>} [:<reason>]", ("Leaves rooms.",), _modern("PART message")),
    "PASS": HelpPage(
        "PASS <password>",
        ("Gives the server's password, before NICK and USER. Your client has a field for it.",),
        _modern("PASS message"),
    ),
    "PING": HelpPage("PING <token>", ("Asks for a sign of life: the server answers PONG.",), _modern("PING message")),
    "PONG": HelpPage("PONG <token>", ("Answers the server's PING. Your client does this.",), _modern("PONG message")),
    "PRIVMSG": HelpPage(
        "PRIVMSG <room or name>{,<room or name>} :<text>",
        (
            "Sends a message to a room or to a user.",
            "@#room reaches only the room's operators, +#room those with a voice too.",
        ),
        _modern("PRIVMSG message"),
    ),
    "QUIT": HelpPage("QUIT [:<reason>]", ("Leaves the chat.",), _modern("QUIT message")),
    "REDACT": HelpPage(
        "REDACT <room or name> <message id> [:<reason>]",
        (
            "Takes back something you said within the last 24 hours; the text is deleted from history and disk.",
            "Operators of a room may take back whatever was said there. Your client does this by itself.",
        ),
        f"{_IRCV3}/message-redaction",
    ),
    "REDEEM": HelpPage(
        "REDEEM <token>",
        ("Shows an invitation, so that you may REGISTER where only those may who were invited.",),
        "docs/reference/extensions.md",
    ),
    "REGISTER": HelpPage(
        "REGISTER <name or *> * <password>",
        ("Makes an account for the name you have, so that it is yours. Where others could read along it takes TLS.",),
        f"{_IRCV3}/account-registration",
    ),
    "REHASH": HelpPage(
        "REHASH",
        (
            "Reads the server's settings again; for operators of the server. A running server can change",
            "the message of the day, admin, the password, operators, accounts and listener_limit. The rest is named.",
        ),
        _modern("REHASH message"),
    ),
    "RENAME": HelpPage(
        "RENAME <#room> <#new name> [:<reason>]",
        ("Gives a room another name; who is in it, its settings and its history stay. For its operators.",),
        f"{_IRCV3}/channel-rename",
    ),
    "RESTART": HelpPage(
        "RESTART", ("Not done from here: this server is restarted where it was started.",), _modern("RESTART message")
    ),
    "RESUME": HelpPage(
        "RESUME <secret> <instance>",
        ("How chatctl's own client takes its name back from its own broken connection. Not for typing.",),
        "docs/reference/extensions.md",
    ),
    "SEARCH": HelpPage(
        "SEARCH text=<words>;in=<room or name>;from=<name>;after=<time>;before=<time>;limit=<number>",
        ("Searches messages; every part may be left out. Spaces are written \\s.",),
        "codeberg.org/emersion/soju, doc/ext/search.md",
    ),
    "SQUIT": HelpPage(
        "SQUIT <server> :<reason>",
        ("For servers that link to others. This one does not.",),
        _modern("SQUIT message"),
    ),
    "SETNAME": HelpPage("SETNAME :<real name>", ("Changes your real name.",), f"{_IRCV3}/setname"),
    "STATS": HelpPage(
        "STATS <letter> [<server>]",
        ("u: for how long the server has been up. o: which operators are here (for operators).",),
        _modern("STATS message"),
    ),
    "TAGMSG": HelpPage(
        "@<tags> TAGMSG <room or name>{,<room or name>}",
        ("Sends tags without a text: that you are typing, or a reaction. Your client does this.",),
        f"{_IRCV3}/message-tags",
    ),
    "TIME": HelpPage("TIME [<server>]", ("Says what time it is for the server, in UTC.",), _modern("TIME message")),
    "TOPIC": HelpPage(
        "TOPIC <#room> [:<topic>]",
        ("Shows a room's topic, or sets it. In a room that is +t only its operators may set it.",),
        _modern("TOPIC message"),
    ),
    "USER": HelpPage(
        "USER <username> 0 * :<real name>",
        ("Says who you are when you connect. Your client does this.",),
        _modern("USER message"),
    ),
    "USERHOST": HelpPage(
        "USERHOST <name> {<name>}",
        ("Shows up to five people's host and whether they are away.",),
        _modern("USERHOST message"),
    ),
    "VERIFY": HelpPage(
        "VERIFY <account> <code>",
        ("Nothing has to be confirmed on this server: an account can be used as soon as it is made.",),
        f"{_IRCV3}/account-registration",
    ),
    "VERSION": HelpPage(
        "VERSION [<server>]", ("Says which program this is and what it supports.",), _modern("VERSION message")
    ),
    "WALLOPS": HelpPage(
        "WALLOPS :<text>",
        ("Writes to all who want to read it (MODE <your name> +w); for operators of the server.",),
        _modern("WALLOPS message"),
    ),
    "WHO": HelpPage(
        "WHO <room, name or mask> [o][%<fields>[,<token>]]",
        (
            "Lists people: those of a room, or whose name or host fits. o: operators of the server alone.",
            "With %tcuihsnfdlaor the fields are chosen (WHOX), and the token comes back with each line.",
        ),
        f"{_modern('WHO message')}; {_IRCV3}/whox",
    ),
    "WHOIS": HelpPage("WHOIS [<server>] <name>{,<name>}", ("Shows more about a user.",), _modern("WHOIS message")),
    "WHOWAS": HelpPage(
        "WHOWAS <name> [<count> [<server>]]",
        ("Says who had a name before; the latest first.",),
        _modern("WHOWAS message"),
    ),
}
