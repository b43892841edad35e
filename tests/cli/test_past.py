"""How facts read in `chatctl history` and in an export for people."""

from __future__ import annotations

import pytest

from chatctl.chat.facts import Fact
from chatctl.cli.past import _words


@pytest.mark.parametrize(
    ("kind", "text", "tags", "expected"),
    [
        ("PRIVMSG", "{hi}", {}, "[ann]: {hi}"),
        ("PRIVMSG", "\x01ACTION waves\x01", {}, "* ann waves"),
        ("RENAME", "#tea #tea,6 gone", {}, "--- #tea is #tea,6 from here on"),
        ("REDACT", "boot-3 wrong room", {}, "--- ann took a message back"),
        ("REDACTED", "", {}, "--- a message of ann that was taken back"),
        ("TAGMSG", "", {"+draft/react": "👋"}, "--- ann reacted: 👋"),
        ("TAGMSG", "", {"+unreact": "👋"}, "--- ann took back the reaction: 👋"),
        ("TAGMSG", "", {"+example/thing": "1"}, "--- ann gave a sign"),
    ],
)
def test_a_fact_in_words(kind: str, text: str, tags: dict[str, str], expected: str) -> None:
    assert _words(Fact(1, 0, 0, "boot-1", kind, "#tea", "#tea", "ann!u@h", "", text, tags)) == expected
