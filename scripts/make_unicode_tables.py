"""Write chatctl/protocol/unicode_tables.py from Unicode's own data.

Run it with Python 3.11, whose `unicodedata` is Unicode 14.0, in an environment of its own that has the package
``confusable-homoglyphs`` (it carries Unicode's Scripts.txt and confusables.txt as JSON; chatctl does not need it):

    python scripts/make_unicode_tables.py > chatctl/protocol/unicode_tables.py

General categories come from Python, scripts and confusables from the package, cut down to what Unicode 14.0 knows.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

FROZEN = "14.0.0"
WIDTH = 120
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"

# Default_Ignorable_Code_Point (DerivedCoreProperties.txt), and a few that fonts draw as nothing although Unicode does
# not call them so: the Braille blank, the musical null notehead, the Khitan filler.
IGNORABLE = (
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
    (0x2800, 0x2800), (0x1D159, 0x1D159), (0x16FE4, 0x16FE4),
)  # fmt: skip

# The symbols that names may have.
SPECIALS = "_-[]\\`^{}|"

# Letters are XID_Start's categories (UAX 31), digits decimal ones only, marks the two that spell (not Me, which
# encloses). Unassigned, private and surrogate code points have no kind.
KINDS = {
    "Lu": "L", "Ll": "L", "Lt": "L", "Lm": "L", "Lo": "L", "Nl": "L",
    "Mn": "M", "Mc": "M", "Nd": "D",
    "Zs": "Z", "Zl": "Z", "Zp": "Z", "Cc": "C", "Cf": "I",
    "Cn": "", "Co": "", "Cs": "",
}  # fmt: skip


def main() -> None:
    if unicodedata.unidata_version != FROZEN:
        sys.exit(f"needs a Python with Unicode {FROZEN}, this one has {unicodedata.unidata_version}")
    script_of = scripts()
    print(f'"""Unicode {FROZEN} as names.py needs it. Written by scripts/make_unicode_tables.py: do not edit.')
    print()
    print("RANGES: groups parted by ';', each `kind script:` and then numbers in base 36, two a range: the distance")
    print("from the end of the group's range before (at first from 0), and the length less one.")
    print()
    print(
        "SKELETONS: groups parted by ';', each `target:` (code points in base 36 joined by '.'), then, as distances in"
    )
    print("base 36, the characters that become it. The data is Unicode's: Scripts.txt and confusables.txt (UTS 39).")
    print('"""')
    print()
    print(f'VERSION = "{FROZEN}"')
    print()
    emit("RANGES", grouped_ranges(script_of))
    print()
    emit("SKELETONS", grouped_skeletons())


def package_json(name: str) -> Any:
    spec = importlib.util.find_spec("confusable_homoglyphs")
    if spec is None or spec.origin is None:
        sys.exit("needs the package confusable-homoglyphs")
    return json.loads((Path(spec.origin).parent / name).read_text(encoding="utf-8"))


def scripts() -> dict[int, str]:
    data = package_json("categories.json")
    aliases = [alias.title() for alias in data["iso_15924_aliases"]]
    found = {}
    for start, end, script, _ in data["code_points_ranges"]:
        for point in range(start, end + 1):
            found[point] = aliases[script]
    return found


def kind_of(point: int) -> str:
    category = unicodedata.category(chr(point))
    kind = KINDS.get(category, "S")
    if kind and any(start <= point <= end for start, end in IGNORABLE):
        return "I"
    return kind


def grouped_ranges(script_of: dict[int, str]) -> Iterator[str]:
    groups: dict[tuple[str, str], list[list[int]]] = defaultdict(list)
    for point in range(0x110000):
        kind = kind_of(point)
        if not kind:
            continue
        ranges = groups[kind, script_of.get(point, "Common") if kind in "LMD" else ""]
        if ranges and ranges[-1][1] == point - 1:
            ranges[-1][1] = point
        else:
            ranges.append([point, point])
    for (kind, script), ranges in sorted(groups.items()):
        numbers, last = [], 0
        for start, end in ranges:
            numbers += [base36(start - last), base36(end - start)]
            last = end
        yield f"{kind} {script}:" + " ".join(numbers)


def prototypes() -> dict[str, str]:
    """confusables.txt again: each character's prototype (UTS 39 section 4).

    The package lists every pair in both directions, so that each class is a star around its prototype; of a pair alone
    the prototype is the longer one, else ASCII, else the smaller code point.
    """
    alike: dict[str, set[str]] = defaultdict(set)
    for source, others in package_json("confusables.json").items():
        for other in others:
            one, two = source.replace("\u200e", ""), other["c"].replace("\u200e", "")
            alike[one].add(two)
            alike[two].add(one)
    found = {}
    for source, others in alike.items():
        if len(source) > 1 or len(others) > 1:
            continue
        (other,) = others
        if len(alike[other]) > 1 or len(other) > 1 or ord(other) < ord(source):
            found[source] = other
    return found


def skeleton_function() -> Callable[[str], str]:
    """Map to the prototype, drop the case, and repeat until nothing changes: [too-alike] in names.py."""
    prototype = prototypes()
    # A small i is a capital I in another case, and that is drawn as l: all three are one.
    prototype["i"] = "l"

    def once(text: str) -> str:
        drawn = "".join(prototype.get(char, char) for char in text)
        return unicodedata.normalize("NFD", unicodedata.normalize("NFD", drawn).casefold())

    def skeleton(text: str) -> str:
        seen = [text]
        while (text := once(text)) not in seen:
            seen.append(text)
        return min(seen[seen.index(text) :])

    return skeleton


def grouped_skeletons() -> Iterator[str]:
    skeleton = skeleton_function()
    groups: dict[str, list[int]] = defaultdict(list)
    for point in range(0x110000):
        char = chr(point)
        if not (kind_of(point) in tuple("LMD") or char in SPECIALS) or not is_plain(char):
            continue
        target = skeleton(char)
        if target != char.casefold():
            groups[target].append(point)
    for target, points in sorted(groups.items()):
        numbers, last = [], 0
        for point in points:
            numbers.append(base36(point - last))
            last = point
        yield ".".join(base36(ord(char)) for char in target) + ":" + " ".join(numbers)


def is_plain(char: str) -> bool:
    """Return whether a character can remain after NFKC and NFD, the only forms that are looked up."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFKC", char)) == char


def base36(number: int) -> str:
    digits = ""
    while True:
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
        if not number:
            return digits


def emit(name: str, groups: Iterable[str]) -> None:
    print(f"{name} = (")
    text = ";".join(groups)
    room = WIDTH - len('    ""')
    while text:
        cut = len(text) if len(text) <= room else max(text.rfind(" ", 0, room), text.rfind(";", 0, room)) + 1
        print(f'    "{text[:cut]}"')
        text = text[cut:]
    print(")")


if __name__ == "__main__":
    main()
