"""Facts: the part of an entry that the history stores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import ClassVar, TypeVar, Union

import msgspec
from msgspec.structs import replace

from chatctl.chat.entries.proposals import message_id_of
from chatctl.protocol.names import room_fold

BOT_TAG = "bot"
"""Tag of a message whose sender is marked as a bot (ircv3.net/specs/extensions/bot-mode). Clients cannot send it: of
theirs only tags with a leading ``+`` are relayed."""


class Fact(msgspec.Struct, gc=False):
    """One event of the history.

    `kind` is the IRC command it was shown as; `place` where it belongs (see `queries`); `target` the
    room's name or the other user's nick; `source` who did it, as ``nick!user@host``; `text` the message, topic, reason,
    new nick or mode change; of a REDACT the message's id and a reason, of a RENAME the old name, the new one and a
    reason; of a JOIN the real name; `tags` the client-only tags, and BOT_TAG if a bot did it. `seq` is the entry's,
    `part` counts the facts of one entry.
    """

    seq: int
    part: int
    time: int
    message_id: str
    kind: str
    place: str
    target: str
    source: str
    account: str
    text: str
    tags: Mapping[str, str]

    @property
    def count(self) -> int:
        """The number of facts: 1."""
        return 1

    @property
    def latest(self) -> int:
        """The time of the last fact (ms since 1970 UTC)."""
        return self.time

    def each(self) -> Sequence[Fact]:
        """Return this fact."""
        return (self,)


class MessageRun(msgspec.Struct, gc=False):
    """Consecutive messages of one sender to one room: an untagged PRIVMSG for each of `texts`, parts 0 and up of `seq`.

    Most facts of a busy server are of this kind. What they share is stored once, and they become facts when they are
    read. `time` is that of the first one, each is `step` later than the one before, `boot` is the prefix of their ids.
    The rest is as in a Fact.
    """

    seq: int
    boot: str
    time: int
    step: int
    place: str
    target: str
    source: str
    account: str
    texts: Sequence[str]
    count: int
    """The number of facts. It is read several times on the path of each message."""

    kind: ClassVar[str] = "PRIVMSG"

    @property
    def latest(self) -> int:
        """The time of the last fact (ms since 1970 UTC)."""
        return self.time + self.step * (self.count - 1)

    def each(self) -> Sequence[Fact]:
        """Return the single facts, in order."""
        seq, boot, first, step = self.seq, self.boot, self.time, self.step
        place, target, source, account = self.place, self.target, self.source, self.account
        return [
            Fact(
                seq,
                part,
                first + part * step,
                message_id_of(boot, seq, part),
                "PRIVMSG",
                place,
                target,
                source,
                account,
                text,
                _NO_TAGS,
            )
            for part, text in enumerate(self.texts)
        ]


_NO_TAGS: Mapping[str, str] = {}

AnyFact = Union[Fact, MessageRun]  # noqa: UP007  # an alias of classes that are needed at run time
"""Facts of an entry: a single one, or a run of messages."""


def each_fact(kept: Iterable[AnyFact]) -> Iterator[Fact]:
    """Yield the single facts of `kept`, in order."""
    return chain.from_iterable(item.each() for item in kept)


_K = TypeVar("_K", bound=AnyFact)


def renamed(fact: Fact, facts: Iterable[_K]) -> list[_K]:
    """`facts` as they are after `fact`, a RENAME: those of the room are of its new name."""
    name = fact.text.split(" ")[1]
    place = room_fold(name)
    return [replace(each, place=place, target=name) if each.place == fact.place else each for each in facts]
