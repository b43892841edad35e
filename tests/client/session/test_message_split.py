"""Long text in parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatctl.client.session.message_split import split

words = st.text(alphabet=st.sampled_from("ab é日\u0301👩\u200d👧🇩🇪\U0001f3fd각한 \u1100\u1161\u11a8"), max_size=300)


@given(st.one_of(words, st.text(max_size=400)), st.integers(4, 100))
def test_every_part_fits_and_only_spaces_at_splits_are_lost(text: str, limit: int) -> None:
    text = text.encode(errors="replace").decode()
    parts = split(text, limit)
    assert all(len(part.encode()) <= limit for part in parts)
    assert all(part.strip() for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


@given(st.text(alphabet="abc ", max_size=300))
def test_words_that_fit_are_never_split(text: str) -> None:
    words = text.split()
    if all(len(word) <= 40 for word in words):
        assert [word for part in split(text, 40) for word in part.split()] == words


def test_short_text_is_not_split() -> None:
    assert split("  two  spaces ", 100) == ["  two  spaces "]


def test_split_is_at_the_last_space_that_fits() -> None:
    assert split("one two three", 7) == ["one two", "three"]
    assert split("one two three", 8) == ["one two", "three"]
    assert split("one two three", 6) == ["one", "two", "three"]


def test_word_longer_than_a_line_is_split() -> None:
    assert split("x abcdefghij", 4) == ["x", "abcd", "efgh", "ij"]


@pytest.mark.parametrize(
    "cluster",
    ["e\u0301\u0323", "👨\u200d👩\u200d👧", "👍\U0001f3fd", "🇩🇪", "❤\ufe0f", "\u1112\u1161\u11ab", "각\u11a8"],
)
def test_grapheme_cluster_stays_together(cluster: str) -> None:
    size = len(cluster.encode())
    for limit in range(size, 3 * size):
        parts = split(cluster * 20, limit)
        assert all(len(part) % len(cluster) == 0 for part in parts), limit
        assert "".join(parts) == cluster * 20


def test_flags_are_paired_from_the_left() -> None:
    assert split("🇩🇪🇫🇷", 12) == ["🇩🇪", "🇫🇷"]


def test_cluster_longer_than_a_line_is_split_between_code_points() -> None:
    parts = split("a" + "\u0301" * 50, 10)
    assert "".join(parts) == "a" + "\u0301" * 50


def test_limit_too_small_for_a_character_is_an_error() -> None:
    with pytest.raises(ValueError, match="room for 4"):
        split("x", 3)


def test_megabyte_is_split_in_linear_time() -> None:
    assert len(split("word " * 200_000, 400)) == 2500
