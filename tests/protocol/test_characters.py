"""The tables of characters: that they say what Unicode says, and that plain names do not pay for them."""

from __future__ import annotations

import subprocess
import sys
import unicodedata

import pytest

from chatctl.protocol.characters import CharacterKind, all_known, describe, prototypes, shown
from chatctl.protocol.unicode_tables import VERSION


@pytest.mark.parametrize(
    ("char", "expected"),
    [
        ("a", (CharacterKind.LETTER, "Latin")),
        ("ж", (CharacterKind.LETTER, "Cyrillic")),
        ("漢", (CharacterKind.LETTER, "Han")),
        ("ᐁ", (CharacterKind.LETTER, "Canadian Aboriginal")),
        ("ー", (CharacterKind.LETTER, "Common")),
        ("\u0301", (CharacterKind.MARK, "Inherited")),
        ("\u093f", (CharacterKind.MARK, "Devanagari")),
        ("7", (CharacterKind.DIGIT, "Common")),
        ("৭", (CharacterKind.DIGIT, "Bengali")),
        ("!", (CharacterKind.SYMBOL, "")),
        ("😀", (CharacterKind.SYMBOL, "")),
        (" ", (CharacterKind.SPACE, "")),
        ("\u2028", (CharacterKind.SPACE, "")),
        ("\x00", (CharacterKind.CONTROL, "")),
        ("\x9f", (CharacterKind.CONTROL, "")),
        ("\u200b", (CharacterKind.INVISIBLE, "")),
        ("\u1160", (CharacterKind.INVISIBLE, "")),
        ("\U000e0001", (CharacterKind.INVISIBLE, "")),
        ("\ud800", (CharacterKind.UNKNOWN, "")),
        ("\ue000", (CharacterKind.UNKNOWN, "")),
        ("\U0001e030", (CharacterKind.UNKNOWN, "")),
        ("\U0010ffff", (CharacterKind.UNKNOWN, "")),
    ],
)
def test_kind_and_script(char: str, expected: tuple[CharacterKind, str]) -> None:
    assert describe(char) == expected


@pytest.mark.e2e
@pytest.mark.skipif(unicodedata.unidata_version != VERSION, reason="this Python has another Unicode")
def test_assigned_characters_are_those_of_unicode_14() -> None:
    for char in map(chr, range(0x110000)):
        kind = describe(char)[0]
        assert (kind is CharacterKind.UNKNOWN) == (
            unicodedata.category(char) in {"Cn", "Co", "Cs"}
        ) or kind is CharacterKind.INVISIBLE


def test_known_text() -> None:
    assert all_known("plain, жук, 漢\u200b")
    assert not all_known("a\U0001e030")


def test_a_prototype_has_no_case_and_no_prototype_of_its_own() -> None:
    table = prototypes()
    for target in table.values():
        assert unicodedata.normalize("NFD", target.casefold()) == target
        assert all(table.get(ord(char), char) == char for char in target)


@pytest.mark.parametrize(
    ("char", "expected"),
    [
        ("!", "'!'"),
        ("é", "'é' (U+00E9)"),
        ("\u0301", "U+0301"),
        ("\u20dd", "U+20DD"),
        ("\x1b", "U+001B"),
        (" ", "U+0020"),
    ],
)
def test_shown(char: str, expected: str) -> None:
    assert shown(char) == expected


def test_plain_names_do_not_decode_the_tables() -> None:
    code = (
        "from chatctl.protocol import characters, names;"
        "names.problem('alice'), names.fold('Alice'), names.skeleton('alice'), names.room_problem('#lobby');"
        "names.room_fold('#Lobby'), names.too_alike('a', 'b'), next(names.alternatives('alice'));"
        "assert not characters._ranges.cache_info().currsize + characters.prototypes.cache_info().currsize"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
