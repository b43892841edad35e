"""The header above and the status line below the messages."""

from __future__ import annotations

from dataclasses import dataclass

from textual.strip import Strip

from chatctl.protocol.clean import clean
from chatctl.tui.model.buffers import Buffer
from chatctl.tui.model.view_model import ViewModel
from chatctl.tui.render.cell_width import Piece, strip, width_of
from chatctl.tui.render.rows import fitting, shortened
from chatctl.tui.widgets.base import Painted

MAX_TYPISTS = 3
_BRIEF_BELOW = 60


class TopicBar(Painted):
    """The top line: ``#lobby  its topic                4 people``"""

    buffer: Buffer | None = None
    count = 0

    def tell(self, buffer: Buffer, count: int) -> None:
        """Show the room, its topic, and the number of members."""
        self.buffer, self.count = buffer, count
        self.repaint()

    def paint(self, width: int, height: int) -> list[Strip]:
        ink, buffer = self.ink, self.buffer
        if buffer is None:
            return []
        right = _how_many(buffer, self.count)
        name = shortened(clean(buffer.name) or "chatctl", width - 1)
        left: list[Piece] = [(f" {name}", ink.bold)]
        room = width - 1 - width_of(name) - width_of(right) - 2
        if room < 0:
            return [strip(left, width, ink.plain)]
        topic = shortened(clean(buffer.topic), room - 2) if room > 8 else ""
        gap = room - width_of(topic) - (2 if topic else 0)
        pieces = [*left, (f"  {topic}" if topic else "", ink.quiet), (" " * gap, ink.plain), (f" {right} ", ink.quiet)]
        return [strip(pieces, width, ink.plain)]


def _how_many(buffer: Buffer, count: int) -> str:
    if buffer.past is not None:
        return "the past · Esc: now"
    if buffer.is_room:
        if not buffer.joined:
            return "you are not in"
        return f"{count} people" if count != 1 else "only you"
    return {True: "here", False: "not here", None: ""}[buffer.online]


@dataclass(frozen=True, slots=True)
class StatusContent:
    """The content of the status line."""

    sign: str
    words: str
    good: bool
    typists: tuple[str, ...] = ()
    elsewhere: tuple[int, int] = (0, 0)
    below: int = 0
    hint: str = ""


def status_content(model: ViewModel, address: str, waiting: int, below: int, hint: str) -> StatusContent:
    """`waiting`: messages that are not sent yet; `below`: those below the visible part."""
    sign, words, good = "●", "connected", True
    if model.connection == "connecting" and model.waits_for:
        sign, words, good = "○", f"waiting for {model.waits_for}", False
    elif model.connection == "connecting":
        sign, words, good = "○", f"connecting to {address}", False
    elif model.connection == "offline":
        words = f"no connection, trying again{f' · {waiting} to be sent' if waiting else ''}"
        sign, good = "○", False
    elif model.away:
        sign, words = "◐", "away (/back)"
    elif model.latency is not None:
        words = f"connected · {max(1, round(model.latency * 1000))} ms"
    return StatusContent(sign, words, good, tuple(model.here.typing()), model.buffers.unread_elsewhere(), below, hint)


class StatusBar(Painted):
    """The status line: ``● connected · 3 ms   bob is typing …   2 unread elsewhere   F1 keys``. A hint replaces it."""

    standing = StatusContent("○", "connecting", good=False)

    def tell(self, standing: StatusContent) -> None:
        """Show the state of the connection."""
        if standing != self.standing or self._rows is None:
            self.standing = standing
            self.repaint()

    def paint(self, width: int, height: int) -> list[Strip]:
        ink, now = self.ink, self.standing
        if now.hint:
            return [strip(fitting([(" ", ink.plain), (clean(now.hint), ink.accent)], width), width, ink.plain)]
        sign: list[Piece] = [(f" {now.sign} ", ink.good if now.good else ink.trouble), (clean(now.words), ink.quiet)]
        left = [*sign, *self._typing()]
        right = self._right(brief=width < _BRIEF_BELOW)
        used = sum(width_of(text) for text, _ in left) + sum(width_of(text) for text, _ in right)
        if used > width and now.good:
            left = [sign[0], *self._typing()]
            used = sum(width_of(text) for text, _ in left) + sum(width_of(text) for text, _ in right)
        while used > width and right:
            used -= width_of(right.pop()[0])
        pieces = [*left, (" " * max(0, width - used), ink.plain), *right]
        return [strip(fitting(pieces, width), width, ink.plain)]

    def _typing(self) -> list[Piece]:
        names = [clean(name) for name in self.standing.typists]
        if not names:
            return []
        if len(names) > MAX_TYPISTS:
            words = "several people are typing"
        else:
            shown = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
            words = f"{shown} {'is' if len(names) == 1 else 'are'} typing"
        return [(f"  {words} …", self.ink.quiet)]

    def _right(self, *, brief: bool) -> list[Piece]:
        ink, now = self.ink, self.standing
        right: list[Piece] = []
        if now.below:
            right.append((f" ↓ {now.below} below (Esc) ", ink.accent))
        unread, mentions = now.elsewhere
        if mentions:
            right.append((f" @{mentions}{'' if brief else ' elsewhere'} (Alt-A) ", ink.mention))
        elif unread:
            right.append((f" {unread} {'new' if brief else 'elsewhere'} ", ink.bold))
        return [*right, (" F1 keys ", ink.quiet)]
