"""The result of a search in the history."""

from __future__ import annotations

from dataclasses import dataclass

from chatctl.tui.model.items import Item


@dataclass(frozen=True, slots=True)
class PageItems:
    """The answer to a search: each item with the name of its place; `number` of the question."""

    number: int
    items: tuple[tuple[str, Item], ...]
    failed: bool
