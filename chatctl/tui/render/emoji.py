"""Emoji sequences: drawn as one only if the terminal is known to do so.

Invariants:

- [parts-first] Terminals disagree how many columns a joined emoji takes, one with a skin tone, or one made of a letter
  by U+FE0F (tmux 3.3 takes 4 for U+1F44D U+1F3FD and 1 for U+2764 U+FE0F, Unicode and others 2), which would shift the
  rest of the row. So they are drawn in parts of undisputed width.
- [probed] A terminal shows its behaviour when asked: PROBE is drawn, and the cursor position report (CPR) tells. Until
  then, and without an answer, [parts-first] holds.
- [meaning] The parts keep the meaning: a family is its members, one after the other. Skin tones, U+FE0E and U+FE0F are
  dropped; a lone letter of a flag is that letter.
"""

from __future__ import annotations

import re
import unicodedata

from rich.cells import cell_len
from wcwidth import wcswidth

from chatctl.client.session.message_split import cluster_ends

_PROBE = "\U0001f469\U0001f3fd\u200d\U0001f680\u2764\ufe0f1\ufe0f\u20e3\U0001f44d\U0001f3fd"
PROBE_WIDTH = 8
PROBE = f"\x1b7\x1b[1;1H{_PROBE}\x1b[6n\x1b[1;1H\x1b[2K\x1b8"

JOINED = re.compile("[\u200d\ufe0f\U0001f3fb-\U0001f3ff]")
"""Joiners of emoji: kept only for terminals that are known to join."""

_PARTS = re.compile("[\u200d\ufe0e\ufe0f\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff]")
_TONES = range(0x1F3FB, 0x1F400)
_FLAG_NUMBERS = range(0x1F1E6, 0x1F200)
FLAG_LETTERS = frozenset(map(chr, _FLAG_NUMBERS))
_TONE_ALONE = "\U0001f7eb"
"""A brown square."""


class EmojiSupport:
    """The known capabilities of the terminal, of which a process has one."""

    joins = False


TERMINAL = EmojiSupport()


def drawn(text: str) -> str:
    """Return `text` as it is to be drawn ([parts-first], [meaning])."""
    if text.isascii() or not _PARTS.search(text):
        return text
    found, start = [], 0
    for end in cluster_ends(text):
        found.append(_drawn(text[start:end]))
        start = end
    return "".join(found)


def _drawn(cluster: str) -> str:
    if not _PARTS.search(cluster):
        return cluster
    first = ord(cluster[0])
    if first in _TONES:
        return _TONE_ALONE
    if len(cluster) == 2 and first in _FLAG_NUMBERS and ord(cluster[1]) in _FLAG_NUMBERS:
        return cluster
    if TERMINAL.joins and cell_len(cluster) == wcswidth(cluster) and first not in _FLAG_NUMBERS:
        return cluster
    # Some scripts have joiners between letters.
    kinds = [unicodedata.category(character)[0] for character in cluster if character != "\u200d"]
    spells = kinds[:1] == ["L"] and set(kinds) <= {"L", "M"}
    gone = "\ufe0e\ufe0f" if spells else "\ufe0e\ufe0f\u200d"
    return "".join(map(_part, (character for character in cluster if character not in gone)))


def _part(character: str) -> str:
    number = ord(character)
    if number in _FLAG_NUMBERS:
        return chr(ord("A") + number - _FLAG_NUMBERS.start)
    return "" if number in _TONES else character
