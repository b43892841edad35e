"""What a command is made of: its row in the table, what its handler is given, and what it may return."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from chatctl.chat.commands.login_throttle import Guard
from chatctl.chat.commands.monitor_list import Watches
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries.proposals import Proposal
from chatctl.chat.entries.queries import AnyQuery, Page
from chatctl.chat.entries.tasks import Done, Task
from chatctl.chat.history.recent_messages import Tails
from chatctl.chat.model.ids import SessionId, UserId
from chatctl.chat.model.policy import Rules
from chatctl.chat.model.state import State
from chatctl.chat.model.user import User
from chatctl.protocol import capabilities as caps
from chatctl.protocol import masks, names
from chatctl.protocol.message import Message
from chatctl.protocol.numerics import Numeric


@dataclass(slots=True)
class View:
    """What a handler may look at. `sessions` are those of this machine; `clock` gives ms since 1970 UTC."""

    state: State
    rules: Rules
    sessions: Mapping[SessionId, Session]
    clock: Callable[[], int]
    tails: Tails
    watches: Watches = field(default_factory=Watches)
    guard: Guard = field(default_factory=Guard)
    references: Iterator[int] = field(default_factory=itertools.count)
    sts_port: int = 0
    """Where clients are told to insist on TLS; 0: they are not."""
    batches: dict[SessionId, Session] = field(default_factory=dict)
    """Sessions with an open batch, by id."""
    offered: int = caps.ALL
    """The capabilities that are to be had."""
    cap_values: Mapping[str, str] = field(default_factory=dict)
    """What stands behind them in CAP LS, by name."""

    def reference(self) -> str:
        """A name for a batch, used once."""
        return f"b{next(self.references)}"

    def user(self, session: Session) -> User:
        """The session's user; only for handlers that run after registration."""
        user = self.state.user_of(session.id)
        assert user is not None
        return user

    def account(self, session: Session) -> str:
        """The account a session is logged in to, ``""`` for none: one that is still there."""
        if session.registered:
            return self.user(session).account
        account = self.state.accounts.with_id(session.account_id)
        return account.name if account is not None else ""

    def account_id(self, session: Session) -> str:
        """Return the id of the account that a session is logged in to; ``""`` for none."""
        return self.user(session).account_id if session.registered else session.account_id

    def sessions_of(self, user: User) -> list[Session]:
        """Those of `user` that this machine serves, the one first that spoke last."""
        found = [session for session in map(self.sessions.get, user.session_ids) if session is not None]
        return sorted(found, key=lambda session: -session.last_spoke)

    def called(self, session: Session) -> str:
        """What replies call this session: its nick, or ``*`` before it is registered."""
        return self.user(session).nick if session.registered else "*"


@dataclass(slots=True)
class Line:
    """A numeric reply: its own parameters, a text that replaces the table's where given, and tags (``batch``)."""

    numeric: Numeric
    params: tuple[str, ...]
    text: str | None = None
    tags: Mapping[str, str] | None = None


@dataclass(slots=True)
class Close:
    """The connection ends; `reason` is the last line it reads."""

    reason: str


@dataclass(slots=True)
class Job:
    """Something that takes a reader: `query` makes the question from the last seq that has been released, `then` makes
    of the page what the command gives. Until then the session's next lines wait. With `settled` it is asked when all
    that was said before it, by anybody, has been released."""

    query: Callable[[int], AnyQuery]
    then: Callable[[View, Session, Page], Result]
    settled: bool = False


@dataclass(slots=True)
class Work:
    """Something that takes a worker: `then` makes of what comes back what the command gives (None: there was too much
    to do). Until then the session's next lines wait."""

    task: Task
    then: Callable[[View, Session, Done], Result]


@dataclass(slots=True)
class Long:
    """An answer of any length, in slices of a few hundred replies that are made as fast as they are read
    (:mod:`chatctl.chat.engine.streamed_replies`). Until the last one the session's next lines wait."""

    slices: Iterator[Sequence[Reply]]


@dataclass(slots=True)
class Note:
    """Something for the log: never what anybody said, never a secret. The session and its address are added."""

    event: str
    fields: Mapping[str, object]


@dataclass(slots=True)
class Probe:
    """Somebody wants what these users have: their sessions are pinged, and end if they do not answer."""

    users: tuple[UserId, ...]


class Held:
    """Nothing yet: this command is a part of something that is answered when all of it is there."""


HELD = Held()

Reply = Line | Message | Close | Probe | Note
Result = Proposal | Job | Work | Long | Held | Sequence[Reply] | None
Handler = Callable[[View, Session, Message], Result]


@dataclass(frozen=True, slots=True)
class Command:
    """A row of the command table.

    `least` is the fewest parameters (fewer: 461); `before` says that it is allowed before registration (else: 451);
    `operator` that it is for operators of the server alone (else: 481). What HELP and the documents say of it stands in
    :mod:`chatctl.chat.commands.help_text`.
    """

    name: str
    handler: Handler
    least: int = 0
    before: bool = False
    operator: bool = False


def line(numeric: Numeric, *params: str, text: str | None = None) -> Line:
    """A numeric reply."""
    return Line(numeric, params, text)


def batched(view: View, kind: str, params: Sequence[str], replies: Iterable[Line | Message]) -> list[Reply]:
    """Replies in a batch of type `kind` (ircv3.net/specs/extensions/batch)."""
    reference = view.reference()
    inside: list[Reply] = []
    for reply in replies:
        reply.tags = {"batch": reference}
        inside.append(reply)
    return [Message("BATCH", (f"+{reference}", kind, *params)), *inside, Message("BATCH", (f"-{reference}",))]


def label_of(message: Message) -> str:
    """The client's label for the command (labeled-response), or ``""``."""
    return message.tags.get("label", "")


def means_this_server(view: View, server: str) -> bool:
    """Whether a command that names a server means this one: its name, a mask of it, or somebody who is on it."""
    by_name = masks.matches(names.fold(server), names.fold(view.rules.server_name))
    return by_name or view.state.user_or_service(server) is not None


def packed(words: Iterable[str], room: int) -> list[str]:
    """`words` joined by spaces into as few texts as possible, none over `room` bytes (a longer word stands alone)."""
    whole = " ".join(words).encode()
    lines: list[str] = []
    start = 0
    while len(whole) - start > room:
        end = whole.rfind(b" ", start, start + room + 1)
        if end < 0:
            end = whole.find(b" ", start)
        if end < 0:
            break
        lines.append(whole[start:end].decode())
        start = end + 1
    if start < len(whole):
        lines.append(whole[start:].decode())
    return lines
