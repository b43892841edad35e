"""Formatting, Markdown, links, mentions (chatctl/tui/render/runs, mentions)."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatctl.protocol.clean import clean
from chatctl.tui.model.mentions import mentions, pattern
from chatctl.tui.render.runs import runs

ATTRIBUTES = ("bold", "italic", "underline", "strike", "code", "reverse", "mention")


def shown(text: str) -> str:
    """Runs with their attributes in brackets."""
    parts = []
    for run, look in runs(text, pattern("ann")):
        marks = [
            name
            for name in ("bold", "italic", "underline", "strike", "code", "reverse", "mention")
            if getattr(look, name)
        ]
        marks += [f"colour {look.colour}"] if look.colour is not None else []
        parts.append(f"<{' '.join(marks)}:{run}>" if marks else run)
    return "".join(parts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("\x02bold\x02 and \x1ditalic\x0f.", "<bold:bold> and <italic:italic>."),
        ("\x0304red\x03 x \x0399y", "<colour 4:red> x y"),
        ("\x04ff0000x", "x"),
        ("**bold** _it_ ~~no~~ `co*de*`", "<bold:bold> <italic:it> <strike:no> <code:co*de*>"),
        ("2*3*4 and snake_case_name", "2*3*4 and snake_case_name"),
        ("* a list * of stars", "* a list * of stars"),
        ("**", "**"),
        ("`a` `b`", "<code:a> <code:b>"),
        ("ann: hi", "<mention:ann>: hi"),
        ("annual plan, @ann!", "annual plan, @<mention:ann>!"),
        ("http://a.b/_x_ ok", "<underline:http://a.b/_x_> ok"),
        ("(see https://a.b/c_(d).)", "(see <underline:https://a.b/c_(d)>.)"),
        ("javascript://x", "javascript://x"),
    ],
)
def test_text_is_split_into_runs(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_link_target_equals_its_text() -> None:
    [(_, _), (text, look), (_, _)] = runs("go https://example.org/a, now")
    assert text == look.link == "https://example.org/a"


@given(st.text(max_size=80))
@example("\ufe00")  # printable to Python, and not to be seen
def test_every_run_is_free_of_control_characters(text: str) -> None:
    for run, _ in runs(text, pattern("ann")):
        assert clean(run) == run


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("ann", True), ("Ann, hi", True), ("hi @ann", True), ("(ann)", True), ("ANN!", True), ("annual", False),
        ("joann", False), ("ann_", False), ("[ann]", False), ("", False), ("a\x02n\x02n", True),
    ],
)  # fmt: skip
def test_mentions_are_whole_words(text: str, named: bool) -> None:
    assert mentions(text, "ann") is named


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("https://en.example/A_(b_(c))", "https://en.example/A_(b_(c))"),
        ("(see https://en.example/A_(b_(c)))", "https://en.example/A_(b_(c))"),
        ("[here](https://e.example/x).", "https://e.example/x"),
        ("[https://e.example/x]", "https://e.example/x"),
        ("{https://e.example/x}!", "https://e.example/x"),
        ("https://e.example/list[0]", "https://e.example/list[0]"),
        ("http://[::1]:8000/", "http://[::1]:8000/"),
        ("\u300chttps://e.example/x\u300d\u3002", "https://e.example/x"),
        ("\uff08https://e.example/x\uff09\u3002", "https://e.example/x"),
        ("https://ja.example/A\uff08B\uff09\u3067\u3059", "https://ja.example/A\uff08B\uff09\u3067\u3059"),
        ("https://e.example/x\u3002\u6b21\u306e\u6587", "https://e.example/x"),
        ("https://e.example/x?!\u2026", "https://e.example/x"),
    ],
)
def test_link_keeps_its_own_brackets_and_leaves_out_what_follows(text: str, link: str) -> None:
    assert [look.link for _, look in runs(text) if look.link] == [link]
