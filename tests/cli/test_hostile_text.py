"""Text of other users may hold anything; nothing of it acts on a terminal or on a script."""

from __future__ import annotations

import json
import unicodedata

import pytest

from chatctl.chat.entries.facts import Fact
from chatctl.cli.commands.export import _as_html
from chatctl.cli.stored_history import _as_objects, as_text_lines
from chatctl.journal.exchange.jsonl import to_line

HOSTILE = {
    "CSI": "a\x1b[31mb",
    "OSC 8": "a\x1b]8;;http://evil.example\x07b",
    "OSC 52": "a\x1b]52;c;aGk=\x07b",
    "DCS": "a\x1bP1$r\x1b\\b",
    "C1 CSI": "a\x9b31mb",
    "bell": "a\x07b",
    "override": "a\u202eb",
    "zero width": "a\u200bb",
    "line separator": "a\u2028b",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("write", [as_text_lines, _as_objects, _as_html, lambda facts: map(to_line, facts)])
def test_control_characters_of_others_do_not_reach_the_terminal(text: str, write: object) -> None:
    assert callable(write)
    fact = Fact(1, 0, 0, "id", "PRIVMSG", "#lobby", "#lobby", "ann!u@h", "", text, {"+x": text})
    written = "".join(write([fact]))
    assert not [char for char in written if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp")], ascii(written)


def test_json_output_preserves_the_text() -> None:
    for text in HOSTILE.values():
        fact = Fact(1, 0, 0, "id", "PRIVMSG", "#lobby", "#lobby", "ann!u@h", "", text, {})
        (line,) = _as_objects([fact])
        assert json.loads(line)["text"] == text
        assert json.loads(to_line(fact))["text"] == text
