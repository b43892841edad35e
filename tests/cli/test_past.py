"""How facts read in `chatctl history` and in an export for people."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatctl.chat.entries.facts import Fact
from chatctl.cli.stored_history import _words, as_text_lines
from chatctl.journal import prepare
from chatctl.journal.exchange.offline import StoppedJournal
from tests.cli.commands import run

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    ("kind", "text", "tags", "expected"),
    [
        ("PRIVMSG", "{hi}", {}, "[ann]: {hi}"),
        ("PRIVMSG", "\x01ACTION waves\x01", {}, "* ann waves"),
        ("RENAME", "#tea #tea,6 gone", {}, "--- #tea is #tea,6 from here on"),
        ("REDACT", "boot-3 wrong room", {}, "--- ann took a message back"),
        ("REDACTED", "", {}, "--- a message of ann that was taken back"),
        ("TAGMSG", "", {"+draft/react": "👋"}, "--- ann reacted: 👋"),
        ("TAGMSG", "", {"+unreact": "👋"}, "--- ann took back the reaction: 👋"),
        ("TAGMSG", "", {"+example/thing": "1"}, "--- ann gave a sign"),
    ],
)
def test_fact_is_shown_as_a_sentence(kind: str, text: str, tags: dict[str, str], expected: str) -> None:
    assert _words(Fact(1, 0, 0, "boot-1", kind, "#tea", "#tea", "ann!u@h", "", text, tags)) == expected


def test_multiline_message_is_shown_line_by_line() -> None:
    said = Fact(1, 0, 0, "boot-1", "PRIVMSG", "#tea", "#tea", "ann!u@h", "", "def tea():\n\n    return 4", {})
    act = Fact(2, 0, 0, "boot-2", "PRIVMSG", "#tea", "#tea", "ann!u@h", "", "\x01ACTION waves\nand sits\x01", {})
    assert [line.partition("  ")[2] for line in as_text_lines([said, act])] == [
        "#tea  [ann]: def tea():",
        "#tea  [ann]:     return 4",
        "#tea  * ann waves",
        "#tea  * ann and sits",
    ]


@pytest.mark.parametrize("form", ["jsonl", "txt", "html"])
@pytest.mark.parametrize(("room", "said"), [(None, "No stored history"), ("#tea", "No stored history of #tea")])
def test_empty_export_is_reported(tmp_path: Path, form: str, room: str | None, said: str) -> None:
    with StoppedJournal(prepare(tmp_path)):
        pass
    words = ["--format", form, *(["--room", room] if room else [])]
    done = run("export", "--verbose", "--data-dir", str(tmp_path), *words)
    assert (done.returncode, done.stderr.decode().splitlines()[-1]) == (0, f"chatctl: {said}")
    assert (done.stdout != b"") == (form == "html"), "an empty page is a page all the same"
