"""PRIVMSG, NOTICE, TAGMSG (modern.ircdocs.horse, "Sending Messages"; IRCv3 message-tags)."""

from __future__ import annotations

from chatctl.chat.commands import services
from chatctl.chat.commands.base import Command, CommandContext, Result, label_of, line
from chatctl.chat.commands.dedup import relayed_tags, say_once
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries import proposals as p
from chatctl.protocol import numerics as n
from chatctl.protocol.message import Message


def say(context: CommandContext, session: Session, message: Message) -> Result:
    """Handle PRIVMSG, NOTICE and TAGMSG."""
    params = message.params
    quiet = message.command == "NOTICE"
    if not params or not params[0]:
        return None if quiet else [line(n.ERR_NORECIPIENT, message.command)]
    text = params[1] if len(params) > 1 else ""
    if not text and message.command != "TAGMSG":
        return None if quiet else [line(n.ERR_NOTEXTTOSEND)]
    targets = tuple(filter(None, params[0].split(",")))
    if not targets:
        return None if quiet else [line(n.ERR_NORECIPIENT, message.command)]
    if len(targets) > context.rules.max_targets:
        return None if quiet else [line(n.ERR_TOOMANYTARGETS, targets[context.rules.max_targets])]
    if targets[0].lower() == services.KEY and message.command == "PRIVMSG":
        return services.answer(context, session, text)
    session.last_spoke = context.clock()
    if not message.tags:
        return p.SendMessage(session.id, "", message.command, targets, text, message.tags)
    tags = relayed_tags(message)
    proposal = p.SendMessage(session.id, label_of(message), message.command, targets, text, tags)
    return say_once(context, session, proposal, message)


COMMANDS = (Command("PRIVMSG", say, shows_state=True), Command("NOTICE", say), Command("TAGMSG", say))
