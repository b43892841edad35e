"""The member list: operators, members who are here, members who are away."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from textual import events
from textual.message import Message
from textual.strip import Strip

from chatctl.client.client import Member
from chatctl.protocol.clean import clean
from chatctl.tui.render.cell_width import Piece, strip
from chatctl.tui.render.rows import fitting, shortened
from chatctl.tui.widgets.base import Painted

CROWD_MEMBERS = 500
CROWD_PAUSE_SECONDS = 0.5
"""Sorting thousands takes ten milliseconds, as long as a key may: of more than CROWD_MEMBERS it is done twice a
second."""


class MemberList(Painted):
    """The members: ``@ann`` is an operator, ``+bob`` has voice, ``carol (away)``; sorted by standing, then by name."""

    class MemberChosen(Message):
        """The user clicked on a name."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, fold: Callable[[str], str], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._fold = fold
        self._people: list[Member] = []
        self._next: list[Member] | None = None
        """The list to show when the pause is over."""
        self._sorted_at = -CROWD_PAUSE_SECONDS
        self._first = 0
        self._hidden = 0
        """How many there are below."""

    def show(self, people: list[Member]) -> None:
        """Other people, or the same and something about them has changed."""
        waiting, self._next = self._next, people
        pause = CROWD_PAUSE_SECONDS if len(people) > CROWD_MEMBERS else 0.0
        since = monotonic() - self._sorted_at
        if since >= pause:
            self._sort()
        elif waiting is None:
            self.set_timer(pause - since, self._sort)

    def _sort(self) -> None:
        people, self._next = self._next, None
        if people is None:
            return
        self._people = sorted(people, key=lambda member: (member.away, _rank(member), self._fold(member.name)))
        self._sorted_at = monotonic()
        self._first = min(self._first, max(0, len(people) - 1))
        self.repaint()

    def paint(self, width: int, height: int) -> list[Strip]:
        self._first = max(0, min(self._first, len(self._people) - height))
        shown = self._people[self._first : self._first + height]
        rows = [self._row(member, width) for member in shown]
        self._hidden = len(self._people) - self._first - len(shown)
        if self._hidden > 0 and rows:
            words = shortened(f"  and {self._hidden + 1} more", width)
            rows[-1] = strip([(words, self.ink.quiet)], width, self.ink.plain)
        return rows

    def _row(self, member: Member, width: int) -> Strip:
        ink = self.ink
        away = " away" if member.away and width > len("  away") + 6 else ""
        name = shortened(clean(member.name), width - 2 - len(away))
        style = ink.quiet if member.away else ink.name(self._fold(member.name))
        pieces: list[Piece] = [(f" {member.symbols[:1] or ' '}", ink.quiet), (name, style), (away, ink.quiet)]
        return strip(fitting(pieces, width), width, ink.plain)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self._first -= 3
        self.repaint()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self._first += 3
        self.repaint()

    def on_click(self, event: events.Click) -> None:
        at = self._first + event.y
        if self._hidden and event.y == self.size.height - 1:  # the row that says so
            self._first += max(1, self.size.height - 1)
            self.repaint()
        elif 0 <= at < len(self._people):
            self.post_message(self.MemberChosen(self._people[at].name))


def _rank(member: Member) -> int:
    """Operators first, then those with a voice."""
    return 0 if member.symbols[:1] in ("~", "&", "@", "%") and member.symbols else 1 if member.symbols else 2
