"""Words, for searching: of messages and of queries.

Invariants:

- [folding] Case, width and form do not matter (NFKD, casefold, NFC), nor do optional marks: the accents of Latin and
  Greek, ё, Hebrew points, Arabic vowel signs. Marks that make another letter do: й, が, Devanagari vowels.
- [words] A word is a run of letters, digits and marks. Other characters separate words. A symbol outside ASCII (an
  emoji) is a word of its own.
- [runs] Scripts without spaces between words (Chinese, Japanese, Korean particles, Thai, Lao, Khmer, Burmese) give
  runs; every substring of a run is found, from one character on.
- [terms] A text's canonical form is its words and runs, joined by single spaces, with a space at both ends. A term is
  found in it as plain text: a word with spaces around it, a part of a run without. This alone decides on a match.
- [query] Terms are separated by spaces; double quotes make one term, as in ``rock'n'roll``: its words in a row. An
  unclosed quote ends with the text. A message matches if it has all terms, in any order.
- [tokens] For the index a text is a list of tokens: its words, every two neighbours of a run, then, at the end, every
  single character. The query to the index (:meth:`SearchTerms.expression`) is never narrower than [terms], and has
  quoted strings of tokens only: no input is interpreted as FTS5 syntax.
- [irc-codes] IRC's additions to a text are ignored: colours and the like, and the ``ACTION`` of ``/me``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

PLACE = "\ue000"
SOURCE = "\ue001"
"""Private-use characters, which [words] excludes from words: tokens with them are ours."""

MAX_INDEX_TERMS = 64  # for the index; [terms] decides about the rest

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
    """The replacement of each character, computed when it is first needed ([words])."""

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
    """Return a text's canonical form ([terms]); one space if it has no words."""
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
    """Return a message's tokens ([tokens]), separated by spaces. The index splits and folds ASCII by itself."""
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
    """Return the token that every message of a place has."""
    return f"{PLACE}{place}"


def source_token(nick: str) -> str:
    """Return the token of all messages of a sender; `nick` is folded. Hexadecimal: nicks may hold separators."""
    return f"{SOURCE}{nick.encode('utf-8', 'backslashreplace').hex()}"


@dataclass(frozen=True, slots=True)
class SearchTerms:
    """A parsed query: `needles` to find in canonical texts, `phrases` of tokens for the index."""

    needles: tuple[str, ...]
    phrases: tuple[str, ...]

    def match(self, text: str) -> bool:
        """Return whether a message's text has all terms ([terms])."""
        if not self.needles:
            return True
        inside = canonical(text)
        return all(needle in inside for needle in self.needles)

    @property
    def plain(self) -> str:
        """Return what printable ASCII text must contain, ignoring case, to match: the longest word, or one that no such
        text has. ``""`` if there are no terms."""
        found = [word for needle in self.needles for word in needle.split()]
        return max(found, key=lambda word: (not word.isascii(), len(word)), default="")[:64]

    def expression(self, places: Iterable[int] = (), nick: str = "") -> str:
        """Return the query for the index, in FTS5's language, limited to places and a folded nick; ``""`` for no
        limit."""
        parts = [f'"{phrase}"' for phrase in self.phrases[:MAX_INDEX_TERMS]]
        if nick:
            parts.append(f'"{source_token(nick)}"')
        if where := " OR ".join(f'"{place_token(place)}"' for place in places):
            parts.append(f"({where})")
        return " AND ".join(parts)


def parse(asked: str) -> SearchTerms | None:
    """Parse a query. None if it has input but no words; no terms if it is empty."""
    needles: dict[str, None] = {}
    phrases: dict[str, None] = {}
    for number, part in enumerate(_FORMATTING.sub("", asked).split('"')):
        for term in [part] if number % 2 else part.split():
            if words := canonical(term).split():
                start = "" if _is_run(words[0]) else " "
                end = "" if _is_run(words[-1]) else " "
                needles[start + " ".join(words) + end] = None
                phrases.update(dict.fromkeys(_phrases(words)))
    return SearchTerms(tuple(needles), tuple(phrases)) if needles or not asked.strip() else None


def _phrases(words: list[str]) -> list[str]:
    """Return the phrases of tokens in every message that holds `words` in a row.

    A single character at an end may be a piece of a longer run, whose pairs the index knows in its place: it is asked
    for apart.
    """
    found = []
    for at in (0, -1):
        if len(words) > 1 and len(words[at]) == 1 and _is_run(words[at]):
            found.append(words[at])
            words = words[1:] if at == 0 else words[:-1]
    return [*found, " ".join(token for word in words for token in (_pairs(word) if _is_run(word) else [word]))]
