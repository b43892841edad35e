"""The building blocks of commands: table row, handler context and results.

A handler that waits for history or for a worker is a generator: it yields a :class:`HistoryRead` or a task, gets the
answer, and returns its result. Meanwhile the session's next lines wait. Handlers that do not wait are plain functions.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from chatctl.chat.commands.effects import Effect
from chatctl.chat.commands.login_throttle import LoginThrottle
from chatctl.chat.commands.monitor_list import MonitorList
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries.proposals import Proposal
from chatctl.chat.entries.queries import AnyQuery, HistoryPage
from chatctl.chat.entries.tasks import Done, Task
from chatctl.chat.history.recent_messages import RecentMessages
from chatctl.chat.model.ids import SessionId
from chatctl.chat.model.policy import Rules
from chatctl.chat.model.state import State
from chatctl.chat.model.user import User
from chatctl.protocol import capabilities as caps
from chatctl.protocol import masks, names
from chatctl.protocol.message import Message
from chatctl.protocol.numerics import Numeric
from chatctl.protocol.standard_replies import standard_reply


@dataclass(slots=True)
class CommandContext:
    """The context of a handler. `sessions` are those of this machine; `clock` gives ms since 1970 UTC."""

    state: State
    rules: Rules
    sessions: Mapping[SessionId, Session]
    clock: Callable[[], int]
    recent: RecentMessages
    monitors: MonitorList = field(default_factory=MonitorList)
    throttle: LoginThrottle = field(default_factory=LoginThrottle)
    references: Iterator[int] = field(default_factory=itertools.count)
    sts_port: int = 0
    """Where clients are told to insist on TLS; 0: they are not."""
    batches: dict[SessionId, Session] = field(default_factory=dict)
    """Sessions with an open batch, by id."""
    offered: int = caps.ALL
    """The capabilities that are to be had."""
    cap_values: Mapping[str, str] = field(default_factory=dict)
    """Their values in CAP LS, by name."""

    def reference(self) -> str:
        """Return a name for a batch, used once."""
        return f"b{next(self.references)}"

    def user(self, session: Session) -> User:
        """Return the session's user; only for handlers that run after registration."""
        user = self.state.user_of(session.id)
        assert user is not None
        return user

    def account(self, session: Session) -> str:
        """Return the account that a session is logged in to; ``""`` for none, or if it was removed."""
        if session.registered:
            return self.user(session).account
        account = self.state.accounts.with_id(session.account_id)
        return account.name if account is not None else ""

    def account_id(self, session: Session) -> str:
        """Return the id of the account that a session is logged in to; ``""`` for none."""
        return self.user(session).account_id if session.registered else session.account_id

    def sessions_of(self, user: User) -> list[Session]:
        """Return the sessions of `user` on this machine, the one that was active last first."""
        found = [session for session in map(self.sessions.get, user.session_ids) if session is not None]
        return sorted(found, key=lambda session: -session.last_spoke)

    def called(self, session: Session) -> str:
        """Return the target of replies to this session: its nick, or ``*`` before registration."""
        return self.user(session).nick if session.registered else "*"


@dataclass(slots=True)
class NumericReply:
    """A numeric reply: its own parameters, a text that replaces the table's where given, and tags (``batch``)."""

    numeric: Numeric
    params: tuple[str, ...]
    text: str | None = None
    tags: Mapping[str, str] | None = None


@dataclass(slots=True)
class HistoryRead:
    """A history query that a handler waits for.

    `settled`: run it only when all earlier facts of all users are released. `upto` is the last released seq when it was
    run, whatever the query itself says.
    """

    query: AnyQuery
    settled: bool = False
    upto: int = 0


@dataclass(slots=True)
class Long:
    """An answer of any length, in slices of a few hundred replies that are made as fast as they are read
    (:mod:`chatctl.chat.engine.streamed_replies`). Until the last one the session's next lines wait."""

    slices: Iterator[Sequence[Reply]]


class Held:
    """No reply now: a later command of the same batch is answered."""


HELD = Held()

Reply = NumericReply | Message
ReplyOrEffect = Reply | Effect


class CommitDecision:
    """Wait until all changes that were made so far are stored, or the commit of one fails; the answer is a bool."""


Wait = HistoryRead | CommitDecision | Task
Answer = HistoryPage | Done
_T = TypeVar("_T")
Steps = Generator[Wait, Answer, _T]
"""A computation that waits. Its session may change meanwhile, so what was checked before a wait is checked again."""

Result = Proposal | Steps["Result"] | Long | Held | Sequence[ReplyOrEffect] | None
Handler = Callable[[CommandContext, Session, Message], Result]


@dataclass(frozen=True, slots=True)
class Command:
    """A row of the command table.

    `least` is the minimum of parameters (fewer: 461); `before`: allowed before registration (else: 451); `operator`:
    only for operators of the server (else: 481); `shows_state`: answers about shared state, which are sent when it is
    stored (:mod:`chatctl.chat.engine.dispatcher`). The texts for HELP and the documents are in
    :mod:`chatctl.chat.commands.help_text`.
    """

    name: str
    handler: Handler
    least: int = 0
    before: bool = False
    operator: bool = False
    shows_state: bool = False


def read_history(read: HistoryRead) -> Steps[HistoryPage]:
    """Wait for a page of history."""
    page = yield read
    assert isinstance(page, HistoryPage)
    return page


def run_task(task: Task) -> Steps[Done]:
    """Wait for a worker's result; None if too many tasks waited."""
    done = yield task
    assert not isinstance(done, HistoryPage)
    return done


def line(numeric: Numeric, *params: str, text: str | None = None) -> NumericReply:
    """Return a numeric reply."""
    return NumericReply(numeric, params, text)


def batched(
    context: CommandContext, kind: str, params: Sequence[str], replies: Iterable[NumericReply | Message]
) -> list[Reply]:
    """Replies in a batch of type `kind` (ircv3.net/specs/extensions/batch)."""
    reference = context.reference()
    inside: list[Reply] = []
    for reply in replies:
        reply.tags = {"batch": reference}
        inside.append(reply)
    return [Message("BATCH", (f"+{reference}", kind, *params)), *inside, Message("BATCH", (f"-{reference}",))]


def label_of(message: Message) -> str:
    """Return the client's label for the command (labeled-response), or ``""``."""
    return message.tags.get("label", "")


def means_this_server(context: CommandContext, server: str) -> bool:
    """Return whether a server parameter means this server: its name, a mask of it, or the nick of a user."""
    by_name = masks.matches(names.fold(server), names.fold(context.rules.server_name))
    return by_name or context.state.user_or_service(server) is not None


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


def fail(command: str, code: str, *context: str, text: str) -> list[Reply]:
    """Refuse a command with a standard reply."""
    return [standard_reply("FAIL", command, code, *context, text=text)]
