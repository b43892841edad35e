r"""Makes text of other users safe for a terminal or a log.

Invariants:

- [escape-sequences] Terminal control sequences (ECMA-48: CSI, OSC, DCS, SOS, PM, APC and plain escapes, in 7-bit and
  8-bit form) are removed completely, terminated or not. A control string (OSC and others) ends at the latest before the
  next control character, so that it never takes a following line with it.
- [irc-codes] IRC formatting codes are removed with their parameters (modern.ircdocs.horse/formatting): bold, italics,
  underline, strike, monospace, reverse, reset, colour and hex colour.
- [one-line] TAB, VT, FF, and every line ending (CR LF as one, LF, CR, NEL, U+2028, U+2029) become one space. Every
  other control character (C0, DEL, C1) is removed.
- [invisible] Directional controls (U+061C, U+200E/F, U+202A-E, U+2066-9) are removed, and so are invisible characters:
  zero-width and other default-ignorable ones, tags, annotation marks, and blank fillers.
- [kept-joiners] Exceptions that stay: a variation selector after a symbol or a Han character; a joiner (U+200D) between
  two emoji; the tags of a flag (after U+1F3F4, with their end); U+FE0F in a keycap; and one joiner or non-joiner
  between two characters of the Asian scripts that spell with them (Arabic to Myanmar, Khmer, Mongolian, Balinese to
  Vedic).
- [surrogates] A lone surrogate becomes U+FFFD: it cannot be encoded, and would raise in a log line.

Time is linear in the text: every pattern only moves forward. Text without any of these is returned unchanged.
"""

from __future__ import annotations

import json
import re
from functools import cache

# [escape-sequences], [irc-codes], [one-line] and [surrogates]. Alternatives that match more text come first.
_STRING_END = r"(?:\x07|\x1b\\|\x9c)?"
_CONTROLS = (
    r"(?P<space>\r\n|[\t-\r\x85\u2028\u2029])"
    r"|(?P<half>[\ud800-\udfff])"
    r"|\x03(?:[0-9]{1,2}(?:,[0-9]{1,2})?)?"
    r"|\x04(?:[0-9A-Fa-f]{6}(?:,[0-9A-Fa-f]{6})?)?"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x00-\x1f\x7f-\x9f]*" + _STRING_END + r"|\x1b[ -/]*[0-~]?"
    r"|[\x00-\x1f\x7f-\x9f]"
)

# [invisible], [kept-joiners]: invisible characters, as the inside of a character class.
_INVISIBLE = (
    r"\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    r"\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_SYMBOL = r"\xa9\xae\u203c\u2049\u2100-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
_SKIN = r"\U0001f3fb-\U0001f3ff"
_HAN = r"\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# The blocks from Arabic to Myanmar, Khmer and Mongolian, Balinese to Vedic Extensions, and the later Indic ones.
_JOINING = (
    r"\u0620-\u109f\u1780-\u17b3\u17b6-\u180a\u1810-\u18af\u1b00-\u1cff\ua840-\ua8ff\ua980-\uaaff\uabc0-\uabff"
    r"\U00011000-\U00011fff"
)
_EMOJI = rf"[{_SYMBOL}][\ufe00-\ufe0f]?[{_SKIN}]?"
_INVISIBLES = (
    r"(?P<kept>"
    r"\U0001f3f4[\U000e0020-\U000e007e]{1,8}\U000e007f"
    rf"|{_EMOJI}(?:\u200d{_EMOJI})+"
    rf"|[{_SYMBOL}{_HAN}][\ufe00-\ufe0f\U000e0100-\U000e01ef]"
    r"|[#*0-9]\ufe0f(?=\u20e3)"
    rf"|(?<=[{_JOINING}])[\u200c\u200d](?=[{_JOINING}])"
    rf")|[{_INVISIBLE}]+"
)

_SPECIAL = rf"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff{_INVISIBLE}]"
# The blocks of Hebrew to Arabic Extended-A, the presentation forms, and the right-to-left parts of plane 1.
_RIGHT_TO_LEFT = r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe\U00010800-\U00010fff\U0001e800-\U0001efff]"
_ISOLATE = "\u2068"
_END_ISOLATE = "\u2069"


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compiled when first needed: all four take 3 ms, and most commands only ever clean plain ASCII."""
    return re.compile(pattern)


def clean(text: str) -> str:
    """`text` without anything that could steer a terminal, hide, or break a line. Cleaning twice is no more."""
    if text.isascii() and text.isprintable():
        return text
    if not _compiled(_SPECIAL).search(text):
        return text
    return _compiled(_INVISIBLES).sub(_kept, _compiled(_CONTROLS).sub(_replacement, text))


def _replacement(match: re.Match[str]) -> str:
    match match.lastgroup:
        case "space":
            return " "
        case "half":
            return "\ufffd"
        case _:
            return ""


def _kept(match: re.Match[str]) -> str:
    return match["kept"] or ""


def isolate(text: str) -> str:
    """`clean(text)`, and if it is written from right to left in part, between U+2068 and U+2069 (UAX 9 section 2.4).

    So a message in Hebrew or Arabic cannot move the rest of its line: the time, the name, what stands behind it. The
    result holds these two characters, and so it is for a terminal at last: cleaning it again takes them out.
    """
    cleaned = clean(text)
    if cleaned.isascii():
        return cleaned
    return f"{_ISOLATE}{cleaned}{_END_ISOLATE}" if _compiled(_RIGHT_TO_LEFT).search(cleaned) else cleaned


def escaped(text: str) -> str:
    """Return equivalent JSON that cannot act on a terminal: unprintable characters are escaped."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)
