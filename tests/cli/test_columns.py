"""Text in columns, whatever it is written in."""

from __future__ import annotations

from chatctl.cli.columns import table


def test_what_is_wide_and_what_has_marks_takes_its_columns() -> None:
    assert table([("美咲", "here"), ("ann", "here"), ("e\u0301va", "here")]) == [
        "美咲  here",
        "ann   here",
        "e\u0301va   here",
    ]


def test_of_no_rows_there_is_nothing() -> None:
    assert table([]) == []
