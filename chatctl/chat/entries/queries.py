"""Queries to the history, and their answers: plain data, so that a reader on any thread can answer them.

Invariants:

- [place] Facts belong to a place: a room's key, or for private messages the two identities that share them
  (:func:`private_place`). A room's key begins with ``#``; a private place never does.
- [point] A point is a position in the order: ``(seq, part)``. Every message id names one, and so does every time: the
  first fact that is not older.
- [released-only] An answer holds facts up to the query's `upto` only, the last one released when it was asked: history
  never shows more than was sent.
- [ascending] Answers are in the order of their points, oldest first, whatever was asked.
- [whole-times] A client may page by the time of a page's first or last message, though ids are safer. So a page for
  clients (`whole`) does not end between two facts of one time, but has up to MAX_SAME_TIME_FACTS more than asked for.
  Facts share a time if an older version stored them, if they were imported, or at over 1,000 a second ([bounded-ahead]
  in outcome.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from chatctl.chat.entries.facts import Fact
from chatctl.chat.model.records import SEPARATOR

Point = tuple[int, int]
MESSAGES = ("PRIVMSG", "NOTICE")
REDACT = "REDACT"
"""The kind of a fact that takes another one back: the journal keeps nothing of what that one said from then on."""

RENAME = "RENAME"
"""The kind of a fact that gives a room another name: its history goes with it."""

REDACTED = "REDACTED"
"""Kind of a deleted fact: only its id and sender remain; it is never shown."""


MAX_PAGE_MESSAGES = 200
"""Messages of one CHATHISTORY (CHATHISTORY in ISUPPORT), or of one search."""

MAX_PARTS = 1 << 20
"""Facts of one entry."""

MAX_SEQ = (1 << 43) - 1
"""So that seq and part fit into one signed 64-bit number."""

MAX_SAME_TIME_FACTS = 1000
"""How many facts a page may have beyond the requested number ([whole-times])."""


def private_place(one: str, other: str) -> str:
    """Return the place of the private messages of two identities, in either order."""
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
class HistoryQuery:
    """Facts of one place. `kinds` are the wanted IRC commands (empty: all).

    ``after`` and ``before`` are exclusive. With `newest`, the `limit` facts nearest to `before` (or to the end), else
    those nearest to `after` (or to the beginning). With `around`, about half of `limit` is before that mark and the
    rest from it on; the other two are ignored. `whole`: see [whole-times]. With `nearest`, a message id that is not
    stored (any more) stands for its point, if no other message is stored there.
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
    """Places visible to an identity whose latest message is between two times (ms, both exclusive): the oldest `limit`,
    or with `newest` the newest."""

    rooms: tuple[str, ...]
    identity: str
    after: int
    before: int
    limit: int
    upto: int
    newest: bool = False


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """Messages with all words of `text`, in any order; ``"several words"`` in quotes must be adjacent.

    `places` limits the search (empty: everywhere, for the owner of the data folder), `source` to a nick (folded),
    `after` and `before` to times (ms). The answer has the newest `limit`, in the order of their points.
    """

    text: str
    limit: int
    upto: int
    places: tuple[str, ...] = ()
    source: str = ""
    after: int = 0
    before: int = 0


AnyQuery = HistoryQuery | TargetsQuery | SearchQuery


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """An answer. `unknown` is a message id in the query that is not stored; then there are no facts.

    `targets` (for :class:`TargetsQuery`) are pairs of a place and its latest message, oldest first. `failed`:
    the query could not be answered.
    """

    facts: Sequence[Fact] = ()
    targets: Sequence[tuple[str, Fact]] = field(default=())
    unknown: str = ""
    failed: bool = False
