"""Commands that make accounts: REGISTER, VERIFY, REDEEM (ircv3.net/specs/extensions/account-registration).

REGISTER is available before registration too (``before-connect``): the account is made, then its owner is registered.
It does not bypass the server password: without an invitation, the password must be right first.

REDEEM <token> is ours: it presents an invitation. Its validity is decided when an account is made with it.
"""

from __future__ import annotations

from collections.abc import Callable

from chatctl.chat.apply.accounts import COMMAND
from chatctl.chat.commands import passwords
from chatctl.chat.commands.base import Command, CommandContext, Result, Steps, run_task
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.tasks import MakeVerifier
from chatctl.chat.model.cloak import token_hash
from chatctl.protocol import names
from chatctl.protocol.message import Message
from chatctl.protocol.passwords import unusable_password, weak_password
from chatctl.protocol.standard_replies import standard_reply

Refuse = Callable[[str, str], Result]


def register(context: CommandContext, session: Session, message: Message) -> Result:
    """REGISTER <account> <email|*> <password>. No mail is ever sent, so the address is not asked for and not kept."""
    account, password = message.params[0], message.params[2]
    nick = context.called(session) if session.registered else session.wanted
    about = nick if account == "*" else account

    def refuse(code: str, text: str) -> Result:
        return [standard_reply("FAIL", COMMAND, code, about, text=text)]

    if not nick:
        text = "Please say your name (NICK) before you register it"
        return [standard_reply("FAIL", COMMAND, "NEED_NICK", "*", text=text)]
    if names.fold(about) != names.fold(nick):
        return refuse("ACCOUNT_NAME_MUST_BE_NICK", f"An account is called like its owner: {nick}, as you are now")
    return make_account(context, session, nick, password, COMMAND, refuse)


def make_account(
    context: CommandContext, session: Session, name: str, password: str, form: str, refuse: Refuse
) -> Result:
    """Make an account for `name`: check the arguments, let a worker derive the verifier, then propose. For REGISTER and
    for NickServ."""
    if context.account(session):
        return refuse("ALREADY_AUTHENTICATED", f"You are logged in to {context.account(session)} already")
    invited = context.state.accounts.invite(session.invite, context.clock()) is not None
    denied = "" if session.registered or invited else passwords.of_server(context, session)
    if denied:
        return refuse("ACCESS_DENIED", denied)
    if context.rules.registration == "closed":
        return refuse("ACCESS_DENIED", "Only the operator of this server makes accounts; please ask for one")
    problem = password_problem(context, session, name, password)
    if problem is not None:
        return refuse(*problem)
    if context.state.accounts.named(name) is not None:
        return refuse("ACCOUNT_EXISTS", f"The account {name} exists already")
    wait = 0 if invited or session.local else context.throttle.makes(context.clock(), session.origin)
    if wait:
        return refuse("TEMPORARILY_UNAVAILABLE", f"Many accounts were made from your address; please wait {wait} s")
    return _add_account(session, name, MakeVerifier(password, context.rules.iterations), form, refuse)


def _add_account(session: Session, name: str, task: MakeVerifier, form: str, refuse: Refuse) -> Steps[Result]:
    verifier = yield from run_task(task)
    if not isinstance(verifier, str):
        return refuse("TEMPORARILY_UNAVAILABLE", passwords.BUSY)
    return p.AddAccount(session.id, "", name, verifier, form, session.invite)


def password_problem(context: CommandContext, session: Session, name: str, password: str) -> tuple[str, str] | None:
    """Return the code and the sentence of why a new password is refused; None if it is not."""
    if not session.secure:
        return "UNACCEPTABLE_PASSWORD", passwords.IN_CLEAR
    weak, unusable = weak_password(password, name), unusable_password(password)
    if weak is not None:
        return "WEAK_PASSWORD", weak
    return ("UNACCEPTABLE_PASSWORD", unusable) if unusable is not None else None


def verify(context: CommandContext, session: Session, message: Message) -> Result:
    """VERIFY <account> <code>: no account waits for that here."""
    text = "Nothing has to be confirmed here: an account can be used as soon as it is made"
    return [standard_reply("FAIL", "VERIFY", "INVALID_CODE", message.params[0], text=text)]


def redeem(context: CommandContext, session: Session, message: Message) -> Result:
    """REDEEM <token>: what our client shows of an invitation. Others can say ``/quote REDEEM token``."""
    wait = passwords.too_soon(context, session, "invitation")
    if wait:
        return [standard_reply("FAIL", "REDEEM", "ACCESS_DENIED", text=wait)]
    hashed = token_hash(message.params[0])
    if context.state.accounts.invite(hashed, context.clock()) is None:
        passwords.failed(context, session, "invitation")
        text = "This invitation is unknown, used up or has expired; please ask for another one"
        return [standard_reply("FAIL", "REDEEM", "ACCESS_DENIED", text=text)]
    session.invite = hashed
    text = "You are invited: choose a name, and make it yours with a password"
    return [standard_reply("NOTE", "REDEEM", "INVITED", text=text)]


COMMANDS = (
    Command("REDEEM", redeem, least=1, before=True),
    Command("REGISTER", register, least=3, before=True),
    Command("VERIFY", verify, least=2, before=True),
)
