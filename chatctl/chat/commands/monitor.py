"""MONITOR: presence notifications (ircv3.net/specs/extensions/monitor)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chatctl.chat.commands.base import Command, CommandContext, Reply, Result, line
from chatctl.chat.commands.monitor_list import MAX_TARGETS
from chatctl.chat.delivery.session import Session
from chatctl.protocol import names
from chatctl.protocol import numerics as n
from chatctl.protocol.message import MAX_LINE_BYTES, Message
from chatctl.protocol.numerics import Numeric


def monitor(context: CommandContext, session: Session, message: Message) -> Result:
    """MONITOR + nick,nick; - nick,nick; C (clear), L (list), S (status)."""
    handler = _SUBCOMMANDS.get(message.params[0].upper())
    if handler is None:
        return [line(n.ERR_UNKNOWNERROR, "MONITOR", text="MONITOR knows +, -, C, L and S")]
    return handler(context, session, [nick for nick in message.param(1).split(",") if nick])


def _add(context: CommandContext, session: Session, nicks: Sequence[str]) -> list[Reply]:
    nicks = [nick for nick in nicks if names.problem(nick) is None]
    for at, nick in enumerate(nicks):
        if not context.monitors.add(session, nick):
            return [
                *_status_of(context, session, nicks[:at]),
                line(n.ERR_MONLISTFULL, str(MAX_TARGETS), ",".join(nicks[at:])),
            ]
    return _status_of(context, session, nicks)


def _remove(context: CommandContext, session: Session, nicks: Sequence[str]) -> list[Reply]:
    for nick in nicks:
        context.monitors.remove(session, nick)
    return []


def _clear(context: CommandContext, session: Session, nicks: Sequence[str]) -> list[Reply]:
    context.monitors.clear(session)
    return []


def _list(context: CommandContext, session: Session, nicks: Sequence[str]) -> list[Reply]:
    watched = list((session.watching or {}).values())
    return [*_packed(context, session, n.RPL_MONLIST, watched), line(n.RPL_ENDOFMONLIST)]


def _status(context: CommandContext, session: Session, nicks: Sequence[str]) -> list[Reply]:
    return _status_of(context, session, list((session.watching or {}).values()))


def _status_of(context: CommandContext, session: Session, nicks: Sequence[str]) -> list[Reply]:
    here, away = [], []
    for nick in nicks:
        user = context.state.user_or_service(nick)
        if user is not None and not user.transient:
            here.append(user.prefix)
        else:
            away.append(nick)
    return [
        *_packed(context, session, n.RPL_MONONLINE, here),
        *_packed(context, session, n.RPL_MONOFFLINE, away),
    ]


def _packed(context: CommandContext, session: Session, numeric: Numeric, items: Sequence[str]) -> list[Reply]:
    """Return the items, with commas, in as few lines as they need."""
    space = (
        MAX_LINE_BYTES - 2 - len(f":{context.rules.server_name} {numeric.code} {context.called(session)} :".encode())
    )
    texts: list[str] = []
    for item in items:
        if texts and len(f"{texts[-1]},{item}".encode()) <= space:
            texts[-1] += f",{item}"
        else:
            texts.append(item)
    return [line(numeric, text=text) for text in texts]


_SUBCOMMANDS: dict[str, Callable[[CommandContext, Session, Sequence[str]], list[Reply]]] = {
    "+": _add,
    "-": _remove,
    "C": _clear,
    "L": _list,
    "S": _status,
}

COMMANDS = (Command("MONITOR", monitor, least=1, shows_state=True),)
