"""Facts as lines: written ones can be read, invalid ones are left out, in any order (jsonl)."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from msgspec.structs import asdict, replace

from chatctl.chat.entries.facts import Fact
from chatctl.chat.entries.multiline import JOINTS
from chatctl.journal.exchange import jsonl
from chatctl.journal.exchange.jsonl import FactFile, to_line
from tests.journal.index.test_history_reader import histories
from tests.journal.journals import fact
from tests.journal.test_writer import EVERYTHING


def read(text: str) -> FactFile:
    file = FactFile(io.BytesIO(text.encode()))
    file.survey(lambda count: None)
    return file


def facts_of(file: FactFile) -> list[Fact]:
    """Return the facts of a file, without the ids of accounts that it adds."""
    found = [asdict(fact) for batch in file.batches() for fact in batch]
    return [Fact(**{name: value for name, value in each.items() if name != "account_id"}) for each in found]


def test_written_facts_are_read_back() -> None:
    file = read("".join(f"{to_line(fact)}\n" for fact in EVERYTHING))
    assert file.bad == []
    assert facts_of(file) == EVERYTHING


@pytest.mark.e2e
@given(histories())
def test_any_history_survives_export_and_import(history: list[Fact]) -> None:
    assert facts_of(read("\n".join(map(to_line, history)))) == history


def test_multiline_messages_survive_export_and_import() -> None:
    several = [
        fact(1, "one\n\nthree"),
        fact(2, "x" * 300 + "y" * 300, tags={JOINTS: "300", "+draft/reply": "boot1-1"}, kind="NOTICE"),
    ]
    file = read("".join(f"{to_line(fact)}\n" for fact in several))
    assert file.bad == []
    assert facts_of(file) == several


def test_facts_are_sorted_by_time_and_stable_within_it() -> None:
    mixed = [fact(1, time=50), fact(2, time=10), fact(3, time=50), fact(4, time=10)]
    assert [fact.seq for fact in facts_of(read("\n\n".join(map(to_line, mixed))))] == [2, 4, 1, 3]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"seq": 1}', "missing required field"),
        ("not json", "malformed"),
        ("[]", "object"),
        (to_line(fact(1, "a\r\nQUIT :b")), "line break"),
        (to_line(fact(1, "a\nQUIT :b", kind="TOPIC")), "line break"),
        (to_line(fact(1, "\n\n")), "line break"),
        (to_line(fact(1, "ab", kind="JOIN", tags={JOINTS: "1"})), "line break"),
        (to_line(fact(1, f"short\n{'x' * 600}")), "512"),
        *(
            (to_line(fact(1, "abc\ndef", tags={JOINTS: at})), "line breaks or joints")
            for at in ("x", "1,", "2,1", "0", "9", "١")
        ),
        (to_line(fact(1, "abc\ndef", tags={JOINTS: "3"})), "line break"),
        (to_line(fact(1, "x" * 600)), "512"),
        (to_line(fact(1, kind="privmsg x")), "not an IRC command"),
        (to_line(fact(1, source="a b")), "space"),
        (to_line(fact(1, source="")), "empty"),
        (to_line(replace(fact(1), time=-5)), "not a valid time"),
        (to_line(replace(fact(1), target="#a b")), "middle parameter"),
    ],
)
def test_invalid_line_is_reported_by_number_and_the_others_are_read(line: str, why: str) -> None:
    file = read(f"{to_line(fact(1))}\n\n{line}\n{to_line(fact(2))}\n")
    assert [number for number, _ in file.bad] == [3]
    assert why in file.bad[0][1]
    assert facts_of(file) == [fact(1), fact(2)]


def test_endless_line_is_one_invalid_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "_MAX_LINE_BYTES", 1000)
    file = read(f"{'x' * 5000}\n{to_line(fact(1))}\n{'y' * 3000}")
    assert file.bad == [(1, "it is too long"), (3, "it is too long")]
    assert facts_of(file) == [fact(1)]


def test_many_invalid_lines_are_counted() -> None:
    file = read("nothing\n" * 50)
    assert (len(file.bad), file.bad_count, len(file)) == (jsonl.MAX_REPORTED_ERRORS, 50, 0)
