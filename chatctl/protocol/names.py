r"""Names of users (nicks, on the wire) and rooms (channels): which are valid, which are equal, which look alike.

Invariants:

- [characters] A name has 1 to 32 characters: letters and digits of any script, marks that belong to letters, and ``_ -
  [ ] \ ` ^ { } |`` (those of modern.ircdocs.horse, "Clients", and the letters of the world). No spaces, no control or
  invisible characters, and none that Unicode 14.0 does not assign ([frozen-unicode] in characters.py).
- [first-character] It starts with neither a digit nor ``-`` (IRC's rule) nor a mark. At most 4 marks are in a row (UTS
  39 section 5.4).
- [scripts] Its scripts (UAX 24; Common and Inherited do not count) are one; or within Latin, Han, Hiragana and
  Katakana; within Latin, Han and Bopomofo; within Latin, Han and Hangul (UTS 39 section 5.2, "highly restrictive"). Its
  digits are of one kind (section 5.3).
- [folded-valid] Its folded form obeys these rules too: a full-width ``!`` counts as ``!``, and ``ß`` as two characters.
- [same-name] Two names are equal if `fold` makes them equal: NFKD, casefold, NFKC, casefold, NFKC (Unicode section
  3.13, D147, composed, and from the compatible form on, so that U+0345 U+FF9E has one fold). No character is ignored:
  those that Unicode would ignore are not valid. For ASCII this maps A-Z to a-z and nothing more, as
  ``CASEMAPPING=ascii`` says: ``{`` is not ``[``.
- [unassigned] Text with a character that Unicode 14.0 does not assign is not a name: only A-Z are folded in it.
- [room-names] A room's name is ``#`` and at least one more character, at most 64 bytes of UTF-8: letters, marks,
  digits, symbols and punctuation of any kind and mixture, emoji too; but no comma (modern.ircdocs.horse, "Channels"),
  no space, and nothing else that [characters] excludes; at most 4 marks in a row. Its folded form has no space and no
  comma either.
- [emoji-joiners] Within emoji a room's name may have U+FE0F (after a symbol) and U+200D (between symbols), as keyboards
  write them. They do not count: `room_fold` drops them.
- [too-alike] Two names look alike if they are not equal, not both ASCII, and their skeletons are equal. The skeleton is
  made from the displayed name: NFKC, NFD, then every character becomes its confusable (UTS 39 section 4) without its
  case, and ``i``, ``l``, ``1`` and ``|`` are one. A dot above ``i`` or ``j`` is dropped, and so is a repeated mark
  (section 5.4). So Cyrillic ``НАТ`` is like ``hat``, which may be shown as ``HAT``; but ``нат`` is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import count
from unicodedata import decimal, normalize

from chatctl.protocol.characters import CharacterKind, all_known, describe, prototypes, shown

# Characters. Others announce 9 to 31; a name must fit in a prefix, and 32 letters of 4 bytes leave most of a line.
MAX_NAME_CHARACTERS = 32
# Bytes of UTF-8, with the '#'. The common limit (CHANNELLEN) of today's networks.
MAX_ROOM_BYTES = 64

_SPECIALS = r"_-[]\`^{}|"
_FIRST_CHARACTERS = r"a letter or one of _[]\`^{}|"
_PLAIN_NAME = re.compile(r"[A-Za-z_\[\]\\`^{}|][-A-Za-z0-9_\[\]\\`^{}|]{0,31}")
_PLAIN_CHARACTER = re.compile(r"[-A-Za-z0-9_\[\]\\`^{}|]")
_PLAIN_ROOM = re.compile(r"#[!-+\--~]{1,63}")
_MAX_MARKS = 4
_SCRIPT_COMBINATIONS = (
    frozenset({"Latin", "Han", "Hiragana", "Katakana"}),
    frozenset({"Latin", "Han", "Bopomofo"}),
    frozenset({"Latin", "Han", "Hangul"}),
)
_NEUTRAL_SCRIPTS = frozenset({"", "Common", "Inherited"})
_NAME_KINDS = frozenset({CharacterKind.LETTER, CharacterKind.MARK, CharacterKind.DIGIT})
_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_INVISIBLE_MARK = re.compile(r"(?<=[lj])\u0307|([\u0300-\u036f])(?=\1)")  # of a skeleton, in which i is l
_EMOJI_STYLE = "\ufe0f"
_JOINER = "\u200d"


def fold(text: str) -> str:
    """Return the key of a name: equal for all spellings ([same-name]). Accepts any text."""
    return text.lower() if text.isascii() else _fold(text)


@lru_cache(maxsize=2048)
def _fold(text: str) -> str:
    if not all_known(text):
        return text.translate(_ASCII_LOWER)
    return normalize("NFKC", normalize("NFKC", normalize("NFKD", text).casefold()).casefold())


def problem(name: str) -> str | None:
    """Return None if `name` is valid, else why not: the end of a sentence, "That name cannot be used: ".

    The text is safe to print: of the name's own characters it has only visible ones.
    """
    if _PLAIN_NAME.fullmatch(name):
        return None
    if not name:
        return "it is empty"
    found = _too_long(name) or _name_problem(name)
    if found is None and not name.isascii():
        folded = fold(name)
        found = _too_long(folded) or _name_problem(folded)
        if found is not None:
            found = f"in its plain form (small letters, NFKC) {found}"
    return found


def _too_long(name: str) -> str | None:
    return f"it is longer than {MAX_NAME_CHARACTERS} characters" if len(name) > MAX_NAME_CHARACTERS else None


def _name_problem(name: str) -> str | None:
    """Check a form of a name, whose length is valid: [characters], [first-character] and [scripts]."""
    for char in name:
        if not _PLAIN_CHARACTER.match(char):
            kind = describe(char)[0]
            if kind not in _NAME_KINDS:
                return _character_problem(char, kind) + (
                    f": allowed are letters, digits and {_SPECIALS}" * (kind is CharacterKind.SYMBOL)
                )
    first = describe(name[0])[0]
    if first is CharacterKind.DIGIT or name[0] == "-":
        return f"a name starts with {_FIRST_CHARACTERS}, not with a digit or '-'"
    if first is CharacterKind.MARK:
        return f"a name starts with {_FIRST_CHARACTERS}, not with a mark that belongs on one ({shown(name[0])})"
    return _too_many_marks(name) or _mixed_scripts(name)


def _character_problem(char: str, kind: CharacterKind) -> str:
    match kind:
        case CharacterKind.SPACE:
            return "it contains a space" if char == " " else f"it contains a kind of space ({shown(char)})"
        case CharacterKind.CONTROL:
            return f"it contains a control character ({shown(char)})"
        case CharacterKind.INVISIBLE:
            return f"it contains an invisible character ({shown(char)})"
        case CharacterKind.UNKNOWN:
            return f"it contains a character that Unicode 14 does not know ({shown(char)})"
        case _:
            return f"it contains {shown(char)}"


def _too_many_marks(text: str) -> str | None:
    run = 0
    for char in text:
        run = run + 1 if describe(char)[0] is CharacterKind.MARK else 0
        if run > _MAX_MARKS:
            return f"it has more than {_MAX_MARKS} marks on one letter"
    return None


def _mixed_scripts(name: str) -> str | None:
    """Return the problem if `name` mixes scripts or digits that do not belong together ([scripts])."""
    # A dict, not a set: the sentence names the scripts in the order of the name.
    scripts = {script: None for char in name if (script := describe(char)[1]) not in _NEUTRAL_SCRIPTS}
    if len(scripts) > 1 and not any(scripts.keys() <= together for together in _SCRIPT_COMBINATIONS):
        *others, last = scripts
        return f"it mixes {', '.join(others)} and {last} letters"
    zeros = {ord(char) - decimal(char) for char in name if describe(char)[0] is CharacterKind.DIGIT}
    return "it mixes digits of different scripts" if len(zeros) > 1 else None


def skeleton(name: str) -> str:
    """Return the skeleton of a name ([too-alike]): a key for an index, never to be shown.

    A server with a dict of skeleton -> names can tell at once whether a new name looks like another: look up its
    skeleton, and call `too_alike` for the names there. The skeleton depends on the displayed spelling, so a change of
    case changes the key.
    """
    if name.isascii():
        return name.lower().translate(_ASCII_PROTOTYPES)
    return _skeleton(name)


# The generated table's part for ASCII, so that plain names need not decode it.
_ASCII_PROTOTYPES = str.maketrans({"0": "o", "1": "l", "i": "l", "|": "l", "m": "rn", "`": "'"})


@lru_cache(maxsize=2048)
def _skeleton(name: str) -> str:
    if not all_known(name):
        return fold(name)
    drawn = normalize("NFD", normalize("NFKC", name)).translate(prototypes())
    return _INVISIBLE_MARK.sub("", normalize("NFD", drawn.casefold()))


def too_alike(a: str, b: str) -> bool:
    """Return whether users could mistake `a` for `b` although they are different names ([too-alike])."""
    if a.isascii() and b.isascii():
        return False
    return skeleton(a) == skeleton(b) and fold(a) != fold(b)


def room_problem(room: str) -> str | None:
    """Return None if `room` is valid ([room-names], [emoji-joiners]), else why not, as `problem` does."""
    if _PLAIN_ROOM.fullmatch(room):
        return None
    if not room.startswith("#"):
        return "a room's name starts with '#'"
    if len(room) == 1:
        return "a room's name has at least one more character after the '#'"
    if len(room.encode("utf-8", "replace")) > MAX_ROOM_BYTES:
        return f"it is longer than {MAX_ROOM_BYTES} bytes"
    found = next((found for i in range(len(room)) if (found := _room_character_problem(room, i))), None)
    if found is None:
        # Only symbols that stand for several characters still hide something here.
        plain = room_fold(room)
        if " " in plain or "," in plain:
            return f"in its plain form (small letters, NFKC) it contains a {'space' if ' ' in plain else 'comma'}"
    return found or _too_many_marks(room)


def _room_character_problem(room: str, i: int) -> str | None:
    char = room[i]
    if char == ",":
        return "it contains a comma, which parts one room from the next"
    kind = describe(char)[0]
    if (
        kind in _NAME_KINDS
        or kind is CharacterKind.SYMBOL
        or (kind is CharacterKind.INVISIBLE and _glues_emoji(room, i))
    ):
        return None
    return _character_problem(char, kind)


def _glues_emoji(room: str, i: int) -> bool:
    """Return whether an invisible character joins emoji ([emoji-joiners]).

    All characters before `i` are valid, so a U+FE0F there follows a symbol.
    """
    before, after = room[i - 1], room[i + 1 : i + 2]
    match room[i]:
        case "\ufe0f":
            return _is_emoji(before)
        case "\u200d":
            return (before == _EMOJI_STYLE or _is_emoji(before)) and _is_emoji(after)
        case _:
            return False


def _is_emoji(char: str) -> bool:
    # Most symbols are not emoji; this only ensures that no joiner hides between letters or at an end.
    return char > "\x7f" and describe(char)[0] is CharacterKind.SYMBOL


def room_fold(room: str) -> str:
    """Return the key of a room's name: as `fold`, without joiners of emoji ([emoji-joiners])."""
    if room.isascii():
        return room.lower()
    return fold(room.replace(_EMOJI_STYLE, "").replace(_JOINER, ""))


# So that input of unknown clients is cheap to repair, however long it is.
_MAX_READ_CHARACTERS = 2 * MAX_NAME_CHARACTERS


def alternatives(name: str) -> Iterator[str]:
    """Yield valid names near a taken or invalid one, without end, always in the same order.

    For an invalid name the first is its valid part, or "guest". Then come ``name_``, ``name2``, ``name3``, ...; a
    number at the end counts on. All are different, and none is `name`.
    """
    seen = {fold(name[:_MAX_READ_CHARACTERS])}
    for candidate in _candidates(name):
        key = fold(candidate)
        if key not in seen:
            seen.add(key)
            yield candidate


_COUNTED = re.compile(r"(.*[^0-9])([1-9][0-9]{0,3})", re.DOTALL)


def _candidates(name: str) -> Iterator[str]:
    base = name
    if problem(name) is not None:
        base = _usable(name)
        yield base or "guest"
    if base:
        yield _fitted(base, "_")
    base = base or "guest"
    number = 2
    if counted := _COUNTED.fullmatch(base):
        base, number = counted[1], int(counted[2]) + 1
    for suffix in count(number):
        yield _fitted(base, str(suffix))


def _fitted(base: str, suffix: str) -> str:
    """`base` with `suffix`, cut as far as the rules need: for length, or where its digits are of another script."""
    while problem(base + suffix) is not None:
        base = base[:-1]
    return base + suffix


def _usable(name: str) -> str:
    """Return the valid part of an invalid name, or "": every character that may follow those kept before it."""
    kept = ""
    for char in "_".join(name[:_MAX_READ_CHARACTERS].split()):
        if problem(kept + char) is None:
            kept += char
        elif not kept and describe(char)[0] is CharacterKind.DIGIT:
            kept = "_" + char
    return kept if any(describe(char)[0] in _NAME_KINDS for char in kept) else ""
