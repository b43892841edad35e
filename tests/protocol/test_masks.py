"""modern.ircdocs.horse, "Wildcard Expressions"."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatctl.protocol.masks import matches


@pytest.mark.parametrize(
    ("mask", "text", "expected"),
    [
        ("*", "", True),
        ("", "", True),
        ("", "a", False),
        ("a*b", "axxb", True),
        ("a*b", "axxbc", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("*a*a*", "banana", True),
        ("*" * 10_000 + "x", "y" * 300, False),
        ("***", "*", True),
        ("*b", "*", False),
    ],
)
def test_masks_match_as_listed(mask: str, text: str, expected: bool) -> None:
    assert matches(mask, text) is expected


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=10))
def test_masks_agree_with_fnmatch(mask: str, text: str) -> None:
    assert matches(mask, text) is fnmatch.fnmatchcase(text, mask)
