"""What can be asked of history, and what comes back: plain data, so that a reader on any thread can answer it.

The rules:

1. A **place** is where facts belong: a room's key, or for private talk the two identities that share it
   (:func:`private_place`). A room's key begins with ``#``; a private place never does.
2. A **point** is a place in the one order: ``(seq, part)``. Every message id names one, and so does every time: the
   first fact that is not older.
3. An answer holds facts up to the query's `upto` only, which is what had been released when it was asked: nobody reads
   in history what they could not have seen.
4. Answers are in the order of the points, oldest first, whatever was asked.
5. A client may turn pages by the time of a page's first or last message, though ids are surer: so a page for clients
   (`whole`) does not end between two facts of one time, but has up to MOST_OF_ONE_TIME more than were asked for. Facts
   share a time where they were kept by an older version, imported, or more than 1,000 a second (outcome.py, rule 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from chatctl.chat.entries.facts import Fact

Point = tuple[int, int]
MESSAGES = ("PRIVMSG", "NOTICE")
REDACT = "REDACT"
"""The kind of a fact that takes another one back: the journal keeps nothing of what that one said from then on."""

RENAME = "RENAME"
"""The kind of a fact that gives a room another name: its history goes with it."""

REDACTED = "REDACTED"
"""The kind of what is left in the place of such a fact: nothing but its id and who said it; shown to nobody."""

SEPARATOR = "\x1f"

MOST_ASKED = 200
"""Messages of one CHATHISTORY (CHATHISTORY in ISUPPORT), or of one search."""

MAX_PARTS = 1 << 20
"""Facts of one entry."""

MAX_SEQ = (1 << 43) - 1
"""So that seq and part fit into one signed 64-bit number."""

MOST_OF_ONE_TIME = 1000
"""By how many facts a page may be longer than what was asked for (rule 5)."""


def private_place(one: str, other: str) -> str:
    """The place of what two identities say to each other; the same whoever asks."""
    return SEPARATOR.join(sorted((one, other)))


def parse_message_id(message_id: str) -> tuple[str, int, int] | None:
    """Split a message id of this server into boot, seq and part (see Entry.message_id).

    Returns None for anything that the server would not write: ids of other servers, leading zeros, a part ``.0``.
    """
    boot, _, number = message_id.rpartition("-")
    seq, dot, part = number.partition(".")
    if not boot or not _is_plain(seq) or (dot and (not _is_plain(part) or part == "0")):
        return None
    found = boot, int(seq), int(part or 0)
    return found if found[1] <= MAX_SEQ and found[2] < MAX_PARTS else None


def _is_plain(number: str) -> bool:
    return number.isascii() and number.isdigit() and len(number) <= 16 and (number == "0" or number[0] != "0")


def point_of(message_id: str) -> Point:
    """Return the point that a message id names, whether or not it is stored; (0, 0) for an id that is not valid."""
    found = parse_message_id(message_id)
    return found[1:] if found is not None else (0, 0)


@dataclass(frozen=True, slots=True)
class Mark:
    """A limit in a query: a message id, or a time in ms since 1970 UTC (then `message_id` is ``""``)."""

    message_id: str = ""
    time: int = 0


@dataclass(frozen=True, slots=True)
class Query:
    """Facts of one place. `kinds` are the IRC commands wanted (none: all kept ones).

    ``after`` and ``before`` are both exclusive. With `newest` the `limit` facts nearest to `before` (or to the end) are
    meant, else those nearest to `after` (or to the beginning). With `around` set, about half the `limit` lies before
    that mark and the rest from it on; the other two are ignored. `whole`: see rule 5. With `nearest`, a message id that
    is not stored (any more) marks the point that it names, as long as no other message is stored there.
    """

    place: str
    limit: int
    upto: int
    after: Mark | None = None
    before: Mark | None = None
    newest: bool = True
    around: Mark | None = None
    kinds: tuple[str, ...] = MESSAGES
    whole: bool = False
    nearest: bool = False


@dataclass(frozen=True, slots=True)
class TargetsQuery:
    """The places of which somebody may know whose latest message lies between two times (ms, both exclusive): the
    oldest `limit`, or with `newest` the newest."""

    rooms: tuple[str, ...]
    identity: str
    after: int
    before: int
    limit: int
    upto: int
    newest: bool = False


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """Messages that hold all words of `text`, in any order; ``"several words"`` in quotes together.

    `places` limits it (none: everywhere, for those who own the data folder), `source` to a nick (folded), `after` and
    `before` to a time (ms). The newest `limit` are given, in the order of the points.
    """

    text: str
    limit: int
    upto: int
    places: tuple[str, ...] = ()
    source: str = ""
    after: int = 0
    before: int = 0


AnyQuery = Query | TargetsQuery | SearchQuery


@dataclass(frozen=True, slots=True)
class Page:
    """An answer. `unknown` is a message id that the query named and nobody kept; then there are no facts.

    `targets` (for :class:`TargetsQuery`) are pairs of a place's latest message and its place, oldest first. `failed`
    says that the answer could not be had at all.
    """

    facts: Sequence[Fact] = ()
    targets: Sequence[tuple[str, Fact]] = field(default=())
    unknown: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class RoomRecord:
    """What is kept of a room beyond its messages. `modes` are flag letters; `lists` holds, by letter, of each entry the
    mask, who set it and when (ms); `keyword` is the key (+k), `limit` the most members (+l; 0: any number), `founder`
    the id of the account it belongs to, or ``""``, `insiders` the identities that need no invitation."""

    key: str
    name: str
    created: int
    modes: str = ""
    topic: str = ""
    topic_by: str = ""
    topic_time: int = 0
    lists: dict[str, list[tuple[str, str, int]]] = field(default_factory=dict)
    keyword: str = ""
    limit: int = 0
    founder: str = ""
    insiders: list[str] = field(default_factory=list)
