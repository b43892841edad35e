"""What a word is, for searching: of a message, and of what somebody looks for.

The rules of this file:

1. Case, width and form do not count (NFKD, casefold, NFC), nor do marks that people leave out: the accents of Latin
   and Greek, ё, Hebrew points, Arabic vowel signs. Marks that make another letter do count: й, が, Devanagari vowels.
2. A **word** is a run of letters, digits and marks. Everything else parts words. A symbol outside ASCII (an emoji) is
   a word of its own.
3. Scripts that do not part words with spaces (Chinese, Japanese, Korean particles, Thai, Lao, Khmer, Burmese) give
   **runs**; any piece of a run is found, from one character on.
4. A text's **canonical** form is its words and runs, joined by single spaces, a space at both ends. A term is found in
   it as plain text: a word with spaces around it, a run's piece without. That alone decides whether a message matches.
5. Terms are divided by spaces; what stands in double quotes is one term, as is ``rock'n'roll``: its words in a row. A
   quote that nobody closed ends with the text. A message matches when it holds all terms, in any order.
6. For the index a text is a list of **tokens**: its words, and of a run every two neighbours, then, at the end, every
   single character. What is asked of the index (:meth:`Terms.expression`) is never narrower than rule 4, and only
   quoted strings of tokens are in it: nothing that a user types is read as the index's own language.
7. What IRC adds to a text does not count: colours and the like, and the ``ACTION`` of ``/me``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

PLACE = "\ue000"
SOURCE = "\ue001"
"""Private-use characters, which rule 2 keeps out of words: tokens with them are ours."""

MOST_TERMS = 64  # that the index is asked for; rule 4 decides about the rest

_RUNS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao; Burmese; Khmer
    "\u1100-\u11ff\ua960-\ua97f\uac00-\ud7ff"  # Hangul
    "\u3005-\u3007\u3021-\u3029\u3038-\u303c\u3041-\u3096\u3099-\u309f\u30a1-\u30fa\u30fc-\u30ff"  # Japanese
    "\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Bopomofo, Han
    "\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
_RUN = re.compile(f"[{_RUNS}]+")
_LEFT_OUT = re.compile(
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]+"
)
_SHORT_I = re.compile("и\u0306")
_ACTION = re.compile(r"\A\x01ACTION ")
_FORMATTING = re.compile(r"\x03(?:\d{1,2}(?:,\d{1,2})?)?|\x04(?:[0-9A-Fa-f]{6})?|[\x02\x0f\x11\x16\x1d\x1e\x1f]")
_ASCII_GAP = re.compile("[^a-z0-9]+")


class _Classes(dict[int, str]):
    """Rule 2, a character at a time; remembers what it has seen."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        category = unicodedata.category(char)
        if category[0] in "LNM":
            becomes = char
        elif category[0] == "S" and code > 0x7F:
            becomes = f" {char} "
        elif category == "Cf" and code != 0x200B:  # a soft hyphen, a joiner: inside a word it is nothing
            becomes = ""
        else:
            becomes = " "
        self[code] = becomes
        return becomes


_classes = _Classes()


def canonical(text: str) -> str:
    """A text's canonical form (rule 4); one space where it has no words."""
    if not text.isprintable():
        text = _FORMATTING.sub("", _ACTION.sub("", text))
    if text.isascii():
        return _ASCII_GAP.sub(" ", f" {text.lower()} ")
    folded = _SHORT_I.sub("й", unicodedata.normalize("NFKD", text).casefold())
    folded = unicodedata.normalize("NFC", _LEFT_OUT.sub("", folded)).translate(_classes)
    words = " ".join(_RUN.sub(r" \g<0> ", folded).split())
    return f" {words} " if words else " "


def _is_run(word: str) -> bool:
    return _RUN.match(word) is not None


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)] if len(run) > 1 else [run]


def tokens(text: str) -> str:
    """A message's tokens (rule 6), with spaces between. The index cuts ASCII into words, and folds it, by itself."""
    if text.isascii() and text.isprintable():
        return text
    found: list[str] = []
    singles: list[str] = []
    for word in canonical(text).split():
        if _is_run(word):
            found += _pairs(word)
            if len(word) > 1:
                singles += word
        else:
            found.append(word)
    return " ".join(found + singles)


def place_token(place: int) -> str:
    """The token that every message of a place has."""
    return f"{PLACE}{place}"


def source_token(nick: str) -> str:
    """The token that every message of somebody has; `nick` is folded. Hexadecimal: a nick may hold what parts words."""
    return f"{SOURCE}{nick.encode('utf-8', 'backslashreplace').hex()}"


@dataclass(frozen=True, slots=True)
class Terms:
    """What somebody looks for: `needles` to be found in canonical texts, `phrases` of tokens for the index."""

    needles: tuple[str, ...]
    phrases: tuple[str, ...]

    def match(self, text: str) -> bool:
        """Whether a message's text holds all terms (rule 4)."""
        if not self.needles:
            return True
        inside = canonical(text)
        return all(needle in inside for needle in self.needles)

    @property
    def plain(self) -> str:
        """What a text of printable ASCII must hold, but for case, if it is to match: the longest word, or one that no
        such text holds. ``""`` where nothing is looked for."""
        found = [word for needle in self.needles for word in needle.split()]
        return max(found, key=lambda word: (not word.isascii(), len(word)), default="")[:64]

    def expression(self, places: Iterable[int] = (), nick: str = "") -> str:
        """The same for the index, in FTS5's language, limited to places and a folded nick; ``""`` for no limit."""
        parts = [f'"{phrase}"' for phrase in self.phrases[:MOST_TERMS]]
        if nick:
            parts.append(f'"{source_token(nick)}"')
        if where := " OR ".join(f'"{place_token(place)}"' for place in places):
            parts.append(f"({where})")
        return " AND ".join(parts)


def parse(asked: str) -> Terms | None:
    """What is looked for. None where something was typed that has no word in it; no terms where nothing was."""
    needles: dict[str, None] = {}
    phrases: dict[str, None] = {}
    for number, part in enumerate(_FORMATTING.sub("", asked).split('"')):
        for term in [part] if number % 2 else part.split():
            if words := canonical(term).split():
                start = "" if _is_run(words[0]) else " "
                end = "" if _is_run(words[-1]) else " "
                needles[start + " ".join(words) + end] = None
                phrases.update(dict.fromkeys(_phrases(words)))
    return Terms(tuple(needles), tuple(phrases)) if needles or not asked.strip() else None


def _phrases(words: list[str]) -> list[str]:
    """The phrases of tokens in every message that holds `words` in a row.

    A single character at an end may be a piece of a longer run, whose pairs the index knows in its place: it is asked
    for apart.
    """
    found = []
    for at in (0, -1):
        if len(words) > 1 and len(words[at]) == 1 and _is_run(words[at]):
            found.append(words[at])
            words = words[1:] if at == 0 else words[:-1]
    return [*found, " ".join(token for word in words for token in (_pairs(word) if _is_run(word) else [word]))]
