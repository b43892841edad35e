"""Writes docs/capabilities.md from the table of capabilities: ``python -m scripts.make_capabilities_page``."""

from __future__ import annotations

from pathlib import Path

from chatctl.chat.commands.offered_capabilities import values
from chatctl.chat.model.policy import Rules
from chatctl.protocol.capabilities import CAPABILITIES

PAGE = Path(__file__).parents[1] / "docs" / "capabilities.md"

HEAD = """# Capabilities

What a client may ask for with `CAP REQ`. This page is made from the server's own table
(`chatctl/protocol/capabilities.py`); a test holds it to that.

| capability | value in `CAP LS 302` | what it is for | specification |
|---|---|---|---|
"""

TAIL = """
Client tags that are relayed: all of them (so there is no `CLIENTTAGDENY`). Typing (`+typing`) waits for nothing, is
kept nowhere, and is dropped when it comes late. Reactions (`+draft/react`, `+draft/unreact`) are kept, as is what has
`+draft/persist`, and played back to clients that ask for events.

Without a capability: `UTF8ONLY`; the user mode `+B` of bots, whose messages carry the tag `bot`.
"""


def page() -> str:
    """The page's text."""
    shown = values(Rules())
    cells = (
        (f"`{row.name}`", f"`{shown[row.name]}`" if row.name in shown else "", row.meaning, row.specification)
        for row in CAPABILITIES
    )
    return HEAD + "".join(f"| {' | '.join(row)} |\n" for row in cells) + TAIL


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
