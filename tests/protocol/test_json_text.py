"""JSON of others: a value or a ValueError, whatever it holds."""

from __future__ import annotations

import json

import pytest

from chatctl.protocol.json_text import MAX_DEPTH, parse_json

NESTED = ["[" * 100_000, "[" * 100_000 + "]" * 100_000, '{"a":' * 900 + "1" + "}" * 900, "[" * 200 + "]" * 200]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        *((text, "levels deep|Expecting") for text in NESTED),
        ("", "Expecting"),
        ("{", "Expecting"),
        ("\x00", "Expecting"),
    ],
)
def test_invalid_text_raises_value_error(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_json(text)
    with pytest.raises(ValueError, match=why):
        parse_json(text.encode())


@pytest.mark.parametrize("kind", ["[{}]", '{{"a":{}}}'])
def test_nesting_up_to_the_limit_is_parsed(kind: str) -> None:
    text = "1"
    for _ in range(MAX_DEPTH):
        text = kind.format(text)
    assert parse_json(text) == json.loads(text)
    with pytest.raises(ValueError, match="levels deep"):
        parse_json(kind.format(text))


def test_many_flat_brackets_are_parsed() -> None:
    assert parse_json(json.dumps([[]] * 1000)) == [[]] * 1000
