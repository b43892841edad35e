"""The input (chatctl/tui/widgets/input): text of a clipboard or an editor."""

from __future__ import annotations

import pytest

from chatctl.tui.widgets.input import plain


@pytest.mark.parametrize(
    ("pasted", "text"),
    [
        ("a\r\nb\rc\n", "a\nb\nc\n"),
        ("\x1b[2Jrm -rf\x1b]0;x\x07 /", "rm -rf /"),
        ("\tindented", "    indented"),
        ("abc\u202edef\u200b", "abcdef"),
        ("👨\u200d👩\u200d👧 é 漢", "👨\u200d👩\u200d👧 é 漢"),
    ],
)
def test_control_and_invisible_characters_are_not_pasted(pasted: str, text: str) -> None:
    assert plain(pasted) == text
