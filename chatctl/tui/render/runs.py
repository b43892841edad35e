r"""The text of a message as runs of plain text with attributes.

Invariants:

- [irc-format] IRC formatting (modern.ircdocs.horse/formatting): bold, italic, underline, strike, monospace, reverse,
  colours.
- [markdown] Simple Markdown, if it cannot mean anything else: ``**bold**``, ``*italic*``, ``_italic_``, ``~~gone~~``,
  `` `code` ``. The marks are at the edges of words, and are removed. Inside code and links there is no markup.
- [honest-links] Links are http and https only, and shown as they are: the visible text is the target. Punctuation at
  the end is not part of a link, nor is a closing bracket without its opening one in the link.
- [clean-output] Every run is clean (:mod:`chatctl.protocol.clean`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from chatctl.protocol.clean import clean


@dataclass(frozen=True, slots=True)
class RunStyle:
    """The style of a run. `colour`: one of IRC's first sixteen."""

    bold: bool = False
    italic: bool = False
    underline: bool = False
    strike: bool = False
    code: bool = False
    reverse: bool = False
    colour: int | None = None
    link: str = ""
    mention: bool = False


PLAIN = RunStyle()
Run = tuple[str, RunStyle]

_TOGGLES = {"\x02": "bold", "\x1d": "italic", "\x1f": "underline", "\x1e": "strike", "\x11": "code", "\x16": "reverse"}
_CODES = re.compile(
    r"([\x02\x1d\x1f\x1e\x11\x16\x0f]|\x03(?:([0-9]{1,2})(?:,[0-9]{1,2})?)?|\x04(?:[0-9A-Fa-f]{6}(?:,[0-9A-Fa-f]{6})?)?)"
)
_LINK = re.compile(r"https?://[^\s<>\"'`\x00-\x20\x7f。、，！？「」『』]+", re.IGNORECASE)
_TRAILING = ".,;:!?'\"…．；：’”»›"
_BRACKETS = dict(zip(")]}）］｝】》〉〕", "([{（［｛【《〈〔", strict=True))
_MARKS = re.compile(
    r"(?<![\w*`])\*\*(?=\S)(?P<bold>[^*\n]+?)(?<=\S)\*\*(?![\w*])"
    r"|(?<![\w*])\*(?=[^\s*])(?P<italic>[^*\n]+?)(?<=\S)\*(?![\w*])"
    r"|(?<![\w_])_(?=[^\s_])(?P<italic2>[^_\n]+?)(?<=\S)_(?![\w_])"
    r"|(?<![\w~])~~(?=\S)(?P<strike>[^~\n]+?)(?<=\S)~~(?![\w~])"
    r"|(?<!`)`(?P<code>[^`\n]+)`(?!`)"
)
_NAMES = {"bold": "bold", "italic": "italic", "italic2": "italic", "strike": "strike", "code": "code"}
_MARKERS = frozenset("*_~`")


def runs(text: str, mention: re.Pattern[str] | None = None) -> list[Run]:
    """Return a line of text as runs; matches of `mention` are marked."""
    found: list[Run] = []
    for part, look in _coded(text):
        for run in _linked(part, look):
            found += _mentioned(run, mention)
    return found


def _coded(text: str) -> list[Run]:
    """Return the runs of a text with IRC formatting ([irc-format])."""
    found: list[Run] = []
    if text.isprintable():  # it holds no codes, but perhaps characters that cannot be seen, such as U+FE00
        _add(found, text, PLAIN)
        return found
    look = PLAIN
    at = 0
    for match in _CODES.finditer(text):
        _add(found, text[at : match.start()], look)
        at = match.end()
        code = match[0][0]
        if code == "\x0f":
            look = PLAIN
        elif code == "\x03":
            number = int(match[2]) if match[2] else None
            look = replace(look, colour=number if number is not None and number < 16 else None)
        elif code == "\x04":
            look = replace(look, colour=None)
        else:
            name = _TOGGLES[code]
            look = _with(look, name, not getattr(look, name))
    _add(found, text[at:], look)
    return found


def _with(look: RunStyle, name: str, value: bool) -> RunStyle:
    changed: dict[str, Any] = {name: value}
    return replace(look, **changed)


def _add(found: list[Run], text: str, look: RunStyle) -> None:
    safe = clean(text)
    if safe:
        found.append((safe, look))


def _linked(text: str, look: RunStyle) -> list[Run]:
    """Apply [honest-links], and Markdown in between."""
    if "://" not in text:
        return _marked(text, look)
    found: list[Run] = []
    at = 0
    for match in _LINK.finditer(text):
        link = _without_end(match[0])
        found += _marked(text[at : match.start()], look)
        found.append((link, replace(look, link=link, underline=True)))
        at = match.start() + len(link)
    return found + _marked(text[at:], look)


def _without_end(link: str) -> str:
    """Take off the punctuation that follows a link; brackets that the link itself opens stay."""
    end = len(link)
    while end:
        opening = _BRACKETS.get(link[end - 1])
        closes_own = opening is not None and link.count(opening, 0, end) >= link.count(link[end - 1], 0, end)
        if closes_own or (opening is None and link[end - 1] not in _TRAILING):
            break
        end -= 1
    return link[:end]


def _marked(text: str, look: RunStyle) -> list[Run]:
    """Return the runs of a text with simple Markdown ([markdown])."""
    if look.code or not _MARKERS.intersection(text):
        return [(text, look)] if text else []
    found: list[Run] = []
    at = 0
    for match in _MARKS.finditer(text):
        if match.start() > at:
            found.append((text[at : match.start()], look))
        group = match.lastgroup or "code"
        inner = _with(look, _NAMES[group], True)
        found += [(match[group], inner)] if group == "code" else _marked(match[group], inner)
        at = match.end()
    if at < len(text):
        found.append((text[at:], look))
    return found


def _mentioned(run: Run, mention: re.Pattern[str] | None) -> list[Run]:
    text, look = run
    if mention is None or look.link:
        return [run]
    found: list[Run] = []
    at = 0
    for match in mention.finditer(text):
        if match.start() > at:
            found.append((text[at : match.start()], look))
        found.append((match[0], replace(look, mention=True)))
        at = match.end()
    if at < len(text):
        found.append((text[at:], look))
    return found
