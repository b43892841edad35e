"""Input sequences of terminals, and their keys (chatctl/tui/terminal/key_sequences)."""

from __future__ import annotations

import pytest
from textual import events
from textual._xterm_parser import XTermParser

from chatctl.tui.terminal import key_sequences


@pytest.mark.parametrize(
    ("sent", "keys"),
    [
        ("\x1b1\x1b9", ["alt+1", "alt+9"]),
        ("\x1ba\x1bah", ["alt+a", "alt+a", "h"]),  # faster than Textual's patience
        ("\x1b\rx", ["alt+enter", "x"]),
        ("\x1bb\x1bf", ["ctrl+left", "ctrl+right"]),
        ("\x1bOP\x1b[5~\x1b[1;5F", ["f1", "pageup", "ctrl+end"]),
        ("¡™", ["inverted_exclamation_mark", "trade_mark_sign"]),
    ],
)
def test_alt_with_a_key_is_recognised_at_once(sent: str, keys: list[str]) -> None:
    key_sequences.learn()
    found = [event.key for event in XTermParser().feed(sent) if isinstance(event, events.Key)]
    assert found == keys
