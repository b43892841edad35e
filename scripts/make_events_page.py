"""Write docs/reference/events.md from the event classes: ``python -m scripts.make_events_page``."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from chatctl.client import events
from chatctl.client.events import Event
from scripts.make_library_page import markdown

TARGET = Path(__file__).parents[1] / "docs" / "reference" / "events.md"

_HEAD = """# Events

The events of `chatctl.client.events`: what `Client.events()` yields and `Client.on()` passes to its callback. `--json`
prints the same, one object a line. This page is generated from the classes by `make docs`.

In JSON an event has `type`, `time` (UTC) and its fields under the names below; a field that is None is left out. These
names may be added to, and are never changed. Texts are as the server sent them: clean them before showing them.
"""


def page() -> str:
    """Return the text of the page."""
    kinds = {kind.type: kind for kind in vars(events).values() if _is_event(kind)}
    return "\n".join([_HEAD, *(_event(kinds[name]) for name in sorted(kinds))])


def _is_event(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Event) and bool(kind.type)


def _event(kind: type[Event]) -> str:
    head = f"## `{kind.type}`\n\n`{kind.__name__}`. {markdown(kind.__doc__)}\n"
    rows = [_field(item) for item in dataclasses.fields(kind) if item.name != "time"]
    if not rows:
        return head
    return "\n".join([head, "| field | type | default |", "|---|---|---|", *rows]) + "\n"


def _field(item: dataclasses.Field[object]) -> str:
    shown = str(item.type).replace("|", "\\|")
    default = "" if item.default is dataclasses.MISSING else f"`{item.default!r}`"
    only = " (not in JSON)" if item.name == "ticket" else ""
    return f"| `{item.name}` | `{shown}`{only} | {default} |"


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
