"""The server itself: the welcome, MOTD, LUSERS (modern.ircdocs.horse, "Server Queries")."""

from __future__ import annotations

from chatctl.chat.commands.base import Command, CommandContext, Reply, Result, batched, line, means_this_server
from chatctl.chat.commands.isupport import isupport
from chatctl.chat.commands.metadata import own
from chatctl.chat.delivery.session import Session
from chatctl.chat.model.modes import ROOM_MODES, SERVER_OPERATOR, USER_MODES, ModeClass
from chatctl.chat.model.policy import Rules
from chatctl.protocol import numerics as n
from chatctl.protocol.capabilities import BATCH, EXTENDED_ISUPPORT
from chatctl.protocol.message import Message
from chatctl.protocol.timestamps import timestamp

_TOKENS_A_LINE = 12


def isupport_lines(context: CommandContext, session: Session) -> list[Reply]:
    """005, as many as needed: at most 12 tokens a line, so that no line is too long. In a batch for clients that
    negotiated it (ircv3.net/specs/extensions/extended-isupport)."""
    tokens = isupport(context.rules)
    starts = range(0, len(tokens), _TOKENS_A_LINE)
    lines = [line(n.RPL_ISUPPORT, *tokens[start : start + _TOKENS_A_LINE]) for start in starts]
    wanted = BATCH | EXTENDED_ISUPPORT
    return batched(context, "draft/isupport", (), lines) if session.caps & wanted == wanted else [*lines]


def isupport_again(context: CommandContext, session: Session, message: Message) -> Result:
    """ISUPPORT: also while registering, with draft/extended-isupport."""
    if not session.registered and not session.registering and not session.caps & EXTENDED_ISUPPORT:
        return [line(n.ERR_NOTREGISTERED)]
    return isupport_lines(context, session)


def welcome(context: CommandContext, session: Session) -> list[Reply]:
    """001 to 005, the counts, the message of the day: what a client reads when it is in."""
    rules, me = context.rules, context.user(session)
    room_modes = "".join(sorted(ROOM_MODES))
    with_parameter = "".join(sorted(letter for letter, row in ROOM_MODES.items() if row.kind is not ModeClass.FLAG))
    replies: list[Reply] = [
        line(n.RPL_WELCOME, text=f"Welcome to the {rules.network} Network, {me.prefix}"),
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
    return [
        *replies,
        *isupport_lines(context, session),
        *lusers_lines(context),
        *own(context, session),
        *motd_lines(rules),
    ]


def lusers(context: CommandContext, session: Session, message: Message) -> Result:
    """LUSERS [mask [server]]."""
    if message.param(1) and not means_this_server(context, message.param(1)):
        return [line(n.ERR_NOSUCHSERVER, message.param(1))]
    return lusers_lines(context)


def lusers_lines(context: CommandContext) -> list[Reply]:
    """251 to 255, 265, 266: all that "SHOULD" be sent, zeros included."""
    state = context.state
    users, invisible = state.places_taken, state.with_mode["i"]
    unknown = max(0, len(context.sessions) - state.registered)
    peak = str(state.peak_users)
    return [
        line(n.RPL_LUSERCLIENT, text=f"There are {users - invisible} users and {invisible} invisible on 1 server"),
        line(n.RPL_LUSEROP, str(state.with_mode[SERVER_OPERATOR])),
        line(n.RPL_LUSERUNKNOWN, str(unknown)),
        line(n.RPL_LUSERCHANNELS, str(state.occupied)),
        line(n.RPL_LUSERME, text=f"I have {users} clients and 0 servers"),
        line(n.RPL_LOCALUSERS, str(users), peak, text=f"Current local users {users}, max {peak}"),
        line(n.RPL_GLOBALUSERS, str(users), peak, text=f"Current global users {users}, max {peak}"),
    ]


def motd(context: CommandContext, session: Session, message: Message) -> Result:
    """MOTD [server]."""
    if message.param(0) and not means_this_server(context, message.param(0)):
        return [line(n.ERR_NOSUCHSERVER, message.param(0))]
    return motd_lines(context.rules)


def motd_lines(rules: Rules) -> list[Reply]:
    """375, 372, 376; or 422 without a message of the day."""
    if not rules.motd:
        return [line(n.ERR_NOMOTD)]
    return [
        line(n.RPL_MOTDSTART, text=f"- {rules.server_name} Message of the day -"),
        *(line(n.RPL_MOTD, text=f"- {text}") for text in rules.motd.splitlines()),
        line(n.RPL_ENDOFMOTD),
    ]


COMMANDS = (
    Command("ISUPPORT", isupport_again, before=True),
    Command("LUSERS", lusers, shows_state=True),
    Command("MOTD", motd),
)
