"""For any text or name of a server: rows have their stated width, and hold no control sequences
(chatctl/tui/render/rows, widgets)."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console
from textual.geometry import Size
from textual.strip import Strip
from wcwidth import wcwidth

from chatctl.client.client import Member
from chatctl.tui.model.buffers import Buffer, Buffers
from chatctl.tui.model.items import Item
from chatctl.tui.model.mentions import pattern
from chatctl.tui.render import rows as drawing
from chatctl.tui.render.cell_width import bared, kept, text_of, width_of
from chatctl.tui.render.rows import RowContext
from chatctl.tui.render.theme import ink
from chatctl.tui.widgets.header_status import StatusBar, StatusContent, TopicBar
from chatctl.tui.widgets.member_list import CROWD_MEMBERS, MemberList
from chatctl.tui.widgets.search import SearchHits
from chatctl.tui.widgets.sidebar import Sidebar
from tests.tui.view_models import plain_rows

pytestmark = pytest.mark.e2e

NASTY = (
    "\x1b[2J", "\x1b]0;title\x07", "\x1b]8;;http://evil\x1b\\", "\x9b31m", "\x90q\x9c", "\x07", "\x08", "\r", "\t",
    "\x7f", "\x00", "\x03", "\x034,5", "\x02", "\x1d", "\x16", "\x0f", "\x04ff0000", "\u2028", "\x85", "\u202e",
    "\u2066", "\u2068", "\u2069", "\u200f", "\u200b", "\u200d", "\ufeff", "\ufe0f", "\ufe0e", "\u00ad", "\U000e0041",
    "a" * 300, "\u0301" * 40, "e\u0301", "漢字", "한글", "\u1112\u1161\u11ab", "שלום", "سلام", "नमस्ते", "ไทย", "👨‍👩‍👧",
    "👋🏽", "🇩🇪", "🇩", "❤️", "1️⃣", "🏴\U000e0067\U000e0062\U000e007f", "\ud800", "\uffff", "\U0010ffff", "\ufffc",
    "ෘ", "කෘ", "क्षि", "\u0903" * 60, "காளி", "ແລະ\u0eb3", "မြန်မာ", "🫩", "🧑‍🍳", "👍\ufe0e",
    "﷽", "𒐫", "ͤ", "꧅", "\u3164", "\u115f", "**", "*a*", "`", "~~x~~", "_y_", "https://x.y/(a)", "http://", "ann", " ",
    "  ", "\u3000", "\xa0",
)  # fmt: skip
TEXT = st.lists(st.sampled_from(NASTY) | st.text(max_size=4), max_size=12).map("".join)
LINES = st.lists(TEXT, min_size=1, max_size=3).map("\n".join)
WIDTH = st.integers(drawing.MIN_WIDTH, 120)
_ISOLATES = re.compile("[\u2068\u2069]")
_FLAGS = [chr(number) for number in range(0x1F1E6, 0x1F200)]
_CODES = re.compile("\x1b7|\x1b8|\x1b\\[([0-9]+)C|\x1b\\[[0-9;]*m|\x1b\\]8;[^\x1b]*\x1b\\\\|[^\x1b]")
_HOME = re.compile("^\x1b\\[[0-9]+;1H")
CONSOLE = Console(force_terminal=True, color_system="truecolor")
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u061c\u202a-\u202e\u2066\u2067\u2028\u2029]")


def one_for_each(letter: str) -> int:
    """A terminal for which a spacing mark takes a column, as for xterm and tmux, and a flag two."""
    return 1 if unicodedata.category(letter) == "Mc" or letter in _FLAGS else max(0, wcwidth(letter))


def none_for_marks(letter: str) -> int:
    """One for which it takes none, as for kitty."""
    return 0 if unicodedata.category(letter)[0] == "M" else one_for_each(letter)


TERMINALS = (one_for_each, none_for_marks)


def columns(written: str, terminal: Callable[[str], int]) -> tuple[int, int]:
    """Where the cursor is when this was written from the left edge on, and where it was at most."""
    at = saved = most = 0
    for code in _CODES.finditer(written):
        if code[0] == "\x1b7":
            saved = at
        elif code[0] == "\x1b8":
            at = saved
        elif code[1]:
            at += int(code[1])
        elif code[0][0] != "\x1b":
            at += terminal(code[0])
        most = max(most, at)
    return at, most


def is_whole(row: Strip, width: int) -> None:
    """One row of exactly that many columns, of text that steers nothing."""
    text = text_of(row)
    assert row.cell_length == width
    assert not _STEERING.search(text), ascii(text)
    assert text.count("\u2068") == text.count("\u2069")
    assert sum(width_of(_ISOLATES.sub("", segment.text)) for segment in row) == width
    for written in (kept(row).render(CONSOLE), kept(row, width_of).render(CONSOLE)):
        written.encode()
        assert {columns(written, terminal) for terminal in TERMINALS} == {(width, width)}, ascii(written)
    covered = bared(row).render(CONSOLE)
    assert len({columns(covered, terminal) for terminal in TERMINALS}) == 1, "under a dialog all agree"


def are_whole(written: str, width: int, height: int) -> None:
    """A whole screen as written: its only control sequences are ours, and each row ends at the edge."""
    rows = [_HOME.sub("", row) for row in written.split("\n")]
    assert len(rows) == height
    for row in rows:
        row.encode()
        assert not _STEERING.search(_CODES.sub(lambda code: code[0] if code[0][0] != "\x1b" else "", row)), ascii(row)
        for terminal in TERMINALS:
            assert columns(row, terminal)[0] == width, ascii(row)


def around(width: int, known: Item | None) -> RowContext:
    return RowContext(ink("terminal"), width, pattern("ann"), str.lower, lambda _: known)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["said", "action", "notice", "news", "trouble"]), LINES, TEXT, TEXT, TEXT, WIDTH, st.booleans())
@example("said", "﷽" * 9, "﷽", "", "", drawing.MIN_WIDTH, False)
def test_any_message_is_drawn_in_its_width(
    kind: str, text: str, name: str, reaction: str, problem: str, width: int, deleted: bool
) -> None:
    item = Item(kind, time.time(), text, name, id="1", reply="0", mention=True)  # type: ignore[arg-type]
    item.problem = problem
    if reaction:
        item.react(name, reaction, removed=False)
    item.deleted = name if deleted else ""
    known = Item("said", time.time(), text, name, id="0")
    for row in drawing.rows(item, around(width, known)):
        is_whole(row, width)


@settings(deadline=None)
@given(st.lists(st.tuples(TEXT, st.sampled_from(["joined", "left"]), TEXT), min_size=1, max_size=6), WIDTH)
def test_any_join_or_part_is_drawn_in_its_width(moves: list[tuple[str, str, str]], width: int) -> None:
    item = Item("fold", time.time())
    item.moves = moves  # type: ignore[assignment]
    for row in drawing.rows(item, around(width, None)):
        is_whole(row, width)


def test_every_letter_of_a_text_is_on_the_screen() -> None:
    """Breaking rows loses nothing: not a letter, and no more than the spaces it breaks at."""

    @settings(max_examples=200, deadline=None)
    @given(st.text("abc漢字é👋 ", min_size=1, max_size=200), WIDTH)
    def proved(text: str, width: int) -> None:
        drawn = plain_rows(iter(drawing.rows(Item("said", time.time(), text, "bob"), around(width, None))))
        shown = "".join(drawn).partition("[bob]: ")[2] if drawn else ""
        assert shown.replace(" ", "") == text.replace(" ", "")

    proved()


@settings(max_examples=200, deadline=None)
@given(TEXT, TEXT, TEXT, st.lists(TEXT, max_size=5), st.integers(1, 120), st.integers(1, 30))
@example("", "", "", ["漢字"], 4, 1)
def test_any_name_or_topic_is_drawn_in_its_width(
    name: str, topic: str, hint: str, names: list[str], width: int, high: int
) -> None:
    buffer = Buffer(name, is_room=True)
    buffer.topic, buffer.joined, buffer.unread, buffer.mentions = topic, True, 10**9, len(names)
    bar = TopicBar()
    bar.buffer, bar.count = buffer, 10**6
    status = StatusBar()
    status.standing = StatusContent("●", topic, True, tuple(names), (10**9, 3), 10**6, hint)
    buffers = Buffers(str.lower)
    for found in [name, *names]:
        buffers.open(found, is_room=True).mentions = 10**7
    sidebar = Sidebar(buffers)
    sidebar._painted_for = Size(width, high)
    people = MemberList(str.lower)
    people._people = [Member(found, "@" if found < "m" else "", found > "c") for found in names]
    hits = SearchHits()
    hits.hits = [(name, Item("said", time.time(), topic, found)) for found in names]
    for part in (bar, status, sidebar, people, hits):
        drawn = part.paint(width, high)
        assert len(drawn) <= high
        for row in drawn:
            is_whole(row, width)


@pytest.mark.parametrize("count", [5000])
def test_thousands_of_rooms_and_users_are_drawn_as_one_screenful(count: int) -> None:
    buffers = Buffers(str.lower)
    for number in range(count):
        buffers.open(f"#room{number}", is_room=True)
    sidebar = Sidebar(buffers)
    buffers.current = buffers.ordered()[-1]
    drawn = sidebar.paint(18, 20)
    assert len(drawn) == 20
    assert any("▸" in segment.text for row in drawn for segment in row)
    people = MemberList(str.lower)
    people._people = [Member(f"user{number}", "", False) for number in range(count)]
    assert len(people.paint(18, 20)) == 20


def test_drawn_text_has_no_control_characters() -> None:
    """The pattern above has all of Unicode's controls, except those that clean() leaves ([kept-joiners])."""
    assert all(_STEERING.match(chr(code)) for code in range(0xA0) if unicodedata.category(chr(code)) == "Cc")


def test_member_list_is_not_sorted_at_every_join(monkeypatch: pytest.MonkeyPatch) -> None:
    folded: list[str] = []

    def fold(name: str) -> str:
        folded.append(name)
        return name

    people = MemberList(fold)
    later: list[Callable[[], None]] = []
    monkeypatch.setattr(people, "set_timer", lambda _, then: later.append(then))
    monkeypatch.setattr(people, "refresh", lambda: None)
    crowd = [Member(f"user{number}", "", False) for number in range(CROWD_MEMBERS + 1)]
    for count in range(5):
        people.show([*crowd, *(Member(f"new{number}", "", False) for number in range(count))])
    assert len(folded) == CROWD_MEMBERS + 1
    [then] = later
    then()
    assert "new3" in folded, "in the end all are there"
    people.show(crowd[:3])
    assert len(folded) == 2 * (CROWD_MEMBERS + 1) + 4 + 3, "a few are shown at once"
