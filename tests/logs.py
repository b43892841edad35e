"""A log for tests."""

from __future__ import annotations


class ListLog:
    """Stores log events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []

    def debug(self, event: str, **fields: object) -> None:
        """One event, whatever its level."""
        self.events.append((event, fields))

    info = warning = error = debug
