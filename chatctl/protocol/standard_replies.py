"""FAIL, WARN and NOTE (ircv3.net/specs/extensions/standard-replies): built so that user text cannot break the line.

Invariants:

[safe-context] A context parameter that cannot be a middle parameter, or is longer than any name, is sent as ``*``.
[one-line] The reply fits on one line: a description that is too long ends in an ellipsis.
"""

from __future__ import annotations

from chatctl.protocol.message import MAX_LINE_BYTES, Message, middle_parameter
from chatctl.protocol.names import MAX_NAME_CHARACTERS

COMMANDS = frozenset({"FAIL", "WARN", "NOTE"})

MAX_CONTEXT_BYTES = 4 * MAX_NAME_CHARACTERS
"""The longest name has MAX_NAME_CHARACTERS characters of at most four bytes."""

_ELLIPSIS = "..."


def standard_reply(kind: str, command: str, code: str, *context: str, text: str, source: str = "") -> Message:
    """Build a standard reply.

    Args:
        kind: FAIL, WARN or NOTE.
        command: the command it is about, or ``*``.
        code: the machine-readable reason.
        context: parameters that the specification of `code` asks for; user text is allowed.
        text: a sentence for people.
        source: the server's name, or ``""`` if it is added later.
    """
    safe = (middle_parameter(word, MAX_CONTEXT_BYTES) for word in context)
    return Message(kind, (middle_parameter(command, MAX_CONTEXT_BYTES), code, *safe, text), source)


def shorten(reply: Message) -> Message:
    """Return `reply`, or a copy with a shorter description if it takes more than one line."""
    over = len(reply.line) - MAX_LINE_BYTES
    if over <= 0:
        return reply
    *start, text = reply.params
    space = len(text.encode()) - over - len(_ELLIPSIS)
    cut = text.encode()[: max(0, space)].decode(errors="ignore") + _ELLIPSIS
    return Message(reply.command, (*start, cut), reply.source, reply.tags)
