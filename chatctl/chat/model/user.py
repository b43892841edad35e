"""A user of the chat, as entries describe it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from chatctl.chat.model.ids import NO_SESSION, NO_USER, SessionId, UserId
from chatctl.chat.model.modes import BOT
from chatctl.chat.model.reserved_names import NICKSERV
from chatctl.chat.model.user_data import account_identity
from chatctl.protocol import names

if TYPE_CHECKING:
    from chatctl.chat.model.accounts import Account
    from chatctl.chat.model.room import Room

MAX_FORMER_NICKS = 1000
"""Former names that WHOWAS remembers."""


class FormerNick(NamedTuple):
    """A former nick of a user; `left` is when the user gave it up (ms since 1970 UTC)."""

    key: str
    nick: str
    username: str
    host: str
    realname: str
    left: int


class User:
    """The owner of one or several registered sessions.

    `id`: see [user-ids] in ids.py. `session` is the only session, if `sessions` is None; else `sessions` maps all of
    them to the tokens of their clients, and is empty for a member that is offline. `rooms` maps room keys to rooms, in
    the order of joining. `operator` is the name under which the user is an operator of the server (mode ``o`` shows
    it), or ``""``. `transient`, `console`: that all sessions of the user are (see Session).
    """

    __slots__ = (
        "account",
        "account_created",
        "account_id",
        "away",
        "aways",
        "console",
        "host",
        "id",
        "instance",
        "invited",
        "key",
        "modes",
        "named_at",
        "nick",
        "operator",
        "prefix",
        "realname",
        "rooms",
        "secret",
        "session",
        "sessions",
        "signed_on",
        "transient",
        "username",
    )

    def __init__(
        self, id: UserId, session: SessionId, nick: str, username: str, realname: str, host: str, signed_on: int
    ) -> None:
        self.id = id
        self.session = session
        self.username = username
        self.realname = realname
        self.host = host
        self.signed_on = signed_on
        self.account = ""
        self.account_id = ""
        self.account_created = 0
        self.away = ""
        self.aways: dict[SessionId, str] | None = None  # see set_away; None while there has been one session only
        self.modes = ""
        self.operator = ""
        self.secret = ""
        self.instance = ""
        self.sessions: dict[SessionId, str] | None = None
        self.rooms: dict[str, Room] = {}
        self.invited: dict[str, int] | None = None
        self.transient = self.console = False
        self.named_at = 0  # the seq of the entry that gave the name
        self.named(nick)

    @property
    def session_ids(self) -> tuple[SessionId, ...]:
        """Return the sessions of this user: an account may have several."""
        return (self.session,) if self.sessions is None else tuple(self.sessions)

    @property
    def offline(self) -> bool:
        """Whether this user has no session: see [members-durable] in members.py."""
        return self.sessions is not None and not self.sessions

    @property
    def identity(self) -> str:
        """Return the owner of private history: the account, by its id; else the installation that showed its secret;
        else this user, by its own id. Never a name, which may be another person's next."""
        if self.account_id:
            return account_identity(self.account_id)
        return f"secret {self.secret}" if self.secret else f"session {self.id}"

    @property
    def identities(self) -> tuple[str, ...]:
        """Return the identities of this user that outlive the session."""
        account = (account_identity(self.account_id),) if self.account_id else ()
        return (*account, f"secret {self.secret}") if self.secret else account

    def set_away(self, session: SessionId, reason: str) -> bool:
        """Set the away message of `session`, or return from away with ``""``; return whether the user's changed.

        Of several sessions the latest message counts, and a return clears those of all. When the session that set
        it ends, the one before counts again (:meth:`drop_away`).
        """
        if self.aways is not None:
            if reason:
                self.aways.pop(session, None)
                self.aways[session] = reason
            else:
                self.aways = dict.fromkeys(self.aways, "")
        changed = self.away != reason
        self.away = reason
        return changed

    def add_away(self, session: SessionId, reason: str) -> None:
        """Add the away message of a session that has just been attached: the weakest, whether it is away or not."""
        self.aways = {session: reason, **(self.aways if self.aways is not None else {self.session: self.away})}

    def drop_away(self, session: SessionId) -> bool:
        """Forget the away message of a session that has ended; return whether the user's changed."""
        if self.aways is None or self.aways.pop(session, None) is None or not self.aways:
            return False
        before, self.away = self.away, next(reversed(self.aways.values()))
        return self.away != before

    def log_in(self, account: Account | None) -> None:
        """Set the account, or none."""
        self.account, self.account_id = (account.name, account.id) if account is not None else ("", "")
        self.account_created = account.created if account is not None else 0

    def named(self, nick: str) -> None:
        """Set the nick, and the key and prefix derived from it."""
        self.nick = nick
        self.key = names.fold(nick)
        self.prefix = f"{nick}!{self.username}@{self.host}"


def _service_user() -> User:
    user = User(NO_USER, NO_SESSION, NICKSERV, NICKSERV, "Keeps names for their owners", "services.", 0)
    user.modes = BOT
    return user


SERVICE_USER = _service_user()
"""NickServ, for commands that ask about users. The state's users do not include it, and no session has its id."""
