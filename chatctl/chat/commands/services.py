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


def answer(view: CommandContext, session: Session, text: str) -> Result:
    """Handle a message to NickServ. It is dropped if its connection is lost: the answer would have no reader, and
    checking a password is slow."""
    if session.unreachable:
        return None
    word, *rest = text.split() or ("HELP",)
    return _TABLE.get(word.upper(), _unknown)(view, session, rest)


def _say(view: CommandContext, session: Session, *texts: str) -> list[Reply]:
    return [Message("NOTICE", (view.called(session), text), SERVICE_USER.prefix) for text in texts]


def _help(view: CommandContext, session: Session, words: list[str]) -> Result:
    return _say(view, session, *HELP)


def _unknown(view: CommandContext, session: Session, words: list[str]) -> Result:
    return _say(view, session, "Unknown command; HELP lists the commands")


def _register(view: CommandContext, session: Session, words: list[str]) -> Result:
    """REGISTER <password> [email or invitation]: many clients and people add an address, which is not needed."""
    if not words:
        return _say(view, session, "Please say REGISTER <password>")
    if len(words) > 1 and "@" not in words[1]:
        refused = redeem(view, session, Message("REDEEM", (words[1],)))
        if not session.invite:
            assert isinstance(refused, list)
            return _say(view, session, *(reply.params[-1] for reply in refused if isinstance(reply, Message)))

    def refuse(code: str, text: str) -> Result:
        return _say(view, session, text)

    return make_account(view, session, view.called(session), words[0], NICKSERV, refuse)


def _identify(view: CommandContext, session: Session, words: list[str]) -> Result:
    """IDENTIFY [account] <password>."""
    if not words:
        return _say(view, session, "Please say IDENTIFY <password>, or IDENTIFY <account> <password>")
    if not session.secure:
        return _say(view, session, passwords.IN_CLEAR)
    name = words[0] if len(words) > 1 else view.called(session)

    def refuse(text: str) -> Result:
        return [*_say(view, session, text), LogNote("login failed", {"reason": text})]

    return log_in(view, session, name, words[-1], NICKSERV, refuse)


def _log_out(view: CommandContext, session: Session, words: list[str]) -> Result:
    if not view.account(session):
        return _say(view, session, "You are not logged in")
    return p.LogOut(session.id, "", NICKSERV)


def _passwd(view: CommandContext, session: Session, words: list[str]) -> Result:
    """PASSWD <old> <new>: the old one is asked for, since a terminal may have been left alone."""
    account = view.state.accounts.named(view.account(session))
    if account is None:
        return _say(view, session, "Please log in first")
    if len(words) != 2:
        return _say(view, session, "Please say PASSWD <old password> <new password>")
    problem = password_problem(view, session, account.name, words[1])
    if problem is not None:
        return _say(view, session, problem[1])
    return _change_password(view, session, account, words[0], words[1])


def _change_password(view: CommandContext, session: Session, account: Account, old: str, new: str) -> Steps[Result]:
    checked = account.id, account.verifier
    problem = yield from passwords.check(view, session, f"account {account.key}", account.verifier, old)
    if problem:
        return _say(view, session, problem)
    verifier = yield from run_task(MakeVerifier(new, view.rules.iterations))
    if not isinstance(verifier, str):
        return _say(view, session, passwords.BUSY)
    return p.ChangeAccount(session.id, "", account.name, NICKSERV, verifier, checked=checked)


def _set(view: CommandContext, session: Session, words: list[str]) -> Result:
    """SET ALWAYS-ON ON|OFF|DEFAULT."""
    account = view.state.accounts.named(view.account(session))
    if account is None:
        return _say(view, session, "Please log in first")
    if len(words) != 2 or words[0].upper() != "ALWAYS-ON" or words[1].lower() not in ("on", "off", "default"):
        return _say(view, session, "Please say SET ALWAYS-ON ON, OFF or DEFAULT")
    if view.rules.always_on not in ALWAYS_ON:
        return _say(view, session, "On this server accounts leave the chat with their last device")
    return p.ChangeAccount(session.id, "", account.name, NICKSERV, always_on=words[1].lower())


def _info(view: CommandContext, session: Session, words: list[str]) -> Result:
    name = words[0] if words else view.called(session)
    account = view.state.accounts.named(name)
    if account is None:
        return _say(view, session, f"The account {name} does not exist"[:200])
    user = view.state.user_of_account(account.id)
    here = user is not None and not user.offline
    return _say(
        view, session, f"{account.name} is an account", "Its owner is online" if here else "Its owner is offline"
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


def command(view: CommandContext, session: Session, message: Message) -> Result:
    """NS, NICKSERV: the same without a private message, as many clients have it."""
    return answer(view, session, " ".join(message.params))


COMMANDS = (Command("NICKSERV", command, shows_state=True), Command("NS", command, shows_state=True))
