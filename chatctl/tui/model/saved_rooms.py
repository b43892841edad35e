"""Saves the joined rooms for the next start.

Invariants:

- [saved-soon] Saved per server, within a second of a change and on leaving, so that no crash loses them: the joined
  rooms, up to MAX_ROOMS, besides the one that is requested anyway. Otherwise nothing is read or written.
- [drop-refused] A room that could not be joined again is dropped, unless the user left before that was known.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from chatctl.tui.model.view_model import ViewModel
from chatctl.tui.model.view_state import unasked

if TYPE_CHECKING:
    from chatctl.client.client import Client
    from chatctl.client.profile.profile import Profile

MAX_ROOMS = 20
_KNOWN = 10.0
"""Seconds after which a room that was asked for has been entered, or will not be."""


class SavedRooms:
    """The saved rooms of one server; nothing is saved without a profile."""

    def __init__(self, memory: Profile | None, address: str) -> None:
        self._memory = memory
        self._key = f"rooms {address}"
        self._asked: list[str] = []
        self._since = 0.0
        self._written = ""

    def enter(self, client: Client, first: str) -> None:
        """Join the saved rooms after registration; `first` is joined anyway."""
        self._written = self._memory.choice(self._key, "") if self._memory is not None else ""
        kept = self._written.split()
        self._since = monotonic()
        for room in kept[:MAX_ROOMS]:
            if client.is_room(room) and client.fold(room) != client.fold(first):
                self._asked.append(room)
                with unasked():
                    client.join(room)

    def keep(self, model: ViewModel) -> None:
        """Save if needed: once a second, and on leaving ([saved-soon], [drop-refused])."""
        if self._memory is None or not self._since:
            return
        rooms = [buffer.name for buffer in model.buffers if buffer.is_room and buffer.joined]
        if monotonic() - self._since < _KNOWN:
            rooms += [room for room in self._asked if model.buffers.fold(room) not in model.been]
        words = " ".join(rooms[:MAX_ROOMS])
        if words != self._written:
            self._written = words
            self._memory.choose(self._key, words)
