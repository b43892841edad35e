"""Registration: capabilities, password, name (modern.ircdocs.horse, "Connection Registration"; IRCv3
capability-negotiation).

Invariants:

- [one-burst] The lines that every server understands are sent at once: CAP LS 302, PASS, NICK, USER. A server without
  CAP registers the client with them; one with CAP waits for CAP END.
- [wanted-caps] Of the offered capabilities those in WANTED are requested, in one request; if that is refused, one by
  one.
- [resume] If ``chatctl/resume`` is granted, ``RESUME <secret> <instance>`` is sent before CAP END. A name refused
  before that may be held by our own dead connection, so it is requested once more.
- [history-caps] draft/chathistory is requested only if all it needs is offered: a server that grants it does not play
  back by itself any more.
- [provisional-name] Answers about the name during negotiation are kept until [resume] is settled.
- [login-first] A login (`account_login`) comes before CAP END: a name of the account is granted then.
- [secure-secrets] Without `secure` no secret is sent. If there is a password, nothing at all is sent, and `refusal`
  says so; the secret of [resume] is left out, and with it the capability.
- [owned-name] A name is reported as owned by an account (OwnedNameError) only if this connection offers a login:
  chatctl servers say so by a NOTE, Ergo by FAIL NICK NICKNAME_RESERVED, after a 433 of the same meaning.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from chatctl.client.errors import AccountNeededError, BannedError, ClearTextError, OwnedNameError, PasswordError
from chatctl.client.login.account_login import AccountLogin, LoginExchange, can_log_in
from chatctl.client.login.resume_tokens import ResumeTokens
from chatctl.errors import ChatctlError, InvalidNameError, NameTakenError, RefusedError
from chatctl.protocol.message import Message, encode

RESUME = "chatctl/resume"
HISTORY = "draft/chathistory"
TRANSIENT = "chatctl/transient"
WANTED = (
    "server-time",
    "message-tags",
    "echo-message",
    "multi-prefix",
    "standard-replies",
    "batch",
    HISTORY,
    RESUME,
    "account-tag",
    "draft/message-redaction",
    "draft/multiline",
    "soju.im/search",
)
ATTENTIVE = (
    "account-notify",
    "away-notify",
    "draft/event-playback",
    "draft/read-marker",
    "extended-join",
    "labeled-response",
    "setname",
)
"""Further capabilities for screens."""

_TO_LOG_IN = ("sasl", "draft/account-registration")

TAKEN = {"433", "436", "437"}
INVALID = {"431", "432", "484"}
_MAX_OFFERED_BYTES = 1000
_RESERVED_WORDS = re.compile(r"reserved|regist(er|r)ed|account", re.IGNORECASE)
"""Text of a 433 for a name that is reserved, not in use. There is no separate numeric."""


class Registration:
    """The registration of one connection. `lines` are to be sent; the owner empties it."""

    def __init__(
        self,
        name: str,
        password: str | None,
        identity: ResumeTokens | None,
        *,
        attentive: bool = False,
        login: AccountLogin | None = None,
        secure: bool = True,
        transient: bool = False,
    ) -> None:
        self.lines: list[bytes] = []
        self.enabled: set[str] = set()
        self.offered: dict[str, str] = {}
        self.nick = ""
        """Our name, once the server said 001."""
        self.name = name
        self.name_problem: ChatctlError | None = None
        """Why the name does not do; :meth:`try_name` clears it."""
        self.refusal: RefusedError | None = None
        """Why we are not let in at all."""
        self._wanted = WANTED + ATTENTIVE * attentive + (TRANSIENT,) * transient
        self._password = password
        self._identity = identity if secure else None
        self._negotiating = True
        self._knows_cap = False
        """Whether the server has answered CAP."""
        self._asked: set[str] = set()
        self._kept: ChatctlError | None = None
        self.login = login
        """How to log in; once an account was made, without the invitation."""
        self.secure = secure
        self._exchange: LoginExchange | None = None
        self._owned = ""
        """Why the name is its owner's, where the server said so."""

    def start(self) -> None:
        """Send the first lines ([one-burst]), or none of them ([secure-secrets])."""
        if self._password is not None and not self.secure:
            self.refusal = ClearTextError("The server's password")
            return
        self._send("CAP", "LS", "302")
        if self._password is not None:
            self._send("PASS", self._password)
        self._send("NICK", self.name)
        self._send("USER", "chatctl", "0", "*", self.name)

    def try_name(self, name: str) -> None:
        """Ask for another name on the same connection."""
        self.name = name
        self.name_problem = None
        self._send("NICK", name)

    def receive(self, message: Message) -> bool:
        """Handle `message`; return whether it belonged to registration."""
        command = message.command
        if self._exchange is not None and self._exchange.receive(message):
            self._logging_in()
        elif command == "CAP":
            self.cap(message)
        elif command == "001":
            self.nick = message.param(0) or self.name
            self._negotiating = False
        elif command in TAKEN | INVALID or (command == "FAIL" and message.param(0).upper() == "NICK"):
            self._name_refused(message)
        elif command == "NOTE" and message.params[:2] == ["NICK", "ACCOUNT_REQUIRED"]:
            self._owned = _text(message, "that name belongs to an account")
        elif command == "FAIL" and message.param(1).upper() == "ACCOUNT_REQUIRED":
            self.refusal = AccountNeededError(_text(message, "the server wants you to log in"))
        elif command in ("464", "465", "ERROR"):
            self._refused_by_server(message)
        elif self._is_no_cap(message):
            self._negotiating = False
            self.name_problem = self.name_problem or self._kept
        else:
            return False
        return True

    def _refused_by_server(self, message: Message) -> None:
        """Handle a refused registration. A 464 or 465 comes with its reason; the ERROR after it often has none."""
        if message.command == "464":
            text = _text(message, "the server's password is wrong or missing")
            self.refusal = AccountNeededError(self._owned) if self._owned else PasswordError(text)
        elif message.command == "465":
            self.refusal = BannedError(_text(message, "you are banned from this server"))
        else:
            self.refusal = self.refusal or RefusedError(_text(message, "the server refused the connection"))

    @property
    def kept(self) -> ChatctlError | None:
        """Handle an answer about the name ([provisional-name])."""
        return self._kept

    def _is_no_cap(self, message: Message) -> bool:
        """Return whether the server does not know CAP: it says so, or refuses it before registration (451, 410)."""
        if message.command == "421":
            return message.param(1).upper() == "CAP"
        return message.command in ("451", "410") and self._negotiating and not self.offered

    def cap(self, message: Message) -> None:
        """Handle CAP, before registration or after it."""
        self._knows_cap = True
        subcommand = message.param(1).upper()
        handler = _CAP.get(subcommand)
        if handler is None:
            return
        words = message.params[-1].split() if len(message.params) > 2 else []
        more = subcommand == "LS" and message.param(2) == "*" and len(message.params) > 3
        handler(self, words, more)
        if self._negotiating and subcommand in ("LS", "ACK", "NAK") and not more and not self._asked:
            self._finish()

    def _offered(self, words: list[str], more: bool) -> None:
        for word in words[: _MAX_OFFERED_BYTES - len(self.offered)]:
            name, _, value = word.partition("=")
            self.offered[name] = value
        if not more:
            self._request()

    def _granted(self, words: list[str], more: bool) -> None:
        for word in words:
            self._settled(word.lstrip("-~="), not word.startswith("-"))

    def _denied(self, words: list[str], more: bool) -> None:
        names = [word.lstrip("-~=") for word in words]
        for name in names:
            self._settled(name, False)
        for name in names if len(names) > 1 else ():
            if name in self._wanted:
                self._asked.add(name)
                self._send("CAP", "REQ", name)

    def _withdrawn(self, words: list[str], more: bool) -> None:
        for name in words:
            self.enabled.discard(name)
            self.offered.pop(name, None)

    def _request(self) -> None:
        wanted = self._wanted if self.login is None else (*self._wanted, *_TO_LOG_IN)
        names = [name for name in wanted if name in self.offered and name not in self.enabled]
        if self._identity is None and RESUME in names:
            names.remove(RESUME)
        if not self.offered.keys() >= {"batch", "message-tags", "server-time"} and HISTORY in names:
            names.remove(HISTORY)
        names = [name for name in names if name not in self._asked]
        if names:
            self._asked.update(names)
            self._send("CAP", "REQ", " ".join(names))

    def _settled(self, name: str, granted: bool) -> None:
        self._asked.discard(name)
        if granted and (name in self._wanted or name in _TO_LOG_IN):
            self.enabled.add(name)
        else:
            self.enabled.discard(name)

    def _finish(self) -> None:
        """Capabilities are settled: log in if requested ([login-first]), then register."""
        if self.login is not None and self._exchange is None:
            self._exchange = LoginExchange(self.login, self.offered, secure=self.secure)
            self._logging_in()
            return
        self._enter()

    def _logging_in(self) -> None:
        exchange = self._exchange
        assert exchange is not None
        for words in exchange.lines:
            self._send(*words)
        exchange.lines.clear()
        if exchange.problem is not None:
            self.refusal = self.refusal or exchange.problem
        elif exchange.name_problem is not None:
            self.name_problem = exchange.name_problem
        elif exchange.done and self._negotiating:
            if self.login is not None:
                self.login = replace(self.login, token="")
            self._enter()

    def _enter(self) -> None:
        self._negotiating = False
        if RESUME in self.enabled and self._identity is not None:
            self._send("RESUME", self._identity.secret, self._identity.instance)
            if self._kept is not None:
                self._kept = None
                self._send("NICK", self.name)
        self.name_problem = self._kept
        self._send("CAP", "END")

    def _name_refused(self, message: Message) -> None:
        owned = bool(self._owned) or self._is_reserved(message)
        taken = OwnedNameError if owned else NameTakenError
        kind = taken if owned or _is_taken(message) else InvalidNameError
        self._owned = ""
        problem = kind(_text(message, f"the name {self.name} cannot be used here"))
        if self._negotiating and not self._knows_cap:
            # CAP LS went out first. A server that answers NICK before it will never answer it.
            self._negotiating = False
        if self._negotiating:
            self._kept = problem
        else:
            self.name_problem = problem

    def _is_reserved(self, message: Message) -> bool:
        """Return whether the name belongs to an account that its owner can log in to here ([owned-name])."""
        if self.login is not None or not can_log_in(self.offered, secure=self.secure):
            return False
        if message.command == "FAIL":
            return message.param(1).upper() == "NICKNAME_RESERVED"
        return (
            RESUME not in self.offered and message.command in TAKEN and bool(_RESERVED_WORDS.search(_text(message, "")))
        )

    def _send(self, command: str, *params: str) -> None:
        self.lines.append(encode(command, params))


def _is_taken(message: Message) -> bool:
    if message.command == "FAIL":
        return "INVALID" not in message.param(1).upper() and "ERRONEUS" not in message.param(1).upper()
    return message.command in TAKEN


def _text(message: Message, otherwise: str) -> str:
    """Return the words for people at the end of a reply."""
    least = 0 if message.command == "ERROR" else 1
    return message.params[-1] if len(message.params) > least and message.params[-1].strip() else otherwise


_CAP: dict[str, Callable[[Registration, list[str], bool], None]] = {
    "LS": Registration._offered,
    "NEW": Registration._offered,
    "ACK": Registration._granted,
    "NAK": Registration._denied,
    "DEL": Registration._withdrawn,
}
