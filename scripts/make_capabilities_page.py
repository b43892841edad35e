"""Write docs/reference/capabilities.md from the table of capabilities: ``python -m scripts.make_capabilities_page``."""

from __future__ import annotations

from pathlib import Path

from chatctl.chat.commands.offered_capabilities import values
from chatctl.chat.model.policy import Rules
from chatctl.protocol.capabilities import CAPABILITIES

TARGET = Path(__file__).parents[1] / "docs" / "reference" / "capabilities.md"

HEAD = """# Capabilities

The capabilities that a client may request with `CAP REQ`. This page is generated from the server's own table
(`chatctl/protocol/capabilities.py`) by `make docs`, and a test compares the two.

| capability | value in `CAP LS 302` | what it is for | specification |
|---|---|---|---|
"""

TAIL = """
All client tags are relayed; `CLIENTTAGDENY` is not sent. Typing notifications (`+typing`) are never stored, and are
dropped if they cannot be delivered at once. Reactions (`+draft/react`, `+draft/unreact`) and messages with
`+draft/persist` are stored, and are played back to clients that request events.

Two features need no capability: `UTF8ONLY`, and the user mode `+B` of bots, whose messages carry the tag `bot`.

[extensions.md](extensions.md) specifies `chatctl/resume`, `chatctl/transient` and the other extensions of this project.
"""


def page() -> str:
    """Return the text of the page."""
    shown = values(Rules())
    cells = (
        (f"`{row.name}`", f"`{shown[row.name]}`" if row.name in shown else "", row.meaning, row.specification)
        for row in CAPABILITIES
    )
    return HEAD + "".join(f"| {' | '.join(row)} |\n" for row in cells) + TAIL


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
