"""The server itself: VERSION, TIME, INFO, ADMIN, LINKS, STATS, HELP (modern.ircdocs.horse, "Server Queries")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from chatctl.chat.commands.about import isupport_lines
from chatctl.chat.commands.base import Command, CommandContext, Reply, Result, line, means_this_server
from chatctl.chat.commands.help_text import MANUAL, OVERVIEW
from chatctl.chat.delivery.session import Session
from chatctl.protocol import numerics as n
from chatctl.protocol.message import Message
from chatctl.protocol.timestamps import timestamp


def _elsewhere(context: CommandContext, server: str) -> list[Reply]:
    """402 where a command names a server that is not this one; else nothing."""
    return [line(n.ERR_NOSUCHSERVER, server)] if server and not means_this_server(context, server) else []


def version(context: CommandContext, session: Session, message: Message) -> Result:
    """VERSION: with ISUPPORT, as the document asks."""
    rules = context.rules
    return _elsewhere(context, message.param(0)) or [
        line(n.RPL_VERSION, rules.version, rules.server_name, text="IRC and IRCv3"),
        *isupport_lines(context, session),
    ]


def time(context: CommandContext, session: Session, message: Message) -> Result:
    """TIME: the server's, in UTC."""
    now = context.clock()
    return _elsewhere(context, message.param(0)) or [
        line(n.RPL_TIME, context.rules.server_name, text=timestamp(now)),
    ]


def info(context: CommandContext, session: Session, message: Message) -> Result:
    """INFO: what this program is."""
    rules = context.rules
    texts = (
        f"{rules.version}: a chat that starts with one command and speaks IRC and IRCv3.",
        f"Network {rules.network}, server {rules.server_name}, started {timestamp(rules.created)}.",
        "Every message that was shown is in the history; HELP lists what you can do here.",
    )
    return _elsewhere(context, message.param(0)) or [
        *(line(n.RPL_INFO, text=text) for text in texts),
        line(n.RPL_ENDOFINFO),
    ]


def admin(context: CommandContext, session: Session, message: Message) -> Result:
    """ADMIN: how to reach the operator, if the setting `admin` says so."""
    rules = context.rules
    elsewhere = _elsewhere(context, message.param(0))
    if elsewhere:
        return elsewhere
    if not rules.admin:
        return [line(n.ERR_NOADMININFO, rules.server_name)]
    return [
        line(n.RPL_ADMINME, rules.server_name),
        line(n.RPL_ADMINLOC1, text=rules.network),
        line(n.RPL_ADMINLOC2, text=rules.server_name),
        line(n.RPL_ADMINEMAIL, text=rules.admin),
    ]


def links(context: CommandContext, session: Session, message: Message) -> Result:
    """List this server, the only one, with its description."""
    rules = context.rules
    return [
        line(n.RPL_LINKS, rules.server_name, rules.server_name, text=f"0 {rules.description}"),
        line(n.RPL_ENDOFLINKS, message.param(0) or "*"),
    ]


def stats(context: CommandContext, session: Session, message: Message) -> Result:
    """STATS u (uptime), o (operators who are here; for operators). Any other letter has an empty answer."""
    elsewhere = _elsewhere(context, message.param(1))
    if elsewhere:
        return elsewhere
    letter = message.params[0][:1]
    if letter in _FOR_OPERATORS and not context.user(session).operator:
        return [line(n.ERR_NOPRIVILEGES), line(n.RPL_ENDOFSTATS, letter)]
    report = _REPORTS.get(letter)
    return [*(report(context) if report is not None else ()), line(n.RPL_ENDOFSTATS, letter or "*")]


def _uptime(context: CommandContext) -> list[Reply]:
    seconds = max(0, context.clock() - context.rules.created) // 1000
    days, rest = divmod(seconds, 86_400)
    clock = datetime.fromtimestamp(rest, UTC).strftime("%H:%M:%S")
    return [line(n.RPL_STATSUPTIME, text=f"Server Up {days} days {clock}")]


def _operators(context: CommandContext) -> list[Reply]:
    here = (user for user in context.state.users.values() if user.operator)
    return [line(n.RPL_STATSOLINE, "O", "*", "*", text=f"{user.nick} as {user.operator}") for user in here]


_FOR_OPERATORS = frozenset("o")
_REPORTS: Mapping[str, Callable[[CommandContext], list[Reply]]] = {"u": _uptime, "o": _operators}


def help_on(context: CommandContext, session: Session, message: Message) -> Result:
    """HELP [subject]: the texts of :mod:`chatctl.chat.commands.help_text`."""
    subject = message.param(0)
    if not subject:
        return _page("*", "What you can do here", OVERVIEW)
    found = MANUAL.get(subject.upper())
    if found is None:
        return [line(n.ERR_HELPNOTFOUND, subject)]
    return _page(subject.upper(), found.usage, ("", *found.text))


def _page(subject: str, title: str, texts: tuple[str, ...]) -> list[Reply]:
    return [
        line(n.RPL_HELPSTART, subject, text=title),
        *(line(n.RPL_HELPTXT, subject, text=text) for text in texts),
        line(n.RPL_ENDOFHELP, subject, text="End of help"),
    ]


COMMANDS = (
    Command("ADMIN", admin),
    Command("HELP", help_on),
    Command("HELPOP", help_on),
    Command("INFO", info),
    Command("LINKS", links),
    Command("STATS", stats, least=1, shows_state=True),
    Command("TIME", time),
    Command("VERSION", version),
)
