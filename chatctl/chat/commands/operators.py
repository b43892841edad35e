"""OPER: becoming an operator of the server (modern.ircdocs.horse, "OPER message"); CHGHOST.

The settings name the operators and hold their verifiers. An operator's rights are `User.operator`, which only an entry
grants; user mode ``o`` shows it, and MODE can remove it but not grant it.
"""

from __future__ import annotations

import re

from chatctl.chat.commands import passwords
from chatctl.chat.commands.base import Command, CommandContext, Result, Steps, fail, label_of, line
from chatctl.chat.commands.effects import LogNote
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries import proposals as p
from chatctl.chat.model.line_lengths import HOST
from chatctl.protocol import numerics as n
from chatctl.protocol.message import Message

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")


def oper(context: CommandContext, session: Session, message: Message) -> Result:
    """OPER name password. A name that is not there is told apart (491), as the document asks; its tries count too."""
    name = message.params[0]
    account = f"operator {name}"
    if not session.secure:
        return [line(n.ERR_PASSWDMISMATCH, text=passwords.IN_CLEAR)]
    verifier = context.rules.operators.get(name)
    if verifier is None:
        problem = passwords.too_soon(context, session, account)
        if problem:
            return [line(n.ERR_PASSWDMISMATCH, text=problem)]
        passwords.failed(context, session, account)
        return [line(n.ERR_NOOPERHOST), LogNote("operator refused", {"reason": "unknown name"})]
    return _become_operator(context, session, message, verifier)


def _become_operator(context: CommandContext, session: Session, message: Message, verifier: str) -> Steps[Result]:
    name, password = message.params[0], message.params[1]
    problem = yield from passwords.check(context, session, f"operator {name}", verifier, password)
    if problem:
        note = LogNote("operator refused", {"operator": name, "reason": problem})
        return [line(n.ERR_PASSWDMISMATCH, text=problem), note]
    return p.BecomeOperator(session.id, label_of(message), name, verifier)


def chghost(context: CommandContext, session: Session, message: Message) -> Result:
    """CHGHOST nick host: what others see behind a name's ``@``."""
    nick, host = message.params[0], message.params[1]
    if len(host) > HOST or not _HOST.fullmatch(host):
        text = f"A host has at most {HOST} letters, digits, dots and hyphens"
        return fail("CHGHOST", "INVALID_HOST", host, text=text)
    return p.ChangeHost(session.id, label_of(message), nick, host)


COMMANDS = (Command("CHGHOST", chghost, least=2, operator=True), Command("OPER", oper, least=2))
