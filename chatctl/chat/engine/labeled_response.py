"""What one labelled command is answered with (ircv3.net/specs/extensions/labeled-response).

The rules of this file:

1. What a session is sent because of its labelled command is gathered, whatever it is: numerics, its own JOIN, the echo
   of its message. All of it is one **response**, and exactly one line of that carries the label.
2. Nothing to say is an ``ACK``. One line carries the label itself. Several are put into a batch of type
   ``labeled-response``, whose opening carries it; what is one batch already (history) is not wrapped again.
3. Batches inside a response are nested: their opening and closing lines belong to the response's batch.
4. A response that is one line of a room stays in its place among what the room hears (its **spot**).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from chatctl.protocol.message import Message, encode_tags

if TYPE_CHECKING:
    from chatctl.chat.delivery.segments import Spot
    from chatctl.chat.delivery.session import Session

MAX_LABEL = 64
"""Bytes of a label (labeled-response, "Tag value")."""


class Piece(NamedTuple):
    """One line of a response: its tags, and the rest of it with CR LF. `batch` is ``+ref`` or ``-ref`` for a BATCH."""

    tags: Mapping[str, str]
    line: bytes
    batch: str = ""
    spot: Spot | None = None

    def with_tags(self, tags: Mapping[str, str]) -> bytes:
        """The whole line, with `tags` before its own."""
        return f"@{encode_tags({**tags, **self.tags})} ".encode() + self.line


class Response:
    """What a labelled command of `session` has given so far. `caused` says that it depends on what is not kept yet.
    `behind` is what the session reads after it: lines, each with the entry that must be kept for it to be shown."""

    __slots__ = ("_rooms", "behind", "caused", "label", "pieces", "session")

    def __init__(self, session: Session, label: str) -> None:
        self.session = session
        self.label = label
        self.pieces: list[Piece] = []
        self.behind: list[tuple[bytes, int]] = []
        self.caused = False
        self._rooms: dict[str, None] = {}

    def tells_of(self, room: str) -> None:
        """What was added last is what a newcomer is told of a room."""
        self._rooms[room] = None

    @property
    def about(self) -> str:
        """The room that all of it is about, if it is one; else ``""``."""
        return next(iter(self._rooms)) if len(self._rooms) == 1 else ""

    def add(self, tags: Mapping[str, str], line: bytes) -> None:
        """One more line, that is nobody else's."""
        self.pieces.append(Piece(tags, line))

    def add_message(self, message: Message) -> None:
        """One more message, with its own tags."""
        batch = message.params[0] if message.command == "BATCH" else ""
        self.pieces.append(Piece(message.tags, message.line, batch))

    @property
    def single(self) -> Piece | None:
        """The one line there is; None where there are none, or several."""
        return self.pieces[0] if len(self.pieces) == 1 else None

    def encoded(self, server: str, reference: Callable[[], str]) -> bytes:
        """The response as bytes (rules 2 and 3). `reference` gives a name for a batch."""
        label = {"label": self.label}
        pieces = self.pieces
        if not pieces:
            return Piece({}, Message("ACK", (), server).line).with_tags(label)
        if _is_one(pieces):
            rest = (piece.with_tags({}) if piece.tags else piece.line for piece in pieces[1:])
            return b"".join((pieces[0].with_tags(label), *rest))
        name = reference()
        opening = Piece({}, Message("BATCH", (f"+{name}", "labeled-response"), server).line).with_tags(label)
        closing = Message("BATCH", (f"-{name}",), server).line
        inside = ({} if "batch" in piece.tags else {"batch": name} for piece in pieces)
        lines = (piece.with_tags(tags) for piece, tags in zip(pieces, inside, strict=True))
        return b"".join((opening, *lines, closing))


def _is_one(pieces: list[Piece]) -> bool:
    """Whether this is one logical message: a line, or a batch from its opening to its closing."""
    first, last = pieces[0], pieces[-1]
    if len(pieces) == 1:
        return True
    is_pair = first.batch[:1] == "+" and last.batch == f"-{first.batch[1:]}"
    return is_pair and all("batch" in piece.tags for piece in pieces[1:-1])
