"""Names: every rule of chatctl/protocol/names.py, and that all Pythons agree on them."""

from __future__ import annotations

import hashlib
import unicodedata
from itertools import islice

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatctl.protocol.characters import CharacterKind, describe, prototypes
from chatctl.protocol.names import (
    MAX_NAME_CHARACTERS,
    MAX_ROOM_BYTES,
    alternatives,
    fold,
    problem,
    room_fold,
    room_problem,
    skeleton,
    too_alike,
)

# Characters that go wrong together: cases, marks, full width, digits, scripts, joiners.
ODD = (
    "aAiIlm10_-[{|`\\éßſKİıﬁΑαΣςАаВНнкмחם太郎タｱﾞㄅ한ᄒ\u0300\u0301\u0345\u0323\u20dd٣۳３²①Ⅷ！，ﷺ "
    "\u00a0\u200b\u200d\ufe0f\u202e\x1b\ud800\U0001f600\U0001e030"
)
TEXT = st.one_of(st.text(max_size=40), st.text(ODD, max_size=40))
SCRIPTS = st.sampled_from(["abcXYZß", "абвГДЕ", "αβγΔΕ", "אבג", "ابت۱", "太郎タろabc", "한글漢a", "नमस्ते"])
GOOD = SCRIPTS.flatmap(lambda chars: st.text(chars + "0_-[]^", min_size=1, max_size=MAX_NAME_CHARACTERS)).filter(
    lambda name: problem(name) is None
)


@pytest.mark.parametrize(
    "name",
    [
        "a", "alice", "Alice_99", "_", "[]\\`^{}|", "x-1", "a" * 32, "Zoé", "Andre\u0301", "Андрей", "Ελένη", "שרה",
        "علی۱۲", "हिन्दी", "นภา", "太郎", "太郎タロウさんabc", "ㄅㄆ漢字abc", "한글漢字abc", "ｱｲｳ", "Ａｌｉｃｅ",
        "straße", "Kelvin", "Nguyễn", "İpek", "〇", "ー太郎",
    ],
)  # fmt: skip
def test_valid_names_are_allowed(name: str) -> None:
    assert problem(name) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "it is empty"),
        ("a" * 33, "it is longer than 32 characters"),
        ("1a", "a name starts with a letter or one of _[]\\`^{}|, not with a digit or '-'"),
        ("-a", "a name starts with a letter or one of _[]\\`^{}|, not with a digit or '-'"),
        ("۱ع", "not with a digit"),
        ("\u0301a", "not with a mark that belongs on one (U+0301)"),
        ("a b", "it contains a space"),
        ("a\u00a0b", "it contains a kind of space (U+00A0)"),
        ("a\u3000b", "it contains a kind of space (U+3000)"),
        ("a\nb", "it contains a control character (U+000A)"),
        ("alice\n", "it contains a control character (U+000A)"),
        ("a\x1b[31m", "it contains a control character (U+001B)"),
        ("a\u200bb", "it contains an invisible character (U+200B)"),
        ("a\u202eb", "it contains an invisible character (U+202E)"),
        ("\u3164", "it contains an invisible character (U+3164)"),
        ("a\ufe0f", "it contains an invisible character (U+FE0F)"),
        ("نام\u200cمن", "it contains an invisible character (U+200C)"),
        ("a!", "it contains '!': allowed are letters, digits and _-[]\\`^{}|"),
        ("a@b", "it contains '@'"),
        ("#a", "it contains '#'"),
        ("a.b", "it contains '.'"),
        ("a,b", "it contains ','"),
        ("smile😀", "it contains '😀' (U+1F600)"),
        ("a！", "it contains '！' (U+FF01)"),
        ("a①", "it contains '①' (U+2460)"),
        ("a\u20dd", "it contains U+20DD: allowed"),
        ("a\ue000", "Unicode 14 does not know (U+E000)"),
        ("a\ud800", "Unicode 14 does not know (U+D800)"),
        ("a\U0001e030", "Unicode 14 does not know (U+1E030)"),  # assigned in Unicode 15
        ("ß" * 17, "in its plain form (small letters, NFKC) it is longer than 32 characters"),
        ("ﷺ", "in its plain form (small letters, NFKC) it contains a space"),
        ("ﾞa", "in its plain form (small letters, NFKC) a name starts with"),
        ("１a", "not with a digit"),
        ("аdmin", "it mixes Cyrillic and Latin letters"),
        ("aбγ", "it mixes Latin, Cyrillic and Greek letters"),
        ("漢ひ한", "it mixes Han, Hiragana and Hangul letters"),
        ("太郎я", "it mixes Han and Cyrillic letters"),
        ("aµ", "in its plain form (small letters, NFKC) it mixes Latin and Greek letters"),
        ("ع۱2", "it mixes digits of different scripts"),
        ("a\u0301\u0302\u0303\u0304\u0306", "it has more than 4 marks on one letter"),
    ],
)
def test_invalid_names_are_refused_with_the_reason(name: str, why: str) -> None:
    said = problem(name)
    assert said is not None
    assert why in said


@given(TEXT)
def test_reason_is_safe_to_print(name: str) -> None:
    for said in (problem(name), room_problem(name), room_problem("#" + name)):
        for char in said or "":
            assert char == " " or describe(char)[0] in {CharacterKind.LETTER, CharacterKind.DIGIT, CharacterKind.SYMBOL}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Alice", "aLICE"),
        ("Straße", "STRASSE"),
        ("Ａｌｉｃｅ", "alice"),
        ("ﬁn", "FIN"),
        ("Zoé", "ZOE\u0301"),
        ("ΣΑΣ", "σας"),
        ("\u212a", "k"),
        ("АНДРЕЙ", "андрей"),
        ("ｶﾞ", "ガ"),
        ("\u1fb3\u0301", "ά\u03b9"),
    ],
)
def test_equal_names_fold_alike(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("a{", "a["), ("a|", "a\\"), ("a^", "a~"), ("Zoé", "Zoe"), ("hat", "НАТ")])
def test_different_names_fold_differently(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(TEXT)
def test_folding_is_idempotent(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert room_fold(room_fold(text)) == room_fold(text)


@example("\u0345\uff9e")
@given(TEXT)
def test_spellings_of_one_text_fold_alike(text: str) -> None:
    if all(describe(char)[0] is not CharacterKind.UNKNOWN for char in text):
        for form in ("NFC", "NFD", "NFKC", "NFKD"):
            assert fold(unicodedata.normalize(form, text)) == fold(text)
        assert fold(text.upper()) == fold(text.upper().casefold())


@given(GOOD)
def test_folded_form_of_an_allowed_name_is_allowed(name: str) -> None:
    assert problem(fold(name)) is None
    assert len(fold(name)) <= MAX_NAME_CHARACTERS


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("paypaI", "раураІ"),
        ("scope", "ѕсоре"),
        ("Scope", "ѕсоре"),
        ("hat", "НАТ"),
        ("ɑlice", "alice"),
        ("Zoé1", "Zoél"),
        ("ÉMILE", "érnile"),
        ("ΑΝΝΑ", "ANNA"),
        ("оно", "οнο"),
        ("או", "אן"),
        ("admi\u0307n", "admin"),
        ("jann", "j\u0307ann"),
        ("adm\u0131\u0307n", "admin"),
        ("zoé", "zoe\u0301\u0301"),
    ],
)
def test_confusable_names_are_too_alike(one: str, other: str) -> None:
    assert too_alike(one, other)
    assert too_alike(other, one)
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("l1", "ll"),  # plain ASCII never is
        ("modem", "modern"),
        ("Alice", "alice"),  # the same, not alike
        ("Zoé", "ZOÉ"),
        ("hat", "нат"),
        ("Zoé", "Zoe"),
        ("évan", "énan"),
        ("андрей", "andrej"),
    ],
)
def test_distinct_names_are_not_too_alike(one: str, other: str) -> None:
    assert not too_alike(one, other)


@given(TEXT, TEXT)
def test_skeletons_find_all_names_that_are_too_alike(one: str, other: str) -> None:
    assert too_alike(one, other) == too_alike(other, one)
    assert not too_alike(one, one)
    if too_alike(one, other):
        assert skeleton(one) == skeleton(other)


def test_plain_skeletons_are_those_of_the_table() -> None:
    for char in map(chr, range(0x21, 0x7F)):
        if problem("a" + char) is None:
            assert skeleton(char) == prototypes().get(ord(char), char.lower())


@pytest.mark.parametrize(
    "room",
    [
        "#a",
        "#lobby",
        "##c++",
        "#a:b",
        "#" + "a" * 63,
        "#café",
        "#日本",
        "#😀",
        "#❤️",
        "#👩‍💻",
        "#🏳️‍🌈",
        "#🇩🇪",
        "#mixед",
        "#…",
        "#1",
    ],
)
def test_valid_rooms_are_allowed(room: str) -> None:
    assert room_problem(room) is None


@pytest.mark.parametrize(
    ("room", "why"),
    [
        ("", "starts with '#'"),
        ("lobby", "starts with '#'"),
        ("&lobby", "starts with '#'"),
        ("#", "at least one more character"),
        ("#" + "a" * 64, "longer than 64 bytes"),
        ("#" + "é" * 32, "longer than 64 bytes"),
        ("#a b", "contains a space"),
        ("#a\u3000b", "a kind of space (U+3000)"),
        ("#a,b", "contains a comma"),
        ("#a\x07", "control character (U+0007)"),
        ("#a\x00", "control character (U+0000)"),
        ("#a\n", "control character (U+000A)"),
        ("#a\u202e", "invisible character (U+202E)"),
        ("#a\u200db", "invisible character (U+200D)"),
        ("#a\ufe0f", "invisible character (U+FE0F)"),
        ("#\ufe0f", "invisible character (U+FE0F)"),
        ("#👍\u200d", "invisible character (U+200D)"),
        ("#👍\u200d\u200d👍", "invisible character (U+200D)"),
        ("#a\u200d👍", "invisible character (U+200D)"),
        ("#\u2800", "invisible character (U+2800)"),
        ("#\ud800", "Unicode 14 does not know (U+D800)"),
        ("#\ufdd0", "Unicode 14 does not know (U+FDD0)"),
        ("#a，b", "in its plain form (small letters, NFKC) it contains a comma"),
        ("#´", "in its plain form (small letters, NFKC) it contains a space"),
        ("#a" + "\u0301" * 5, "more than 4 marks"),
    ],
)
def test_invalid_rooms_are_refused_with_the_reason(room: str, why: str) -> None:
    said = room_problem(room)
    assert said is not None
    assert why in said


@pytest.mark.parametrize(
    ("one", "other"),
    [("#Lobby", "#LOBBY"), ("#❤️", "#❤"), ("#Straße", "#STRASSE"), ("#👩‍💻", "#👩💻"), ("#ＡＢ", "#ab")],
)
def test_equal_rooms_fold_alike(one: str, other: str) -> None:
    assert room_fold(one) == room_fold(other)


@given(TEXT)
def test_allowed_room_fits_a_line(text: str) -> None:
    room = "#" + text
    if room_problem(room) is None:
        assert len(room.encode()) <= MAX_ROOM_BYTES
        assert not set(room + room_fold(room)) & set(" ,\x07\x00\r\n")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("alice", ["alice_", "alice2", "alice3"]),
        ("bob2", ["bob2_", "bob3", "bob4"]),
        ("a" * 32, ["a" * 31 + "_", "a" * 31 + "2", "a" * 31 + "3"]),
        ("Jane  Doe", ["Jane_Doe", "Jane_Doe_", "Jane_Doe2"]),
        ("café!", ["café", "café_", "café2"]),
        ("42cats", ["_42cats", "_42cats_", "_42cats2"]),
        ("-x-", ["x-", "x-_", "x-2"]),
        ("a" * 40, ["a" * 32, "a" * 31 + "_", "a" * 31 + "2"]),
        ("admіn", ["admn", "admn_", "admn2"]),
        ("علی۱", ["علی۱_", "علی2", "علی3"]),
        ("", ["guest", "guest2", "guest3"]),
        ("😀!", ["guest", "guest2", "guest3"]),
        ("_!", ["guest", "guest2", "guest3"]),
        ("ﷺ", ["guest", "guest2", "guest3"]),
        ("guest", ["guest_", "guest2", "guest3"]),
    ],
)
def test_alternatives_of_a_taken_name(name: str, expected: list[str]) -> None:
    assert list(islice(alternatives(name), 3)) == expected


def test_alternatives_do_not_repeat_when_numbers_grow() -> None:
    found = list(islice(alternatives("a" * 30 + "1a"), 300))
    assert len({fold(name) for name in found}) == 300


@given(st.one_of(TEXT, GOOD))
def test_alternatives_are_allowed_and_differ(name: str) -> None:
    found = list(islice(alternatives(name), 20))
    assert [problem(other) for other in found] == [None] * 20
    assert len({fold(name), *map(fold, found)}) == 21
    assert found == list(islice(alternatives(name), 20))


def test_long_text_is_refused_without_reading_it() -> None:
    long = "ж!" * 1_000_000
    assert problem(long) == "it is longer than 32 characters"
    assert room_problem("#" + long) == "it is longer than 64 bytes"
    assert len(next(alternatives(long))) <= MAX_NAME_CHARACTERS


# Uniform blocks (Han, Hangul, hieroglyphs, Tangut, private use, unassigned planes): of these only some points are
# asked, of all others each, so that the test takes two seconds.
UNIFORM = [
    (0x3400, 0xA000),
    (0xAC00, 0xD7A4),
    (0xE000, 0xF900),
    (0x12000, 0x16800),
    (0x17000, 0x1B000),
    (0x20000, 0x110000),
]
DIGEST = "41bda4f112268b8f9310aabf923fbe67c919c3e1d8ec7f872e6f0f19df364c48"


@pytest.mark.e2e
def test_answers_are_equal_on_every_python() -> None:
    """The digest was the same on 3.11, 3.12 and 3.13, which have three versions of Unicode."""
    digest = hashlib.sha256()
    for point in range(0x110000):
        if point % 61 and any(start <= point < end for start, end in UNIFORM):
            continue
        for name in (chr(point), "a" + chr(point)):
            # Whether, not why: the sentences may be worded better without a new digest.
            allowed = f"{problem(name) is None} {room_problem('#' + name) is None}"
            answers = (allowed, fold(name), skeleton(name), *islice(alternatives(name), 1))
            digest.update("\n".join(answers).encode("utf-8", "surrogatepass"))
    assert digest.hexdigest() == DIGEST
