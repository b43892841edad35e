"""The response to one labelled command (ircv3.net/specs/extensions/labeled-response).

Invariants:

- [one-response] All output that a session gets for its labelled command is gathered: numerics, its own JOIN, the echo
  of its message. It is one response, and exactly one of its lines carries the label.
- [response-form] An empty response is an ``ACK``. A single line carries the label itself. Several lines form a batch of
  type ``labeled-response`` whose opening carries it; a response that is one batch already (history) is not wrapped.
- [nested-batches] Batches inside a response are nested: their opening and closing lines belong to the outer batch.
- [in-place] A response that is one line of a room stays in its place among the room's lines (its spot).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from chatctl.protocol.message import Message, encode_tags

if TYPE_CHECKING:
    from chatctl.chat.delivery.segments import Spot
    from chatctl.chat.delivery.session import Session

MAX_LABEL_BYTES = 64
"""Bytes of a label (labeled-response, "Tag value")."""


class ResponsePart(NamedTuple):
    """One line of a response: its tags, and the rest of it with CR LF. `batch` is ``+ref`` or ``-ref`` for a BATCH."""

    tags: Mapping[str, str]
    line: bytes
    batch: str = ""
    spot: Spot | None = None

    def with_tags(self, tags: Mapping[str, str]) -> bytes:
        """Return the whole line, with `tags` before its own."""
        return f"@{encode_tags({**tags, **self.tags})} ".encode() + self.line


class LabeledResponse:
    """The response so far to a labelled command of `session`.

    `depends_on_commit`: it shows facts that are not durable yet. `later_lines` are sent after the response, each with
    the entry that must be stored for it to be shown.
    """

    __slots__ = ("_rooms", "depends_on_commit", "label", "later_lines", "pieces", "session")

    def __init__(self, session: Session, label: str) -> None:
        self.session = session
        self.label = label
        self.pieces: list[ResponsePart] = []
        self.later_lines: list[tuple[bytes, int]] = []
        self.depends_on_commit = False
        self._rooms: dict[str, None] = {}

    def add_snapshot_room(self, room: str) -> None:
        """Note that the last part is the snapshot of a room for a joining session."""
        self._rooms[room] = None

    @property
    def only_room(self) -> str:
        """The room that all of it is about, if it is one; else ``""``."""
        return next(iter(self._rooms)) if len(self._rooms) == 1 else ""

    def add(self, tags: Mapping[str, str], line: bytes) -> None:
        """Add a line that only this session gets."""
        self.pieces.append(ResponsePart(tags, line))

    def add_message(self, message: Message) -> None:
        """Add a message with its own tags."""
        batch = message.params[0] if message.command == "BATCH" else ""
        self.pieces.append(ResponsePart(message.tags, message.line, batch))

    @property
    def single(self) -> ResponsePart | None:
        """Return the only line, or None."""
        return self.pieces[0] if len(self.pieces) == 1 else None

    def encoded(self, server: str, reference: Callable[[], str]) -> bytes:
        """Return the response as bytes ([response-form], [nested-batches]). `reference` makes names of batches."""
        label = {"label": self.label}
        pieces = self.pieces
        if not pieces:
            return ResponsePart({}, Message("ACK", (), server).line).with_tags(label)
        if _is_one(pieces):
            rest = (piece.with_tags({}) if piece.tags else piece.line for piece in pieces[1:])
            return b"".join((pieces[0].with_tags(label), *rest))
        name = reference()
        opening = ResponsePart({}, Message("BATCH", (f"+{name}", "labeled-response"), server).line).with_tags(label)
        closing = Message("BATCH", (f"-{name}",), server).line
        inside = ({} if "batch" in piece.tags else {"batch": name} for piece in pieces)
        lines = (piece.with_tags(tags) for piece, tags in zip(pieces, inside, strict=True))
        return b"".join((opening, *lines, closing))


def _is_one(pieces: list[ResponsePart]) -> bool:
    """Return whether this is one logical message: a line, or a batch from its opening to its closing."""
    first, last = pieces[0], pieces[-1]
    if len(pieces) == 1:
        return True
    is_pair = first.batch[:1] == "+" and last.batch == f"-{first.batch[1:]}"
    return is_pair and all("batch" in piece.tags for piece in pieces[1:-1])
