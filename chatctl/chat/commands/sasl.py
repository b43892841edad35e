"""AUTHENTICATE: SASL login (ircv3.net/specs/extensions/sasl-3.1, sasl-3.2), before and after registration.

Invariants:

- [chunks] A message of the mechanism is base64 in chunks of 400 bytes; a shorter chunk ends it, ``+`` is an empty one.
  More than MAX_MESSAGE_BYTES in total fails (904); a longer chunk is 905.
- [secure-plain] PLAIN sends the password, so it is offered only on connections that cannot be read by others
  (`Session.secure`).
- [no-oracle] Neither the answer nor its duration reveals whether an account exists.
- [propose-login] Login is a proposal: the account may be gone when it is ordered. The answers after that (900, 903)
  come from :mod:`chatctl.chat.apply.accounts`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from chatctl.chat.apply.accounts import SASL
from chatctl.chat.commands import passwords
from chatctl.chat.commands.base import Command, CommandContext, Result, Steps, line
from chatctl.chat.commands.effects import LogNote
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries import proposals as p
from chatctl.chat.model.accounts import Account
from chatctl.protocol import names, scram
from chatctl.protocol import numerics as n
from chatctl.protocol.message import Message

CHUNK_BYTES = 400
MAX_MESSAGE_BYTES = 4096


@dataclass(slots=True)
class SaslExchange:
    """An exchange in progress: the mechanism, its message so far, and the next step."""

    mechanism: str
    step: Callable[[CommandContext, Session, bytes], Result]
    pieces: list[str] = field(default_factory=list)
    asked: scram.ClientProof | None = None
    account: str = ""
    """The folded name, by which wrong passwords are counted."""
    account_id: str = ""
    verifier: str = ""


def mechanisms(session: Session) -> str:
    """Return the mechanisms for this session: the value of the capability ``sasl``, and 908."""
    return ",".join(name for name in _MECHANISMS if session.secure or name != "PLAIN")


def authenticate(context: CommandContext, session: Session, message: Message) -> Result:
    """AUTHENTICATE <mechanism>, then pieces of its messages; ``*`` gives up."""
    word = message.params[0]
    exchange = _exchange(session)
    if word == "*":
        session.sasl = None
        return [line(n.ERR_SASLABORTED)]
    if exchange is None:
        return _begin(session, word.upper())
    if len(word) > CHUNK_BYTES:
        session.sasl = None
        return [line(n.ERR_SASLTOOLONG)]
    if sum(map(len, exchange.pieces)) + len(word) > MAX_MESSAGE_BYTES:
        return _failed(session, "Logging in failed: that was too long")
    if word != "+":
        exchange.pieces.append(word)
    if len(word) == CHUNK_BYTES:
        return None
    text = "".join(exchange.pieces)
    exchange.pieces.clear()
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return _failed(session, "Logging in failed: that was not base64")
    return exchange.step(context, session, data)


def _exchange(session: Session) -> SaslExchange | None:
    return session.sasl if isinstance(session.sasl, SaslExchange) else None


def _begin(session: Session, mechanism: str) -> Result:
    if mechanism not in mechanisms(session).split(","):
        text = "Logging in failed: that way to log in is not known here"
        if mechanism in _MECHANISMS:
            text = f"{passwords.IN_CLEAR}; SCRAM-SHA-256 can be used"
        return [line(n.RPL_SASLMECHS, mechanisms(session)), line(n.ERR_SASLFAIL, text=text)]
    session.sasl = SaslExchange(mechanism, _MECHANISMS[mechanism])
    return [Message("AUTHENTICATE", ("+",))]


def _failed(session: Session, text: str | None = None, note: str = "") -> Result:
    session.sasl = None
    notes = [LogNote("login failed", {"reason": note})] if note else []
    return [line(n.ERR_SASLFAIL, text=text), *notes]


def _plain(context: CommandContext, session: Session, data: bytes) -> Result:
    """``authzid NUL authcid NUL password`` (RFC 4616)."""
    parts = data.split(b"\0")
    try:
        authzid, name, password = (part.decode() for part in parts)
    except ValueError:  # not three, or not UTF-8
        return _failed(session, "Login failed: the account or the password is wrong")
    if authzid and names.fold(authzid) != names.fold(name):
        text = "Logging in as one account on behalf of another is not supported; leave the authorization identity empty"
        return _failed(session, text)
    if not name or not password:
        return _failed(session)
    return log_in(context, session, name, password, SASL, lambda text: _failed(session, text, text))


def log_in(
    context: CommandContext, session: Session, name: str, password: str, form: str, refuse: Callable[[str], Result]
) -> Steps[Result]:
    """Log in to the account `name`, if the password is right; `refuse` makes the answer if not. For PLAIN and for
    NickServ."""
    account = context.state.accounts.named(name) or _nobody(context, name)
    checked = account.verifier
    problem = yield from passwords.check(context, session, f"account {account.key}", checked, password)
    session.sasl = None
    return refuse(problem) if problem else p.LogIn(session.id, "", account.id, checked, form)


def _scram_first(context: CommandContext, session: Session, data: bytes) -> Result:
    """Handle the client's first message, and answer with the server's."""
    exchange = _exchange(session)
    assert exchange is not None
    try:
        asked = scram.parse_client_first(data.decode(), _nonce(context))
    except ValueError as error:
        return _failed(session, f"Logging in failed: {error}" if isinstance(error, scram.ScramError) else None)
    account = context.state.accounts.named(asked.name) or _nobody(context, asked.name)
    problem = passwords.too_soon(context, session, f"account {account.key}")
    answer = base64.b64encode(scram.server_first(asked, scram.parse(account.verifier)).encode()).decode()
    if problem or len(answer) >= CHUNK_BYTES:
        return _failed(session, problem or None, problem)
    exchange.asked, exchange.account, exchange.verifier = asked, account.key, account.verifier
    exchange.account_id = account.id
    exchange.step = _scram_final
    return [Message("AUTHENTICATE", (answer,))]


def _scram_final(context: CommandContext, session: Session, data: bytes) -> Result:
    """Check the client's proof. That costs far less than PLAIN, so the event loop does it."""
    exchange = _exchange(session)
    assert exchange is not None
    assert exchange.asked is not None
    account = f"account {exchange.account}"
    try:
        answer = scram.server_final(exchange.asked, scram.parse(exchange.verifier), data.decode())
    except ValueError:
        passwords.failed(context, session, account)
        return _failed(session, note=passwords.WRONG)
    passwords.succeeded(context, session, account)
    exchange.step = _scram_end
    return [Message("AUTHENTICATE", (base64.b64encode(answer.encode()).decode(),))]


def _scram_end(context: CommandContext, session: Session, data: bytes) -> Result:
    """Log in, after the client has accepted the server's proof."""
    exchange, session.sasl = _exchange(session), None
    assert exchange is not None
    return p.LogIn(session.id, "", exchange.account_id, exchange.verifier, SASL)


def _nobody(context: CommandContext, name: str) -> Account:
    """Return a verifier for an account that does not exist ([no-oracle]): the same for the same name, of no
    password."""
    key = context.rules.cloak_key

    def made(what: str) -> bytes:
        return hmac.new(key, f"{what} {names.fold(name)}".encode(), hashlib.sha256).digest()

    salt = made("salt")[: scram.SALT_BYTES]
    verifier = scram.Verifier(context.rules.iterations, salt, made("stored key"), made("server key"))
    return Account(names.fold(name), name, str(verifier), 0, "", 0)


def _nonce(context: CommandContext) -> str:
    """Return a nonce that cannot be guessed and does not repeat: a keyed hash of a count and the time."""
    what = f"nonce {context.clock()} {context.reference()}"
    return base64.b64encode(hmac.new(context.rules.cloak_key, what.encode(), hashlib.sha256).digest()[:18]).decode()


_MECHANISMS: Mapping[str, Callable[[CommandContext, Session, bytes], Result]] = {
    "PLAIN": _plain,
    scram.MECHANISM: _scram_first,
}

COMMANDS = (Command("AUTHENTICATE", authenticate, least=1, before=True),)
