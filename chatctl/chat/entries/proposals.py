"""Proposals of sessions, and the entries that they become when they are ordered.

A proposal names its session by id and holds plain values only, so that it could travel to another machine. One command
is one proposal, however many targets it has. `form`: how to write the answer, for a command, NickServ or `chatctl`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chatctl.chat.entries.durability import Proposal, Refusable, Retried, Unstored
from chatctl.chat.entries.entry import Entry, message_id_of
from chatctl.chat.model.ids import UserId

__all__ = ["Entry", "Proposal", "Refusable", "Retried", "Unstored", "message_id_of"]  # with all that is defined here

STORED_TAGS = frozenset({"+draft/react", "+draft/unreact", "+react", "+unreact", "+draft/persist"})
"""Client-only tags with which a TAGMSG is stored (ircv3.net/specs/client-tags/react; persist as in Ergo)."""


@dataclass(slots=True)
class Register(Retried):
    """A registration: a session enters the chat under a name. It leaves facts if an earlier connection of the same
    client ends for it. `secret` and `instance` are hashes of the resume tokens, or ``""``; `account_id` is that of the
    account that the session has logged in to, or ``""``. `transient` and `console`: see Session."""

    nick: str
    username: str
    realname: str
    host: str
    secret: str = ""
    instance: str = ""
    away: str = ""
    account_id: str = ""
    transient: bool = False
    console: bool = False


@dataclass(slots=True)
class Rename(Refusable):
    """A change of nick."""

    nick: str


@dataclass(slots=True)
class Quit(Retried):
    """The end of a session. `reason` is shown to others. If the connection was given up for its silence, `silent_ms`
    says for how long: output of that time may not have arrived."""

    reason: str
    silent_ms: int = 0


@dataclass(slots=True)
class SendMessage(Refusable):
    """PRIVMSG, NOTICE or TAGMSG (`command`) to rooms and users. `tags`: the client-only tags, relayed as they are, and
    the client's own number for the message (`REFERENCE`), which is kept but not relayed."""

    command: str
    targets: tuple[str, ...]
    text: str
    tags: Mapping[str, str]

    @property
    def ephemeral(self) -> bool:
        """Whether it is not stored: a TAGMSG without any of STORED_TAGS, such as a typing notification."""
        return self.command == "TAGMSG" and STORED_TAGS.isdisjoint(self.tags)


@dataclass(slots=True)
class SendMessageRun(Refusable):
    """Several PRIVMSG lines to one room, of one session in its turn, without tags. They are one entry, so that their
    common part is handled once; each line is a message with its own id."""

    room: str
    texts: Sequence[str]

    @property
    def lines(self) -> int:
        return len(self.texts)


@dataclass(slots=True)
class Join(Refusable):
    """A JOIN of rooms; those that do not exist are created. `keys` belong to the first of them, in order.

    `transient`: for a short visit (see Session), not as a member. With `hears` the visitor gets the room's messages.
    """

    rooms: tuple[str, ...]
    keys: tuple[str, ...] = ()
    transient: bool = False
    hears: bool = False

    @property
    def subject(self) -> str:
        return ",".join(self.rooms)


@dataclass(slots=True)
class InviteUser(Unstored):
    """An invitation of a user into a room."""

    nick: str
    room: str


@dataclass(slots=True)
class Part(Refusable):
    """A PART from rooms. `reason` may be empty."""

    rooms: tuple[str, ...]
    reason: str


@dataclass(slots=True)
class SetTopic(Refusable):
    """A new topic of a room; ``""`` clears it."""

    room: str
    topic: str


@dataclass(slots=True)
class Kick(Refusable):
    """A removal of users from rooms: pairs of room and nick."""

    targets: tuple[tuple[str, str], ...]
    reason: str


@dataclass(slots=True)
class ModeChange:
    """One letter of a mode command: set (`add`) or unset, with its parameter or ``""``."""

    add: bool
    letter: str
    parameter: str


@dataclass(slots=True)
class SetRoomModes(Refusable):
    """A change of a room's modes. `unknown`: letters of the command that are not modes."""

    room: str
    changes: tuple[ModeChange, ...]
    unknown: tuple[str, ...] = ()


@dataclass(slots=True)
class SetUserModes(Unstored):
    """A change of the user's own modes. `unknown`: the command also named letters that are not user modes."""

    changes: tuple[ModeChange, ...]
    unknown: bool = False


@dataclass(slots=True)
class BecomeOperator(Unstored):
    """A successful OPER under the name `operator`, whose password was checked against `verifier`."""

    operator: str
    verifier: str


@dataclass(slots=True)
class SetAway(Unstored):
    """A new away message; ``""`` returns from away."""

    reason: str


@dataclass(slots=True)
class AddAccount(Refusable):
    """A new account `name`, to which the session is logged in. `invite` is the hash of an invitation's token, or
    ``""``; `operator`: see Account."""

    name: str
    verifier: str
    form: str
    invite: str = ""
    operator: bool = False


@dataclass(slots=True)
class LogIn(Retried):
    """A login to the account with the id `account_id`, whose password was checked against `verifier`. Refused if either
    is not the account's any more. The login ends with the session; rooms store by which identity they know the user."""

    account_id: str
    verifier: str
    form: str


@dataclass(slots=True)
class LogOut(Retried):
    """A logout."""

    form: str


@dataclass(slots=True)
class ChangeAccount(Refusable):
    """A change of an account: its verifier (``""``: unchanged), whether it is an operator (None: unchanged), or
    `always_on`: whether it stays in the chat without a connection (on, off, default; ``""``: unchanged).

    `checked` is the id of the account and the verifier that its owner's password was checked against: the proposal is
    refused if either has changed. None if the operator of the machine asks.
    """

    account: str
    form: str
    verifier: str = ""
    operator: bool | None = None
    checked: tuple[str, str] | None = None
    always_on: str = ""


@dataclass(slots=True)
class RemoveAccount(Refusable):
    """A removal of an account. Its users are logged out."""

    account: str
    form: str


@dataclass(slots=True)
class RemoveOfflineUser(Retried):
    """The departure of an offline user, whose account does not stay in the chat any more. Proposed by the server."""

    user: UserId


@dataclass(slots=True)
class ReturnNick(Refusable):
    """An offline member takes the name of its account again. Proposed by the server when the last session has ended."""

    account_id: str


class ExpireMembers(Retried):
    """The departure of members that were offline for too long, or are too many."""

    __slots__ = ()


class ExpireDeadlines(Unstored):
    """A moment in time: presence that is due is announced."""

    __slots__ = ()


@dataclass(slots=True)
class AddInvitation(Refusable):
    """An invitation to create accounts: see :class:`chatctl.chat.model.accounts.InvitationUser`."""

    key: str
    uses: int
    expires: int
    room: str
    form: str


@dataclass(slots=True)
class SetRealname(Unstored):
    """A change of the real name."""

    realname: str


@dataclass(slots=True)
class ChangeHost(Unstored):
    """A change of a user's host by an operator of the server."""

    nick: str
    host: str


@dataclass(slots=True)
class Kill(Retried):
    """A KILL: an operator of the server ends a user's connections."""

    nick: str
    comment: str


@dataclass(slots=True)
class AddBan(Refusable):
    """A ban of a name, an address or a network, or with `account` of an account, for `seconds` (0: permanent)."""

    target: str
    account: bool
    reason: str
    seconds: int


@dataclass(slots=True)
class RemoveBan(Refusable):
    """A removal of a ban."""

    target: str
    account: bool


@dataclass(slots=True)
class EnforceBan(Retried):
    """The enforcement of the stored ban `key`: the sessions that it matches end. Proposed by the server when an AddBan
    or a RemoveBan has been stored."""

    key: str


@dataclass(slots=True)
class DisconnectUser(Retried):
    """The end of all sessions of a user, who may come back."""

    nick: str
    reason: str


@dataclass(slots=True)
class Wallops(Unstored):
    """A message of an operator to all users with mode ``w``."""

    text: str


@dataclass(slots=True)
class ChangeRules(Unstored):
    """Settings that were read again, for `session`, or for a signal if it is NO_SESSION.

    `changes` are fields of :class:`chatctl.chat.model.policy.Rules`, `report` sentences on what was done, `file` the
    file that was read.
    """

    changes: Mapping[str, Any] = field(repr=False)
    report: tuple[str, ...]
    file: str


@dataclass(slots=True)
class DeletableMessage:
    """A stored message: its id, its entry's seq and time, and its sender."""

    message_id: str
    seq: int
    time: int
    source: str
    account: str


@dataclass(slots=True)
class Redact(Refusable):
    """The deletion of a message, text included. `place`: see :mod:`chatctl.chat.entries.queries`."""

    target: str
    place: str
    said: DeletableMessage
    reason: str


@dataclass(slots=True)
class MarkRead(Refusable):
    """A read marker: a room or private conversation was read up to `time` (ms since 1970 UTC)."""

    target: str
    time: int

    @property
    def subject(self) -> str:
        return self.target


@dataclass(slots=True)
class RenameRoom(Refusable):
    """A RENAME of a room."""

    room: str
    name: str
    reason: str


@dataclass(slots=True)
class SetMetadata(Refusable):
    """A change of metadata of the user (`target` ``*`` or the nick) or of a room. Without a value the key is removed;
    without a key all are."""

    target: str
    key: str
    value: str | None
