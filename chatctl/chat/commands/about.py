"""The server itself: the welcome, ISUPPORT, MOTD, LUSERS, VERSION, TIME (modern.ircdocs.horse, "Server Queries")."""

from __future__ import annotations

from chatctl.chat import limits
from chatctl.chat.commands.history import MOST
from chatctl.chat.commands.kinds import Command, Reply, Result, View, line
from chatctl.chat.modes import ROOM_MODES, USER_MODES, chanmodes, prefix
from chatctl.chat.render import timestamp
from chatctl.chat.rules import Rules
from chatctl.chat.session import Session
from chatctl.protocol import numerics as n
from chatctl.protocol.message import Message
from chatctl.protocol.names import MAX_NAME, MAX_ROOM

_TOKENS_A_LINE = 12


def isupport(rules: Rules) -> list[str]:
    """The tokens of 005 (modern.ircdocs.horse, "RPL_ISUPPORT Parameters")."""
    targets = rules.max_targets
    return [
        f"AWAYLEN={limits.away_length(rules)}",
        "CASEMAPPING=ascii",
        f"CHATHISTORY={MOST}",
        f"CHANLIMIT=#:{rules.max_rooms}",
        f"CHANMODES={chanmodes()}",
        f"CHANNELLEN={MAX_ROOM}",
        "CHANTYPES=#",
        f"KICKLEN={limits.kick_length(rules)}",
        "MODES=20",
        "MSGREFTYPES=msgid,timestamp",
        f"NAMELEN={limits.realname_length(rules)}",
        f"NETWORK={rules.network}",
        f"NICKLEN={MAX_NAME}",
        f"PREFIX={prefix()}",
        f"TARGMAX=JOIN:,KICK:,NAMES:{targets},NOTICE:{targets},PART:,PRIVMSG:{targets},TAGMSG:{targets},WHOIS:4",
        f"TOPICLEN={limits.topic_length(rules)}",
        f"USERLEN={limits.USERNAME}",
        "UTF8ONLY",
    ]


def welcome(view: View, session: Session) -> list[Reply]:
    """001 to 005, the counts, the message of the day: what a client reads when it is in."""
    rules, me = view.rules, view.user(session)
    tokens = isupport(rules)
    room_modes = "".join(sorted(ROOM_MODES))
    with_parameter = "".join(sorted(letter for letter, row in ROOM_MODES.items() if row.symbol))
    replies: list[Reply] = [
        line(n.RPL_WELCOME, text=f"Welcome to {rules.network}, {me.nick}"),
        line(n.RPL_YOURHOST, text=f"Your host is {rules.server_name}, running {rules.version}"),
        line(n.RPL_CREATED, text=f"This server was started {timestamp(rules.created)}"),
        line(
            n.RPL_MYINFO,
            rules.server_name,
            rules.version,
            "".join(sorted(USER_MODES)),
            room_modes,
            text=with_parameter,
        ),
    ]
    replies += [
        line(n.RPL_ISUPPORT, *tokens[start : start + _TOKENS_A_LINE]) for start in range(0, len(tokens), _TOKENS_A_LINE)
    ]
    return [*replies, *lusers_lines(view), *motd_lines(rules)]


def lusers(view: View, session: Session, message: Message) -> Result:
    """LUSERS."""
    return lusers_lines(view)


def lusers_lines(view: View) -> list[Reply]:
    """251, 253 where there are any, 254, 255, 265, 266."""
    state = view.state
    users = len(state.users)
    invisible = sum("i" in user.modes for user in state.users.values())
    unknown = sum(not session.registered for session in view.sessions.values())
    replies: list[Reply] = [
        line(n.RPL_LUSERCLIENT, text=f"There are {users - invisible} users and {invisible} invisible on 1 server")
    ]
    if unknown:
        replies.append(line(n.RPL_LUSERUNKNOWN, str(unknown)))
    peak = str(state.peak_users)
    counted = f"Current users {users}, most at once {peak}"
    return [
        *replies,
        line(n.RPL_LUSERCHANNELS, str(sum(bool(room.members) for room in state.rooms.values()))),
        line(n.RPL_LUSERME, text=f"I have {users} clients and 0 servers"),
        line(n.RPL_LOCALUSERS, str(users), peak, text=counted),
        line(n.RPL_GLOBALUSERS, str(users), peak, text=counted),
    ]


def motd(view: View, session: Session, message: Message) -> Result:
    """MOTD [server]."""
    if message.param(0) not in ("", view.rules.server_name):
        return [line(n.ERR_NOSUCHSERVER, message.param(0))]
    return motd_lines(view.rules)


def motd_lines(rules: Rules) -> list[Reply]:
    """375, 372, 376; or 422 where there is none."""
    if not rules.motd:
        return [line(n.ERR_NOMOTD)]
    return [
        line(n.RPL_MOTDSTART, text=f"- {rules.server_name} Message of the day -"),
        *(line(n.RPL_MOTD, text=f"- {text}") for text in rules.motd.splitlines()),
        line(n.RPL_ENDOFMOTD),
    ]


def version(view: View, session: Session, message: Message) -> Result:
    """VERSION: with ISUPPORT, as the document asks."""
    rules = view.rules
    tokens = isupport(rules)
    return [
        line(n.RPL_VERSION, rules.version, rules.server_name, text="IRC and IRCv3"),
        *(
            line(n.RPL_ISUPPORT, *tokens[start : start + _TOKENS_A_LINE])
            for start in range(0, len(tokens), _TOKENS_A_LINE)
        ),
    ]


def time(view: View, session: Session, message: Message) -> Result:
    """TIME: the server's, in UTC."""
    return [line(n.RPL_TIME, view.rules.server_name, text=timestamp(view.clock()))]


COMMANDS = (
    Command("LUSERS", lusers),
    Command("MOTD", motd),
    Command("TIME", time),
    Command("VERSION", version),
)
