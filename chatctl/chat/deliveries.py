"""What follows from an entry: messages with their audience, and what sessions must learn of the verdict.

A delivery names users by id. Which of them this machine serves, which capabilities each has and what bytes that makes
is for :mod:`chatctl.chat.fanout` and :mod:`chatctl.chat.render`; it handles deliveries in order, right after the entry
was applied, so that the state it sees is the entry's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from chatctl.chat.accounts import RecordKey
from chatctl.chat.facts import Fact
from chatctl.chat.modes import BOT, SERVER_OPERATOR
from chatctl.chat.proposals import Entry
from chatctl.chat.room import Room
from chatctl.chat.users import User
from chatctl.protocol.message import Message
from chatctl.protocol.numerics import Numeric

if TYPE_CHECKING:
    from chatctl.chat.state import State


class Stamp:
    """When something happened and by which id it is known: the entry's, for one of its messages.

    `time` is 0 and `message_id` ``""`` for what has none. `client_tags` are relayed as they came. `account` is that of
    who did it, ``""`` without one; `bot` says that they call themselves a bot. `extra` are tags for everybody who gets
    it (``batch``). The encoded forms are kept, since a room of five hundred needs each of them once.
    """

    __slots__ = ("account", "bot", "client_tags", "encoded", "extra", "message_id", "time")

    def __init__(
        self,
        time: int,
        message_id: str = "",
        client_tags: Mapping[str, str] | None = None,
        account: str = "",
        *,
        bot: bool = False,
    ) -> None:
        self.time = time
        self.message_id = message_id
        self.client_tags = client_tags
        self.account = account
        self.bot = bot
        self.extra: Mapping[str, str] = _NO_TAGS
        self.encoded: dict[int, bytes] = {}


_NO_TAGS: Mapping[str, str] = {}


class Form(NamedTuple):
    """How those are told who have the capabilities `needs`: in these lines, each with its stamp; or not at all."""

    needs: int
    lines: tuple[tuple[Message, Stamp], ...]


class Delivery:
    """Something for somebody; the subclasses are all there are."""

    __slots__ = ()


@dataclass(slots=True)
class ToRoom(Delivery):
    """`message` to everybody in `room`; to `speaker`, where given, only if that session asked for its own echo."""

    room: str
    message: Message
    stamp: Stamp
    speaker: int = 0
    needs: int = 0
    """Capabilities without which a session is not sent this (TAGMSG)."""
    passing: bool = False
    """It is soon worth nothing: it waits for nothing, and is dropped when it comes late (typing)."""


@dataclass(slots=True)
class LinesToRoom(Delivery):
    """Messages to everybody in `room`, in order: `lines` are the bytes without tags, `facts` what is kept of each.
    `speaker`: as in ToRoom; `bot` says that they call themselves a bot."""

    room: str
    lines: list[bytes]
    facts: Sequence[Fact]
    speaker: int
    bot: bool


@dataclass(slots=True)
class ToUsers(Delivery):
    """`message` to each of `users`, once. `needs` and `passing`: as above."""

    users: Sequence[int]
    message: Message
    stamp: Stamp
    needs: int = 0
    passing: bool = False
    answers: bool = True
    """Whether to whom caused it, it is a part of the answer. Not so for what somebody sends to oneself."""


@dataclass(slots=True)
class InForms(Delivery):
    """Something that clients are told in different ways, to everybody in `room` and to each of `users`, once, but not
    to `but`: in the first form whose capabilities they have. Rarer than messages, so that these are all that bytes for
    a whole room depend on. `speaker`: as in ToRoom; `answers`: as in ToUsers."""

    forms: tuple[Form, ...]
    room: str = ""
    users: Sequence[int] = ()
    but: int = 0
    speaker: int = 0
    answers: bool = True
    watched: str = ""
    """A nick: whoever monitors it and has extended-monitor is told too."""


@dataclass(slots=True)
class Tell(Delivery):
    """A numeric for one session: a refusal, or a part of an answer. `text` replaces the numeric's own text."""

    user: int
    numeric: Numeric
    params: tuple[str, ...]
    text: str | None = None


@dataclass(slots=True)
class TellFail(Delivery):
    """A standard reply for one session (ircv3.net/specs/extensions/standard-replies)."""

    user: int
    command: str
    code: str
    context: tuple[str, ...]
    text: str


@dataclass(slots=True)
class Entered(Delivery):
    """From here on `user` hears `room`. The first thing heard is what follows."""

    user: int
    room: str


@dataclass(slots=True)
class Described(Delivery):
    """Tell `user` what somebody who just entered `room` is told: topic and names."""

    user: int
    room: str


@dataclass(slots=True)
class Left(Delivery):
    """From here on `user` hears nothing more of `room`."""

    user: int
    room: str


@dataclass(slots=True)
class Appeared(Delivery):
    """Somebody has this name from now on: whoever monitors it is told. `prefix` is ``nick!user@host``."""

    nick: str
    prefix: str


@dataclass(slots=True)
class Vanished(Delivery):
    """Nobody has this name any more."""

    nick: str


@dataclass(slots=True)
class LoggedIn(Delivery):
    """The session `user` (registered or not) is the account's from here on; ``""``: nobody's any more."""

    user: int
    account: str


@dataclass(slots=True)
class AccountGone(Delivery):
    """There is no account with this key any more: whoever was about to come in with it is a guest, even if somebody
    makes another one of that name meanwhile."""

    key: str


@dataclass(slots=True)
class MetadataChanged(Delivery):
    """Metadata of `target` changed (key and value; None: unset): told to those in `room`, or to each of `users` and to
    who monitors that name, if they subscribed to the key; not to `actor`, who did it, unless `cleared` says that it is
    the answer."""

    actor: int
    target: str
    changed: tuple[tuple[str, str | None], ...]
    room: str
    users: tuple[int, ...]
    cleared: bool


@dataclass(slots=True)
class Renamed(Delivery):
    """The room `old_key`, called `old_name`, is now the room `key`. Who knows RENAME is told by `form`; for others it
    is as if they had left and come in again."""

    old_key: str
    old_name: str
    key: str
    form: Form
    reason: str


@dataclass(slots=True)
class Welcomed(Delivery):
    """The session is registered: it gets the welcome lines."""

    user: int


@dataclass(slots=True)
class Attached(Delivery):
    """The session is registered as one more of a user who is here: it gets the welcome lines, and the rooms."""

    session: int
    user: int


@dataclass(slots=True)
class Rejected(Delivery):
    """The session is not registered; the reason was told before this. `closing` gives the last line, if it ends."""

    user: int
    closing: str = ""


@dataclass(slots=True)
class Closed(Delivery):
    """The session (not all of its user) ends. `drop` throws away what it has not read yet: its owner came back on
    another connection."""

    user: int
    reason: str
    drop: bool = False


@dataclass(slots=True)
class RulesChanged(Delivery):
    """The state's rules are others from now on."""


@dataclass(slots=True)
class Unwelcome(Delivery):
    """Each machine ends its sessions whose addresses are banned now, registered or not."""


@dataclass(slots=True)
class Probed(Delivery):
    """Somebody wants what these sessions have: they are pinged, and go if they do not answer."""

    users: Sequence[int]


class NewStanding(NamedTuple):
    """A member's standing in a room changed."""

    room: Room
    user: int
    before: int
    after: int

    def take_back(self, state: State) -> None:
        """It was not kept: all is as before, unless something else has changed it again."""
        members = self.room.members
        if members.get(self.user) == self.after:
            members[self.user] = self.before


class Identity(NamedTuple):
    """What somebody is by an account: its name, and that of the operator they are (each ``""`` for none)."""

    account: str
    operator: str

    @classmethod
    def of(cls, user: User) -> Identity:
        """As it is now."""
        return cls(user.account, user.operator)


class NewIdentity(NamedTuple):
    """Somebody logged in or out, or became an operator of the server or none."""

    user: int
    before: Identity
    after: Identity

    def take_back(self, state: State) -> None:
        """As :meth:`NewStanding.take_back`."""
        user = state.users.get(self.user)
        if user is None or Identity.of(user) != self.after:
            return
        user.account, user.operator = self.before
        rest = user.modes.replace(SERVER_OPERATOR, "")
        user.modes = "".join(sorted(rest + SERVER_OPERATOR)) if user.operator else rest
        state.changed(user)


@dataclass(slots=True)
class Outcome:
    """What applying one entry gave: deliveries and facts, in order."""

    entry: Entry
    source: User | None = None
    """Who proposed it, if they are here."""
    deliveries: list[Delivery] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    """Keys of rooms whose settings are not what they were."""
    undo: list[NewStanding | NewIdentity] = field(default_factory=list)
    """Who has another standing now: taken back where the entry cannot be kept."""
    records: list[RecordKey] = field(default_factory=list)
    """Accounts and invitations that are not what they were."""
    command: str = ""
    """What a refusal names, of an entry that leaves records and no facts."""
    verdict: tuple[bool, str] = (True, "")
    """For the control socket: whether it was done, and the sentence to say."""
    notes: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    """What the log is told."""
    _id: tuple[int, str] = (-1, "")

    def _message_id(self) -> str:
        """The id of the next fact: what shows it and what keeps it both ask."""
        part = len(self.facts)
        if self._id[0] != part:
            self._id = part, self.entry.message_id(part)
        return self._id[1]

    def tell(self, user: int, numeric: Numeric, *params: str, text: str | None = None) -> None:
        """A numeric for one session."""
        self.deliveries.append(Tell(user, numeric, params, text))

    def note(self, event: str, **fields: object) -> None:
        """Something for the log: never what anybody said, never a secret."""
        self.notes.append((event, fields))

    def note_asked(self, event: str, **fields: object) -> None:
        """The same, with who asked for it: the session, or whoever runs the server (`chatctl`, a signal)."""
        session = self.entry.proposal.session
        by: dict[str, object] = {"session": session} if session else {"by": "whoever runs the server"}
        self.note(event, **fields, **by)

    def stamp(self, tags: Mapping[str, str] | None = None) -> Stamp:
        """The entry's time and the id of its next fact."""
        source, message_id = self.source, self._message_id()
        if source is None:
            return Stamp(self.entry.time, message_id, tags)
        return Stamp(self.entry.time, message_id, tags, source.account, bot=BOT in source.modes)

    def form(self, needs: int, message: Message | None) -> Form:
        """One line for those who have the capabilities `needs`; None for nothing."""
        return Form(needs, ((message, self.stamp()),) if message is not None else ())

    def untagged(self) -> Stamp:
        """For what only a client that asked reads, and no history knows."""
        return Stamp(self.entry.time)

    def to_room(self, room: Room, message: Message) -> None:
        """An event for everybody in `room`, whoever caused it included."""
        self.deliveries.append(ToRoom(room.key, message, self.stamp()))

    def keep(
        self, kind: str, user: User, place: str, target: str, text: str, tags: Mapping[str, str] | None = None
    ) -> None:
        """Keep something that `user` did. Call it after the deliveries that show it, so that both have one id."""
        entry, part = self.entry, len(self.facts)
        self.facts.append(
            Fact(
                entry.seq,
                part,
                entry.time,
                self._message_id(),
                kind,
                place,
                target,
                user.prefix,
                user.account,
                text,
                tags or {},
            )
        )

    def keep_in(self, room: Room, kind: str, user: User, text: str = "", tags: Mapping[str, str] | None = None) -> None:
        """Keep something that `user` did in `room`."""
        self.keep(kind, user, room.key, room.name, text, tags)
