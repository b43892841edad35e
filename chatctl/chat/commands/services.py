"""NickServ: accounts by private messages, for clients without SASL and REGISTER, and for habit.

It is not a user, only a name that is answered. Its commands do the same as the IRC commands, in other words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chatctl.chat.commands import passwords
from chatctl.chat.commands.accounts import make_account, password_problem, redeem
from chatctl.chat.commands.base import Command, CommandContext, Reply, Result, Steps, run_task
from chatctl.chat.commands.effects import LogNote
from chatctl.chat.commands.sasl import log_in
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.tasks import MakeVerifier
from chatctl.chat.model.accounts import Account
from chatctl.chat.model.policy import ALWAYS_ON
from chatctl.chat.model.reserved_names import NICKSERV
from chatctl.chat.model.user import SERVICE_USER
from chatctl.protocol import names
from chatctl.protocol.message import Message

KEY = names.fold(NICKSERV)

HELP = (
    "NickServ manages accounts, which keep names for their owners. Its commands:",
    "REGISTER <password> [invitation] - make an account for the name you have now",
    "IDENTIFY [account] <password> - log in",
    "LOGOUT - be a guest again",
    "PASSWD <old password> <new password> - change the password",
    "SET ALWAYS-ON ON|OFF|DEFAULT - whether you stay in the chat while your devices are not connected",
    "INFO [account] - whether there is an account of that name",
    "Clients that support SASL should use that instead: it logs in before others see you.",
)


def answer(context: CommandContext, session: Session, text: str) -> Result:
    """Handle a message to NickServ. It is dropped if its connection is lost: the answer would have no reader, and
    checking a password is slow."""
    if session.unreachable:
        return None
    word, *rest = text.split() or ("HELP",)
    return _TABLE.get(word.upper(), _unknown)(context, session, rest)


def _say(context: CommandContext, session: Session, *texts: str) -> list[Reply]:
    return [Message("NOTICE", (context.called(session), text), SERVICE_USER.prefix) for text in texts]


def _help(context: CommandContext, session: Session, words: list[str]) -> Result:
    return _say(context, session, *HELP)


def _unknown(context: CommandContext, session: Session, words: list[str]) -> Result:
    return _say(context, session, "Unknown command; HELP lists the commands")


def _register(context: CommandContext, session: Session, words: list[str]) -> Result:
    """REGISTER <password> [email or invitation]: many clients and people add an address, which is not needed."""
    if not words:
        return _say(context, session, "Please say REGISTER <password>")
    if len(words) > 1 and "@" not in words[1]:
        refused = redeem(context, session, Message("REDEEM", (words[1],)))
        if not session.invite:
            assert isinstance(refused, list)
            return _say(context, session, *(reply.params[-1] for reply in refused if isinstance(reply, Message)))

    def refuse(code: str, text: str) -> Result:
        return _say(context, session, text)

    return make_account(context, session, context.called(session), words[0], NICKSERV, refuse)


def _identify(context: CommandContext, session: Session, words: list[str]) -> Result:
    """IDENTIFY [account] <password>."""
    if not words:
        return _say(context, session, "Please say IDENTIFY <password>, or IDENTIFY <account> <password>")
    if not session.secure:
        return _say(context, session, passwords.IN_CLEAR)
    name = words[0] if len(words) > 1 else context.called(session)

    def refuse(text: str) -> Result:
        return [*_say(context, session, text), LogNote("login failed", {"reason": text})]

    return log_in(context, session, name, words[-1], NICKSERV, refuse)


def _log_out(context: CommandContext, session: Session, words: list[str]) -> Result:
    if not context.account(session):
        return _say(context, session, "You are not logged in")
    return p.LogOut(session.id, "", NICKSERV)


def _passwd(context: CommandContext, session: Session, words: list[str]) -> Result:
    """PASSWD <old> <new>: the old one is asked for, since a terminal may have been left alone."""
    account = context.state.accounts.named(context.account(session))
    if account is None:
        return _say(context, session, "Please log in first")
    if len(words) != 2:
        return _say(context, session, "Please say PASSWD <old password> <new password>")
    problem = password_problem(context, session, account.name, words[1])
    if problem is not None:
        return _say(context, session, problem[1])
    return _change_password(context, session, account, words[0], words[1])


def _change_password(context: CommandContext, session: Session, account: Account, old: str, new: str) -> Steps[Result]:
    checked = account.id, account.verifier
    problem = yield from passwords.check(context, session, f"account {account.key}", account.verifier, old)
    if problem:
        return _say(context, session, problem)
    verifier = yield from run_task(MakeVerifier(new, context.rules.iterations))
    if not isinstance(verifier, str):
        return _say(context, session, passwords.BUSY)
    return p.ChangeAccount(session.id, "", account.name, NICKSERV, verifier, checked=checked)


def _set(context: CommandContext, session: Session, words: list[str]) -> Result:
    """SET ALWAYS-ON ON|OFF|DEFAULT."""
    account = context.state.accounts.named(context.account(session))
    if account is None:
        return _say(context, session, "Please log in first")
    if len(words) != 2 or words[0].upper() != "ALWAYS-ON" or words[1].lower() not in ("on", "off", "default"):
        return _say(context, session, "Please say SET ALWAYS-ON ON, OFF or DEFAULT")
    if context.rules.always_on not in ALWAYS_ON:
        return _say(context, session, "On this server accounts leave the chat with their last device")
    return p.ChangeAccount(session.id, "", account.name, NICKSERV, always_on=words[1].lower())


def _info(context: CommandContext, session: Session, words: list[str]) -> Result:
    name = words[0] if words else context.called(session)
    account = context.state.accounts.named(name)
    if account is None:
        return _say(context, session, f"The account {name} does not exist"[:200])
    user = context.state.user_of_account(account.id)
    here = user is not None and not user.offline
    return _say(
        context, session, f"{account.name} is an account", "Its owner is online" if here else "Its owner is offline"
    )


_TABLE: Mapping[str, Callable[[CommandContext, Session, list[str]], Result]] = {
    "HELP": _help,
    "REGISTER": _register,
    "IDENTIFY": _identify,
    "LOGIN": _identify,
    "LOGOUT": _log_out,
    "PASSWD": _passwd,
    "INFO": _info,
    "SET": _set,
}


def command(context: CommandContext, session: Session, message: Message) -> Result:
    """NS, NICKSERV: the same without a private message, as many clients have it."""
    return answer(context, session, " ".join(message.params))


COMMANDS = (Command("NICKSERV", command, shows_state=True), Command("NS", command, shows_state=True))
