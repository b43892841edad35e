"""Facts as the lines that were once sent for them: batches of history (IRCv3 batch, chathistory, event-playback)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from chatctl.chat.entries import multiline
from chatctl.chat.entries.facts import BOT_TAG, Fact
from chatctl.chat.entries.queries import REDACTED
from chatctl.protocol import capabilities as caps
from chatctl.protocol.message import MAX_LINE_BYTES, EncodingError, Message, encode_tags
from chatctl.protocol.timestamps import timestamp

_BATCHES = caps.MULTILINE | caps.BATCH
_NEEDED = {
    "RENAME": caps.CHANNEL_RENAME,
    "REDACT": caps.MESSAGE_REDACTION,
    "TAGMSG": caps.MESSAGE_TAGS,
    REDACTED: -1,
}
"""Kinds that only some clients get, or none."""

_SLICE = 200
"""Lines after which a slice ends, with the message they are of."""

_TARGET_FIRST = frozenset({"PRIVMSG", "NOTICE", "TOPIC"})


def message_of(fact: Fact, mask: int) -> Message:
    """Return the message that showed `fact` to recipients with the capabilities `mask`."""
    kind = fact.kind
    params: Sequence[str]
    if kind in _TARGET_FIRST:
        params = (fact.target, fact.text)
    elif kind in ("QUIT", "NICK"):
        params = (fact.text,)
    elif kind == "PART":
        params = (fact.target, fact.text) if fact.text else (fact.target,)
    elif kind == "KICK":
        nick, _, reason = fact.text.partition(" ")
        params = (fact.target, nick, reason or nick)
    elif kind == "RENAME":
        words = fact.text.split(" ", 2)
        params = words if len(words) > 2 else (*words, "")
    elif kind == "REDACT":
        params = (fact.target, *fact.text.split(" ", 1))
    elif kind == "MODE":
        params = (fact.target, *fact.text.split())
    elif kind == "JOIN" and mask & caps.EXTENDED_JOIN:
        params = (fact.target, fact.account or "*", fact.text)
    else:  # JOIN, TAGMSG
        params = (fact.target,)
    return Message(kind, params, fact.source)


def tags_of(fact: Fact, mask: int) -> dict[str, str]:
    """Return the tags that `fact` had, for recipients with the capabilities `mask`."""
    tags: dict[str, str] = {}
    if mask & caps.SERVER_TIME:
        tags["time"] = timestamp(fact.time)
    if mask & caps.ACCOUNT_TAG and fact.account:
        tags["account"] = fact.account
    if mask & caps.MESSAGE_TAGS:
        tags["msgid"] = fact.message_id
        if BOT_TAG in fact.tags:
            tags[BOT_TAG] = ""
        tags.update((key, value) for key, value in fact.tags.items() if key[:1] == "+")
    return tags


def shown(fact: Fact, mask: int, outer: Mapping[str, str], reference: str) -> list[Message]:
    """Return a fact as lines for a client with the capabilities `mask`: one line, or those of a multiline message.
    `outer` are the tags of an enclosing batch; `reference` makes the name of a batch of its own."""
    tags = tags_of(fact, mask)
    if not multiline.is_multiline(fact.text, fact.tags):
        message = message_of(fact, mask)
        message.tags = {**outer, **tags}
        return [message]
    pieces = multiline.separated(fact.text, fact.tags.get(multiline.JOINTS, ""))
    told = (fact.kind, fact.source, fact.target, pieces)
    if mask & _BATCHES == _BATCHES:
        lines = multiline.as_batch(*told, reference, outer)
        rest: Mapping[str, str] = {}
    else:
        lines = multiline.one_by_one(*told, outer)
        rest = {key: value for key, value in tags.items() if key != "msgid"}
    for line in lines:
        line.message.tags = {**line.extra, **(tags if line.first else rest)}
    return [line.message for line in lines]


def played(facts: Iterable[Fact], mask: int, kind: str, params: Sequence[str], reference: str) -> list[Message]:
    """Return facts in a batch of type `kind` (with its `params`), or without one if the client does not know
    batches."""
    return [line for part in in_slices(facts, mask, kind, params, reference) for line in part]


def in_slices(
    facts: Iterable[Fact], mask: int, kind: str, params: Sequence[str], reference: str
) -> Iterator[list[Message]]:
    """Yield the lines of :func:`played`, a few hundred at a time."""
    batched = bool(mask & caps.BATCH)
    lines = [Message("BATCH", (f"+{reference}", kind, *params))] if batched else []
    outer = {"batch": reference} if batched else {}
    for number, fact in enumerate(facts):
        if len(lines) > _SLICE:
            yield lines
            lines = []
        if not _NEEDED.get(fact.kind, 0) & ~mask:
            lines += shown(fact, mask, outer, f"{reference}-{number}")
    if batched:
        lines.append(Message("BATCH", (f"-{reference}",)))
    yield lines


def line_count(facts: Iterable[Fact]) -> int:
    """Return how many lines show `facts`, at the most."""
    return sum(1 + fact.text.count("\n") + fact.tags.get(multiline.JOINTS, "").count(",") for fact in facts)


def problem(fact: Fact) -> str:
    """Return why an imported `fact` could not be shown; ``""`` if it can."""
    if not (fact.kind.isascii() and fact.kind.isalpha() and fact.kind.isupper()):
        return f"{fact.kind!r} is not an IRC command"
    if not fact.source or not fact.place or not fact.message_id:
        return "source, place and message_id must not be empty"
    if " " in fact.source or " " in fact.message_id:
        return "a space in source or message_id"
    if multiline.is_multiline(fact.text, fact.tags) and (
        fact.kind not in ("PRIVMSG", "NOTICE") or not multiline.fit(fact.text, fact.tags.get(multiline.JOINTS, ""))
    ):
        return "line breaks or joints in a fact that cannot have them"
    size = 0
    try:
        for message in shown(fact, caps.SERVER_TIME | caps.MESSAGE_TAGS | _BATCHES, {}, "reference"):
            encode_tags(message.tags)
            size = max(size, len(message.line))
    except EncodingError as error:
        return str(error)
    return f"it takes {size} bytes as a line, which may have {MAX_LINE_BYTES}" if size > MAX_LINE_BYTES else ""
