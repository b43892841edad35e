"""The result of a search in the history."""

from __future__ import annotations

from dataclasses import dataclass

from chatctl.tui.model.items import Item


@dataclass(frozen=True, slots=True)
class PageItems:
    """The items of a search result, each with its room or person; `number`: that of the request."""

    number: int
    items: tuple[tuple[str, Item], ...]
    failed: bool
