"""The items of one buffer, in order.

Invariants:

- [no-duplicates] Oldest first. A message with an id occurs once.
- [folds] Joins and parts without a message in between are one item (a fold).
- [pending-last] An own message is at the end from the moment it is typed; its echo replaces it at the echo's place,
  after others that arrived meanwhile: the server's order counts.
- [bounded] MAX_LIVE_ITEMS live items are held; the oldest are dropped, and can be loaded again.
- [stable-positions] Positions are items, not indexes: loading earlier items shifts all indexes.
"""

from __future__ import annotations

from collections.abc import Iterable

from chatctl.client.events.folding import Move
from chatctl.tui.model.items import Item

MAX_LIVE_ITEMS = 100_000
_SLACK = 1000


class MessageLog:
    """The displayed content of a buffer."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.begins = False
        """Whether there is nothing before the first item, as far as the server knows."""
        self.live = True
        """Whether new messages belong at its end; a stretch of the past, jumped to, has none."""
        self.unread: Item | None = None
        """The first item that has not been read."""
        self.unread_above = False
        """Whether there are more unread messages than are loaded."""
        self.dropped = 0
        """The number of items dropped at the beginning ([bounded]), for callers with indexes."""
        self._by_id: dict[str, Item] = {}
        self._pending: dict[int, Item] = {}

    def __len__(self) -> int:
        return len(self.items)

    def find(self, id: str) -> Item | None:
        """Return the message with this id, or None."""
        return self._by_id.get(id)

    def add(self, item: Item, *, past: bool = False) -> bool:
        """Add an item at the end; `past`: from history. Return False if it is here already."""
        if item.id is not None:
            if item.id in self._by_id:
                return False
            self._by_id[item.id] = item
        at = len(self.items)
        while at and self._goes_before(item, self.items[at - 1], past):
            at -= 1
        self.items.insert(at, item)
        if item.ticket:
            self._pending[item.ticket] = item
        if len(self.items) > MAX_LIVE_ITEMS + _SLACK:
            self._drop(len(self.items) - MAX_LIVE_ITEMS)
        return True

    def _goes_before(self, item: Item, other: Item, past: bool) -> bool:
        """Return whether `item` belongs before `other`: pending messages stay below ([pending-last]), the past goes
        above notices. Times are not compared otherwise: the server's clock and ours may be days apart."""
        if other.ticket:
            return not item.ticket
        return past and item.is_message and not other.is_message and other.time > item.time

    def _drop(self, count: int) -> None:
        for item in self.items[:count]:
            if item.id is not None:
                self._by_id.pop(item.id, None)
        del self.items[:count]
        self.dropped += count
        self.begins = False

    def move(self, time: float, name: str, how: Move, reason: str) -> Item:
        """Add a join or part to its fold ([folds])."""
        at = len(self.items)
        while at and (self.items[at - 1].ticket or _told_later(self.items[at - 1], time)):
            at -= 1
        last = self.items[at - 1] if at else None
        if last is not None and last.kind == "fold" and last.moves is not None:
            last.moves.append((name, how, reason))
            last.changed()
            return last
        item = Item("fold", time)
        item.moves = [(name, how, reason)]
        self.items.insert(at, item)
        return item

    def confirmed(self, ticket: int) -> Item | None:
        """Remove the pending item of a message whose echo arrives."""
        item = self._pending.pop(ticket, None)
        if item is not None:
            self._remove(item)
        return item

    def failed(self, ticket: int, problem: str) -> Item | None:
        """Mark a message as refused or unconfirmed: it stays, with the reason."""
        item = self._pending.pop(ticket, None)
        if item is not None:
            item.problem = problem
            item.ticket = 0
            item.changed()
        return item

    def remove(self, item: Item) -> None:
        """Take out what failed."""
        self._remove(item)

    def _remove(self, item: Item) -> None:
        for at in range(len(self.items) - 1, -1, -1):
            if self.items[at] is item:
                del self.items[at]
                return

    def put_before(self, page: Iterable[Item]) -> int:
        """Add an older page, oldest first, without the items that are here; return how many were added."""
        fresh = [item for item in page if item.id is None or item.id not in self._by_id]
        for item in fresh:
            if item.id is not None:
                self._by_id[item.id] = item
        self.items[:0] = fresh
        return len(fresh)

    def put_after(self, page: Iterable[Item]) -> int:
        """Add a later page of a stretch of the past."""
        count = 0
        for item in page:
            count += self.add(item)
        return count

    def index(self, item: Item) -> int:
        """Return the index of an item, -1 if it was dropped. Searches from the end, which is asked about most."""
        for at in range(len(self.items) - 1, -1, -1):
            if self.items[at] is item:
                return at
        return -1

    def said(self, count: int) -> Item | None:
        """Return the `count`-th last message of a user that the server has; 1 is the last."""
        for item in reversed(self.items):
            if item.is_message and item.id is not None and not item.deleted:
                count -= 1
                if count == 0:
                    return item
        return None

    def failures(self) -> list[Item]:
        """Return own undelivered messages, oldest first, of the last thousand items."""
        return [item for item in self.items[-1000:] if item.problem and item.own]

    def oldest(self) -> Item | None:
        """Return the first item that can be paged from."""
        return next((item for item in self.items if item.id is not None or item.kind != "news"), None)


def _told_later(item: Item, time: float) -> bool:
    """Return whether it is a later item that is not a message: missed events are inserted above those."""
    return not item.is_message and item.time > time
