"""Messages of several lines (ircv3.net/specs/extensions/multiline, client-batch): assembled from a client's batch, and
split again for recipients.

Invariants:

- [batch-syntax] A client sends ``BATCH +ref draft/multiline target``, lines of one command to that target, ``BATCH
  -ref``. Nothing is proposed before the end; then all of it is one message with one id.
- [concat] A line follows the one before after a line break, or directly if it has ``draft/multiline-concat``.
- [refuse-once] An invalid batch is refused with one ``FAIL BATCH``, and its remaining lines are dropped. A batch is
  bounded in bytes, lines and time.
- [resendable] The message is stored as one text with line breaks, and the places of direct joins beside it
  (:data:`JOINTS`), so that it can be sent again as it was: each part fits into a line.
- [fallback] Clients without the capability get the lines one by one, without the empty ones; only the first has the id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from chatctl.protocol.message import Message

TYPE = "draft/multiline"
CONCAT = "draft/multiline-concat"
JOINTS = "chatctl/joints"
"""A tag that is kept and not relayed: where in the text lines were joined directly, ``12,300`` in characters."""

MAX_BATCH_SECONDS = 30
"""How long a batch may be open."""


class BatchLine(NamedTuple):
    """One line: whether it is joined directly to the one before, and its text."""

    joined: bool
    text: str


class BatchFailure(NamedTuple):
    """Why a batch is refused: the FAIL code, its context parameters, and a sentence."""

    code: str
    context: tuple[str, ...]
    text: str


class MultilineBatch:
    """A batch that a client has opened. `failed`: it was refused, and what still comes of it is ignored. `label`: the
    client's for all of it."""

    __slots__ = ("command", "failed", "label", "opened", "opening", "pieces", "reference", "size", "target")

    def __init__(self, opening: Message, now: int) -> None:
        self.opening = opening
        self.reference = opening.params[0][1:]
        self.target = opening.param(2)
        self.label = ""
        self.opened = now
        self.command = ""
        self.pieces: list[BatchLine] = []
        self.size = 0
        self.failed = False

    def add(self, message: Message, max_bytes: int, max_lines: int) -> BatchFailure | None:
        """Add a line; return the failure if it is not valid."""
        if message.command not in ("PRIVMSG", "NOTICE") or (self.command and message.command != self.command):
            return _invalid("A batch holds PRIVMSG lines only, or NOTICE lines only")
        target = message.param(0)
        if target.casefold() != self.target.casefold():
            text = f"A line to {target} in a batch for {self.target}; nothing of it was sent"
            return BatchFailure("MULTILINE_INVALID_TARGET", (self.target, target), text)
        if not message.tags.keys() <= {"batch", CONCAT}:
            return _invalid("The tags of such a message belong on its BATCH")
        joined, line = CONCAT in message.tags, message.param(1)
        if joined and not (line and self.pieces):
            return _invalid("Nothing can be joined to nothing")
        self.command = message.command
        self.size += len(line.encode()) + (bool(self.pieces) and not joined)
        self.pieces.append(BatchLine(joined, line))
        if self.size > max_bytes:
            text = f"A message of several lines has at most {max_bytes} bytes; nothing of it was sent"
            return BatchFailure("MULTILINE_MAX_BYTES", (str(max_bytes),), text)
        if len(self.pieces) > max_lines:
            text = f"A message of several lines has at most {max_lines}; nothing of it was sent"
            return BatchFailure("MULTILINE_MAX_LINES", (str(max_lines),), text)
        return None

    def end(self) -> BatchFailure | None:
        """Check the complete batch; return the failure if it is not valid."""
        if not any(piece.text for piece in self.pieces):
            return _invalid("A message of empty lines is not sent")
        return None


def _invalid(text: str) -> BatchFailure:
    return BatchFailure("MULTILINE_INVALID", (), f"{text}; nothing of it was sent")


def combined(pieces: Sequence[BatchLine]) -> tuple[str, str]:
    """Return the text that the lines form, and its joints ([resendable])."""
    text = pieces[0].text
    joints: list[str] = []
    for piece in pieces[1:]:
        if piece.joined:
            joints.append(str(len(text)))
            text += piece.text
        else:
            text += f"\n{piece.text}"
    return text, ",".join(joints)


def separated(text: str, joints: str) -> list[BatchLine]:
    """Return the lines that formed `text`, the inverse of :func:`combined`."""
    at = {int(joint) for joint in joints.split(",") if joint}
    pieces: list[BatchLine] = []
    begin, joined = 0, False
    for end in [*sorted(at | {n for n, char in enumerate(text) if char == "\n"}), len(text)]:
        pieces.append(BatchLine(joined, text[begin:end]))
        joined = end in at
        begin = end if joined else end + 1
    return pieces


def fit(text: str, joints: str) -> bool:
    """Return whether text and joints are valid as :func:`combined` makes them."""
    at = [int(joint) for joint in joints.split(",") if joint.isascii() and joint.isdigit() and len(joint) < 9]
    inside = at == sorted(set(at)) and all(0 < joint < len(text) for joint in at)
    return inside and ",".join(map(str, at)) == joints and bool(text.strip("\n"))


def is_multiline(text: str, tags: Mapping[str, str]) -> bool:
    """Return whether a stored message had several lines."""
    return JOINTS in tags or "\n" in text


class RelayedLine(NamedTuple):
    """One line as it is sent to recipients. `extra`: its own tags; the `first` line also has those of the message."""

    message: Message
    extra: Mapping[str, str]
    first: bool


def as_batch(
    command: str, source: str, target: str, pieces: Sequence[BatchLine], reference: str, outer: Mapping[str, str]
) -> list[RelayedLine]:
    """Return the lines for clients with the capability. `outer`: the tags of an enclosing batch."""
    lines = [RelayedLine(Message("BATCH", (f"+{reference}", TYPE, target), source), outer, first=True)]
    for piece in pieces:
        extra = {"batch": reference, CONCAT: ""} if piece.joined else {"batch": reference}
        lines.append(RelayedLine(Message(command, (target, piece.text), source), extra, first=False))
    lines.append(RelayedLine(Message("BATCH", (f"-{reference}",), source), outer, first=False))
    return lines


def one_by_one(
    command: str, source: str, target: str, pieces: Sequence[BatchLine], outer: Mapping[str, str]
) -> list[RelayedLine]:
    """Return the lines for clients without the capability ([fallback])."""
    texts = [piece.text for piece in pieces if piece.text]
    return [RelayedLine(Message(command, (target, text), source), outer, first=not at) for at, text in enumerate(texts)]
